"""From the elements of a Live set to its tracks, clips and lanes, in one pass.

Live 10 and later keep arrangement lanes in the track (`AutomationEnvelopes`) and point at the
parameter by number; Live 8 and 9 keep them inside the parameter (`ArrangerAutomation`). A parameter
is known by its `AutomationTarget`; its name is the one it gives itself (Max for Live, plug-ins) or
the names of its elements below the device.
"""

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .bezier import Handles
from .clip import ClipMarkers
from .errors import MidiError
from .live_model import (
    NOTE_FIELDS,
    Lane,
    LiveClip,
    LiveDevice,
    LiveSet,
    LiveTrack,
    Place,
    TrackKind,
    meter_of_value,
)
from .live_xml import broken_set
from .tempo import Meter, exact, parse_tempo

MAX_TRACKS = 5_000
MAX_DEVICES = 50_000
MAX_CLIPS = 50_000
MAX_LANES = 50_000
MAX_PARAMETERS = 250_000  # a 10 MB set of Live 9 has 7,600
MAX_NAME_CHARACTERS = 200

_TRACK_KINDS: dict[str, TrackKind | None] = {
    "MidiTrack": "midi",
    "AudioTrack": "audio",
    "GroupTrack": "group",
    "ReturnTrack": "return",
    "MasterTrack": "main",
    "MainTrack": "main",
    "PreHearTrack": None,  # parameters only: no track that a producer sees
}
_KIND_NAMES = {"midi": "MIDI", "audio": "Audio", "group": "Group", "return": "Return", "main": "Main"}
_CURVE_ATTRIBUTES = ("CurveControl1X", "CurveControl1Y", "CurveControl2X", "CurveControl2Y")


@dataclass(slots=True)
class _Events:
    """The events of one lane as they come."""

    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))
    handles: dict[int, Handles] = field(default_factory=dict)
    steps: bool = False
    target_id: int | None = None
    clip: "_Clip | None" = None


@dataclass(slots=True)
class _Parameter:
    """A parameter whose element is open."""

    manual: float | None = None
    low: float | None = None
    high: float | None = None
    target_ids: list[int] = field(default_factory=list)
    is_automatable: bool = False
    events: _Events | None = None


@dataclass(slots=True)
class _Named:
    """A Max for Live or plug-in parameter, which tells its name and range."""

    depth: int
    name: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(slots=True)
class _Device:
    kind: str
    depth: int
    user_name: str = ""
    given_name: str = ""

    @property
    def name(self) -> str:
        return self.user_name or self.given_name or self.kind


@dataclass(slots=True)
class _Clip:
    kind: str
    place: Place
    depth: int
    slot: int | None
    name: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    looping: bool = True
    notes: array[float] = field(default_factory=lambda: array("d"))
    key_start: int = 0
    key: float | None = None


@dataclass(slots=True)
class _Target:
    """What a lane's number points at."""

    device: str
    name: str
    low: float | None
    high: float | None
    manual: float | None
    owner: _Device | None


@dataclass(slots=True)
class _Track:
    kind: TrackKind | None
    depth: int
    user_name: str = ""
    effective_name: str = ""
    devices: list[_Device] = field(default_factory=list)
    clips: list[_Clip] = field(default_factory=list)
    lanes: list[_Events] = field(default_factory=list)
