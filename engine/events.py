"""What the engine says back, from acceptance to the last take. Every event carries the request's id."""

from collections.abc import Callable, Generator
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

E = TypeVar("E")
Scores = dict[str, float | None]
EARLIER_SCORES = {"held_out": "embedding_distance"}  # names under which the takes of earlier builds have them


def named_now(scores: Scores) -> Scores:
    """Return the scores of a take of any build under the names of this one."""
    return {EARLIER_SCORES.get(name, name): value for name, value in scores.items()}


class _Event(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    request_id: str


class Accepted(_Event, frozen=True, tag="accepted"):
    """The request is on disk and will be finished or reported. `notes` are sentences for the producer."""

    notes: tuple[str, ...] = ()
    queue_position: int = 0


class Phase(StrEnum):
    """What a worker is doing for a request."""

    STARTING = "starting"
    RESTARTING = "starting again"  # from its last saved state, because its worker died
    OPTIMISE = "optimise"
    GUIDE = "guide"
    DECODE = "decode"  # the search is over: takes are decoded and scored


class Progress(_Event, frozen=True, tag="progress"):
    """One step of the search for `take` is done: `losses` per control, unweighted.

    An accelerator searches for all takes at once, and `take` is 0. While takes are decoded, `step` of `steps` are done.
    `seconds_left` is the time to the last take, -1 where it is not known yet.
    """

    take: int
    step: int
    steps: int
    seconds_left: float
    losses: dict[str, float]
    phase: Phase = Phase.OPTIMISE


class Sound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sound that was made, on the wire: float32 little-endian, channels interleaved.

    `engine.request.Audio` is sound that a request brings: it has the same layout, is checked, and may say what to keep.
    """

    samples: bytes
    sample_rate: int
    channels: int = 2


class Preview(_Event, frozen=True, tag="preview"):
    """An early listen: the loop as it stands."""

    take: int
    step: int
    sound: Sound


class Take(_Event, frozen=True, tag="take"):
    """One finished loop, in rank order when there are several.

    `noise` is the optimised x_T as safetensors; `record` is what the sidecar keeps (versions, timings,
    loss curves, gains, licence).
    """

    take: int
    sound: Sound
    scores: Scores
    noise: bytes
    record: dict[str, object]
    notes: tuple[str, ...] = ()


class Stems(_Event, frozen=True, tag="stems"):
    """The layers of a take, which add up to its sound to -90 dBFS; only for a request that asks for them.

    They follow the take. `samples` hold the layers one after the other, each as `Sound` has them. Layers that
    are `muted` are not in the sum.
    """

    take: int
    layers: tuple[str, ...]
    samples: bytes
    sample_rate: int
    channels: int = 2
    muted: tuple[str, ...] = ()

    @property
    def sounds(self) -> dict[str, Sound]:
        """The sound of each layer by its name."""
        size = len(self.samples) // max(1, len(self.layers))
        return {
            layer: Sound(
                samples=self.samples[index * size : (index + 1) * size],
                sample_rate=self.sample_rate,
                channels=self.channels,
            )
            for index, layer in enumerate(self.layers)
        }


class Done(_Event, frozen=True, tag="done"):
    """All takes were sent; `best` is the index of the highest ranked."""

    takes: int
    best: int = 0


class Cancelled(_Event, frozen=True, tag="cancelled"):
    """The request was cancelled; the best take so far was sent if there was one."""

    takes: int = 0


class Superseded(_Event, frozen=True, tag="superseded"):
    """A newer request in the same slot took its place."""

    by: str


class Failed(_Event, frozen=True, tag="failed"):
    """The request failed: `code` for programs, `sentence` and `remedy` for people."""

    code: str
    sentence: str
    remedy: str = ""


class Checkpoint(msgspec.Struct, frozen=True):
    """The optimiser's state as bytes, from which the same request can be resumed; never leaves the engine."""

    state: bytes


Event = Accepted | Progress | Preview | Take | Stems | Done | Cancelled | Superseded | Failed
Final = Done | Cancelled | Superseded | Failed


class Run(Generic[E]):
    """The events of one request in the making: iterate to get them, stop asking and nothing goes on.

    Threads: one thread iterates and closes. `stop` may be called from any thread and from a signal handler.
    """

    def __init__(self, make: Callable[[Callable[[], bool]], Generator[E, None, None]]) -> None:
        """`make` returns the events; it is given a function that tells whether the run was stopped."""
        self._is_stopped = False
        self._events = make(lambda: self._is_stopped)

    def __iter__(self) -> "Run[E]":
        return self

    def __next__(self) -> E:
        return next(self._events)

    def stop(self) -> None:
        """Ask for the best takes so far: they follow after the step that is being made, and then `Cancelled`."""
        self._is_stopped = True

    def close(self) -> None:
        """End at once; nothing follows."""
        self._events.close()
