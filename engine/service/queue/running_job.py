"""A request that a worker has."""

from dataclasses import dataclass
from enum import StrEnum

from ...events import Phase, Progress


class StopReason(StrEnum):
    """Why a running request is asked to stop."""

    CANCEL = "cancel"  # its best take is kept
    DROP = "drop"  # it has its end already
    PAUSE = "pause"  # it goes back to the queue with its last state


@dataclass(slots=True)
class RunningJob:
    """A request that a worker has, for how long and with how many takes; times are monotonic seconds."""

    owner: str
    started: float
    takes: int = 0
    stopping: StopReason | None = None
    stop_by: float = float("inf")
    ended: bool = False


def beginning(request_id: str, phase: Phase) -> Progress:
    """Return the event that a worker begins a request, before there are steps to count."""
    return Progress(request_id=request_id, take=0, step=0, steps=0, seconds_left=-1.0, losses={}, phase=phase)
