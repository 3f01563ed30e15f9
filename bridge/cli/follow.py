"""Follow a loop in the making to its takes, and stop with the best one so far when the producer says so."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import msgspec

from bridge.requests.reader import Reading
from bridge.takes.parts import TakeParts
from engine.errors import DittoError
from engine.events import (
    Accepted,
    Cancelled,
    Done,
    Event,
    Failed,
    Phase,
    Preview,
    Progress,
    Run,
    Stems,
    Superseded,
    Take,
)

from .progress import Display

Keep = Callable[[Take, Stems | None], None]
"""Writes a take, with its stems where there are some."""


@dataclass(slots=True)
class Outcome:
    """Result of a request: the number of takes, whether the producer stopped it, and all sentences that were shown."""

    takes: int = 0
    steps: int = 0  # of the search, as they were shown
    interrupted: bool = False
    notes: list[str] = field(default_factory=list)


class RemoteError(DittoError):
    """A failure that the engine has sent, in its own words."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.sentence, remedy=failed.remedy)
        self.code = failed.code


def follow(
    events: Run[Event],
    display: Display,
    keep: Keep,
    remarks: Sequence[str] = (),
    *,
    with_stems: bool = False,
    several: bool = False,
) -> Outcome:
    """Show `events`, hand each take to `keep`, with its stems where they are asked for, and return how it ended.

    What is said of a take names it where `several` are made. `remarks` were shown before; they and the engine's notes
    go into the notes of each take, so that they are kept.

    Ctrl-C, and SIGTERM alike, lets the step in hand finish and then stops `events`, which answer with the best take so
    far; a second one interrupts at once. Raises `RemoteError` when the request failed.
    """
    outcome = Outcome(notes=list(remarks))
    parts = TakeParts(asks_stems=with_stems)
    with _stop_on_signals(display) as stop, contextlib.closing(events):
        for event in events:
            _take_in(event, outcome, display, several)
            for whole in parts.of(event):
                notes = (*outcome.notes, *whole.take.notes)
                keep(msgspec.structs.replace(whole.take, notes=notes), whole.stems)
            # Once takes come, the search is over, and all of them are kept.
            if stop.is_set() and not outcome.takes:
                events.stop()
        outcome.interrupted = outcome.interrupted or stop.is_set()
    return outcome


def follow_reading(reading: Reading, events: Run[Event], display: Display, keep: Keep) -> Outcome:
    """Follow `events` of a request that was read; see `follow`."""
    request = reading.request
    return follow(events, display, keep, reading.remarks, with_stems=request.stems, several=request.count > 1)


def _take_in(event: Event, outcome: Outcome, display: Display, several: bool) -> None:
    match event:
        case Accepted():
            for sentence in event.notes:
                if sentence not in outcome.notes:
                    outcome.notes.append(sentence)
                    display.say(sentence)
        case Progress():
            display.step(event)
            if event.phase != Phase.DECODE and event.steps:
                outcome.steps = event.step
        case Take():
            outcome.takes += 1
            for sentence in event.notes:
                display.say(f"Take {outcome.takes}, {sentence}" if several else sentence)
        case Cancelled():
            outcome.interrupted = True
        case Failed():
            raise RemoteError(event)
        case Superseded():
            display.say("A newer request took this one's place.")
        case Preview() | Stems() | Done():
            pass


@contextmanager
def _stop_on_signals(display: Display) -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets; the second one interrupts as usual."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may handle signals
        return

    def ask(_signal: int, _frame: FrameType | None) -> None:
        restore()
        stop.set()
        display.say("Stopping after this step; press Ctrl-C again to stop at once.")

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        restore()
