"""From the elements of a Live set to its open parts, in one pass.

Live 10 and later keep arrangement lanes in the track (`AutomationEnvelopes`) and point at the
parameter by number; Live 8 and 9 keep them inside the parameter (`ArrangerAutomation`).
"""

from collections.abc import Callable, Mapping

from .clips import ClipReader
from .lanes import LaneReader
from .model import TrackKind
from .names import NameReader
from .parameters import ParameterReader
from .parts import MAX_NAME_CHARACTERS, OpenDevice, OpenEvents, OpenSet, OpenTrack, Target
from .xml import BrokenElementError

MAX_TRACKS = 5_000
MAX_DEVICES = 50_000

TRACK_KINDS: Mapping[str, TrackKind | None] = {
    "MidiTrack": "midi",
    "AudioTrack": "audio",
    "GroupTrack": "group",
    "ReturnTrack": "return",
    "MasterTrack": "main",
    "MainTrack": "main",
    "PreHearTrack": None,
}

_Attributes = dict[str, str]
_Start = Callable[[str, _Attributes], None]  # the parent's tag, the attributes


class SetReader:
    """Takes the elements of one set; afterwards `creator`, `tracks`, `targets` and `song`.

    Four other readers read the content of tracks; they share the open elements.
    """

    def __init__(self) -> None:
        self.creator = ""
        self._open = OpenSet()
        self._clips = ClipReader(self._open)
        self._parameters = ParameterReader(self._open)
        lanes = LaneReader(self._open, self._parameters)
        self._starts: dict[str, _Start] = {
            **NameReader(self._open).starts(), **self._parameters.starts(), **lanes.starts(), **self._clips.starts(),
            **dict.fromkeys(TRACK_KINDS, self._open_track),
            **dict.fromkeys(("MidiClip", "AudioClip"), self._open_clip),
        }  # fmt: skip
        self._ends: dict[str, Callable[[int], None]] = {
            **lanes.ends(), **self._clips.ends(), **dict.fromkeys(TRACK_KINDS, self._close_track),
        }  # fmt: skip

    @property
    def tracks(self) -> list[OpenTrack]:
        """All tracks, in the file's order."""
        return self._open.tracks

    @property
    def targets(self) -> dict[int, Target]:
        """The targets that lanes may point at, by number."""
        return self._open.targets

    @property
    def song(self) -> dict[str, tuple[Target, OpenEvents | None]]:
        """The main track's `Tempo` and `TimeSignature`."""
        return self._open.song

    def start(self, tag: str, attributes: _Attributes) -> None:
        """Take the start of an element."""
        stack = self._open.stack
        parent = stack[-1] if stack else ""
        stack.append(tag)
        if not parent:
            self._open_root(tag, attributes)
        if parent == "Devices" and self._open.track is not None:
            self._open_device(tag)
        handler = self._starts.get(tag)
        if handler is not None:
            handler(parent, attributes)
        else:
            self._parameters.other(tag, parent, attributes)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        depth = len(self._open.stack)
        self._open.stack.pop()
        self._parameters.close(tag, depth)
        if self._open.devices and self._open.devices[-1].depth == depth:
            self._open.devices.pop()
        closer = self._ends.get(tag)
        if closer is not None:
            closer(depth)

    def _open_root(self, tag: str, attributes: _Attributes) -> None:
        if tag != "Ableton":
            raise BrokenElementError(f"its first element is {tag[:40]}, not Ableton")
        self.creator = attributes.get("Creator", "")[:MAX_NAME_CHARACTERS]

    def _open_track(self, parent: str, attributes: _Attributes) -> None:
        stack = self._open.stack
        at_top = len(stack) == 3 or (len(stack) == 4 and parent == "Tracks")
        if self._open.track is None and at_top and stack[1] == "LiveSet":
            self._open.count("tracks", MAX_TRACKS)
            self._open.track = OpenTrack(TRACK_KINDS[stack[-1]], len(stack))
            self._open.tracks.append(self._open.track)

    def _close_track(self, depth: int) -> None:
        if self._open.track is not None and self._open.track.depth == depth:
            self._open.track = None

    def _open_device(self, tag: str) -> None:
        assert self._open.track is not None
        self._open.count("devices", MAX_DEVICES)
        device = OpenDevice(tag, len(self._open.stack))
        self._open.devices.append(device)
        self._open.track.devices.append(device)

    def _open_clip(self, parent: str, attributes: _Attributes) -> None:
        clip = self._clips.open(attributes)
        if clip is not None:
            (self._open.track or self._loose()).clips.append(clip)

    def _loose(self) -> OpenTrack:
        """Return the track of clips that lie in none, as in a clip file."""
        if not self._open.tracks or self._open.tracks[-1].depth:
            self._open.tracks.append(OpenTrack("midi", 0))
        return self._open.tracks[-1]
