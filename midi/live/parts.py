"""The elements of a Live set while they are open, as the reader fills them.

Times and values stay floats here, and events and notes packed arrays: a big set holds a million.
"""

from array import array
from dataclasses import dataclass, field

from ..curves.bezier import Handles
from .model import Place, TrackKind
from .xml import BrokenElementError

MAX_LANES = 50_000
MAX_PARAMETERS = 250_000  # a 10 MB set of Live 9 has 7,600
MAX_NAME_CHARACTERS = 200


@dataclass(slots=True)
class OpenEvents:
    """The events of one lane; `target` is known at once for lanes inside their parameter.

    `numbers` and `looping` are the loop of a clip's envelope that has one of its own, as `OpenClip` has them.
    """

    times: "array[float]" = field(default_factory=lambda: array("d"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    handles: dict[int, Handles] = field(default_factory=dict)
    steps: bool = False
    target_id: int | None = None
    target: "Target | None" = None
    clip: "OpenClip | None" = None
    looping: bool = True
    numbers: dict[str, float] = field(default_factory=dict)

    @property
    def bounds(self) -> "OpenEvents | OpenClip | None":
        """Whose loop the envelope goes round: its own where it is not linked to the clip's; None outside clips."""
        return self if self.clip is not None and {"LoopStart", "LoopEnd"} <= self.numbers.keys() else self.clip


@dataclass(slots=True)
class OpenParameter:
    """An element that turned out to be a parameter."""

    manual: float | None = None
    low: float | None = None
    high: float | None = None
    target_ids: list[int] = field(default_factory=list)
    events: OpenEvents | None = None


@dataclass(slots=True)
class NamedParameter:
    """A Max for Live or plug-in parameter, which tells its own name and range."""

    depth: int
    name: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(slots=True)
class OpenDevice:
    """A device, or a part of the track that has parameters, as its mixer."""

    kind: str
    depth: int
    user_name: str = ""
    given_name: str = ""

    @property
    def name(self) -> str:
        """The name in its title bar: the user's, else the file's or plug-in's, else its kind."""
        return self.user_name or self.given_name or self.kind


@dataclass(frozen=True, slots=True)
class Target:
    """The parameter that a lane's number points at: its device, range (`low`..`high`) and value (`manual`)."""

    device: OpenDevice
    name: str
    low: float | None = None
    high: float | None = None
    manual: float | None = None


@dataclass(slots=True)
class OpenClip:
    """A clip; `numbers` are its bounds and signature by element name."""

    kind: str
    place: Place
    depth: int
    time: float
    slot: int | None
    name: str = ""
    looping: bool = True
    active: bool = True  # false where it is switched off, with Live's key 0
    numbers: dict[str, float] = field(default_factory=dict)
    notes: "array[float]" = field(default_factory=lambda: array("d"))
    key_start: int = 0  # where in `notes` the open key track begins
    key: float = -1.0


@dataclass(slots=True)
class OpenTrack:
    """A track; `kind` is None for the one that only holds the cue volume."""

    kind: TrackKind | None
    depth: int
    user_name: str = ""
    effective_name: str = ""
    sends: int = 0
    devices: list[OpenDevice] = field(default_factory=list)
    chain: dict[str, OpenDevice] = field(default_factory=dict)  # mixer, sequencers
    clips: list[OpenClip] = field(default_factory=list)
    lanes: list[OpenEvents] = field(default_factory=list)


@dataclass(slots=True)
class OpenSet:
    """The elements that are open while a set is read, innermost last, and everything found so far."""

    stack: list[str] = field(default_factory=list)  # the tags that are open
    track: OpenTrack | None = None
    devices: list[OpenDevice] = field(default_factory=list)  # racks first
    named: NamedParameter | None = None
    clip: OpenClip | None = None
    envelope: OpenEvents | None = None
    tracks: list[OpenTrack] = field(default_factory=list)
    targets: dict[int, Target] = field(default_factory=dict)
    song: dict[str, tuple[Target, OpenEvents | None]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # equal names share one string
    _counts: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, most: int) -> None:
        """Count one more `what`, such as lanes; raises `BrokenElementError` for over `most`."""
        self._counts[what] = self._counts.get(what, 0) + 1
        if self._counts[what] > most:
            raise BrokenElementError(f"it has over {most} {what}")
