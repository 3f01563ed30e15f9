"""The progress of a request for its client: not too often, with a time left that runs down between two steps."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.events import Progress

from ..osc import outgoing
from .clients import Clients
from .effects import Effect
from .state import RequestState

FASTEST_PROGRESS_SECONDS = 0.03


@dataclass(frozen=True, slots=True)
class ProgressReports:
    """Sends progress to `clients`. `now` is a monotonic clock's, in seconds."""

    clients: Clients

    def handle(self, state: RequestState, event: Progress, now: float) -> Iterator[Effect]:
        """Take in a step, and send it unless another was sent a moment ago."""
        state.progress, state.progress_received = event, now
        if now - state.progress_sent >= FASTEST_PROGRESS_SECONDS:
            yield from self.send(state, now)

    def send(self, state: RequestState, now: float) -> Iterator[Effect]:
        """Send the last progress; between two steps its time left runs down with the clock."""
        if state.progress is None:
            return
        state.progress_sent = now
        left = state.progress.seconds_left
        if left > 0:
            left = max(0.0, left - (now - state.progress_received))
        yield from self.clients.send(state, outgoing.progress(state.progress, left))
