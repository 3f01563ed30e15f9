"""From the elements of a Live set to its open parts, in one pass.

Live 10 and later keep arrangement lanes in the track (`AutomationEnvelopes`) and point at the
parameter by number; Live 8 and 9 keep them inside the parameter (`ArrangerAutomation`). A parameter
is known by its `AutomationTarget` or its inner lane; its name is the one that it tells (Max for Live,
plug-ins), else the names of its elements below the device.
"""

from collections.abc import Callable, Mapping

from .clips import ClipReader
from .model import TrackKind
from .numbers import number_of, value_if_any, value_of, whole_of
from .parts import NamedParameter, OpenDevice, OpenEvents, OpenParameter, OpenTrack, Target
from .xml import BrokenElementError

MAX_TRACKS = 5_000
MAX_DEVICES = 50_000
MAX_LANES = 50_000
MAX_PARAMETERS = 250_000  # a 10 MB set of Live 9 has 7,600
MAX_NAME_CHARACTERS = 200
MAX_NAME_ELEMENTS = 6  # of a parameter's path below its device; real ones have up to four

TRACK_KINDS: Mapping[str, TrackKind | None] = {
    "MidiTrack": "midi",
    "AudioTrack": "audio",
    "GroupTrack": "group",
    "ReturnTrack": "return",
    "MasterTrack": "main",
    "MainTrack": "main",
    "PreHearTrack": None,
}
_CHAINS = ("DeviceChain", "MasterChain")
_HANDLES = ("CurveControl1X", "CurveControl1Y", "CurveControl2X", "CurveControl2Y")

_Attributes = dict[str, str]
_Start = Callable[[str, _Attributes], None]  # the parent's tag, the attributes


class SetReader:
    """Takes the elements of one set; afterwards `creator`, `tracks`, `targets` and the two lanes."""

    def __init__(self) -> None:
        self.creator = ""
        self.tracks: list[OpenTrack] = []
        self.targets: dict[int, Target] = {}
        self.song: dict[str, tuple[Target, list[int], OpenEvents | None]] = {}  # Tempo, TimeSignature
        self._stack: list[str] = []
        self._track: OpenTrack | None = None
        self._devices: list[OpenDevice] = []  # open ones, racks first
        self._parameters: dict[int, OpenParameter] = {}  # by depth
        self._named: NamedParameter | None = None
        self._events: OpenEvents | None = None
        self._clips = ClipReader(self._stack)
        self._counts: dict[str, int] = {}
        self._names: dict[str, str] = {}  # equal names share one string
        self._starts = self._start_table()
        self._ends = self._end_table()

    def start(self, tag: str, attributes: _Attributes) -> None:
        """Take the start of an element."""
        stack = self._stack
        parent = stack[-1] if stack else ""
        stack.append(tag)
        if not parent:
            self._open_root(tag, attributes)
        if parent == "Devices" and self._track is not None:
            self._open_device(tag)
        handler = self._starts.get(tag)
        if handler is not None:
            handler(parent, attributes)
        elif parent == "ParameterList" and tag.endswith("Parameter"):
            self._named = NamedParameter(len(stack))
        elif "Id" in attributes and "Target" in tag:
            self._take_target(tag, attributes)

    def end(self, tag: str) -> None:
        """Take its end."""
        depth = len(self._stack)
        self._stack.pop()
        if depth in self._parameters:
            self._close_parameter(tag, depth)
        closer = self._ends.get(tag)
        if closer is not None:
            closer(depth)
        if self._devices and self._devices[-1].depth == depth:
            self._devices.pop()
        if self._named is not None and self._named.depth == depth:
            self._named = None

    def _start_table(self) -> dict[str, _Start]:
        table: dict[str, _Start] = {
            "FloatEvent": lambda parent, a: self._take_event(a, steps=False),
            "EnumEvent": lambda parent, a: self._take_event(a, steps=True),
            "BoolEvent": lambda parent, a: self._take_event(a, steps=True),
            "Manual": self._take_manual,
            "Min": self._take_bound,
            "Max": self._take_bound,
            "MinValue": self._take_named_bound,
            "MaxValue": self._take_named_bound,
            "AutomationTarget": self._take_own_target,
            "ModulationTarget": self._take_own_target,
            "AutomationEnvelope": self._open_envelope,
            "ClipEnvelope": self._open_envelope,
            "PointeeId": self._take_pointee,
            "TrackSendHolder": self._open_send,
            "EffectiveName": self._take_name,
            "UserName": self._take_name,
            "Name": self._take_name,
            "PlugName": self._take_name,
            "ParameterName": self._take_name,
            "RelativePath": self._take_name,
            "Path": self._take_name,
        }
        table |= dict.fromkeys(TRACK_KINDS, self._open_track)
        table |= dict.fromkeys(("MidiClip", "AudioClip"), self._open_clip)
        return table | self._clips.starts()

    def _end_table(self) -> dict[str, Callable[[int], None]]:
        table: dict[str, Callable[[int], None]] = {
            "AutomationEnvelope": self._close_envelope,
            "ClipEnvelope": self._close_envelope,
        }
        return table | self._clips.ends() | dict.fromkeys(TRACK_KINDS, self._close_track)

    # -- the frame: root, tracks, devices

    def _open_root(self, tag: str, attributes: _Attributes) -> None:
        if tag != "Ableton":
            raise BrokenElementError(f"its first element is {tag[:40]}, not Ableton")
        self.creator = attributes.get("Creator", "")[:MAX_NAME_CHARACTERS]

    def _open_track(self, parent: str, attributes: _Attributes) -> None:
        stack = self._stack
        at_top = len(stack) == 3 or (len(stack) == 4 and parent == "Tracks")
        if self._track is None and at_top and stack[1] == "LiveSet":
            self._count("tracks", MAX_TRACKS)
            self._track = OpenTrack(TRACK_KINDS[stack[-1]], len(stack))
            self.tracks.append(self._track)

    def _close_track(self, depth: int) -> None:
        if self._track is not None and self._track.depth == depth:
            self._track = None

    def _open_device(self, tag: str) -> None:
        assert self._track is not None
        self._count("devices", MAX_DEVICES)
        device = OpenDevice(tag, len(self._stack))
        self._devices.append(device)
        self._track.devices.append(device)

    # -- names

    def _take_name(self, parent: str, attributes: _Attributes) -> None:
        value = attributes.get("Value", "")[:MAX_NAME_CHARACTERS]
        tag, depth = self._stack[-1], len(self._stack)
        if self._named is not None:
            if depth == self._named.depth + 1 and tag in ("Name", "ParameterName"):
                self._named.name = value
        elif self._devices:
            self._name_device(self._devices[-1], tag, parent, value)
        elif self._clips.clip is not None:
            if tag == "Name" and depth == self._clips.clip.depth + 1:
                self._clips.clip.name = value
        elif self._track is not None and parent == "Name" and depth == self._track.depth + 2:
            if tag == "UserName":
                self._track.user_name = value
            elif tag == "EffectiveName":
                self._track.effective_name = value

    def _name_device(self, device: OpenDevice, tag: str, parent: str, value: str) -> None:
        if tag == "UserName" and len(self._stack) == device.depth + 1:
            device.user_name = value
        elif tag == "PlugName" or (tag == "Name" and parent in ("Vst3PluginInfo", "AuPluginInfo")):
            device.given_name = value
        elif parent == "FileRef" and "MxDPatchRef" in self._stack[device.depth :]:
            file_name = value.replace("\\", "/").rsplit("/", 1)[-1]
            if file_name.lower().endswith(".amxd"):
                device.given_name = file_name[: -len(".amxd")]

    # -- parameters

    def _parameter(self, depth: int) -> OpenParameter:
        return self._parameters.setdefault(depth, OpenParameter())

    def _take_manual(self, parent: str, attributes: _Attributes) -> None:
        if self._track is not None:
            self._parameter(len(self._stack) - 1).manual = value_if_any(attributes)

    def _take_bound(self, parent: str, attributes: _Attributes) -> None:
        if parent == "MidiControllerRange" and self._track is not None:
            parameter = self._parameter(len(self._stack) - 2)
            if self._stack[-1] == "Min":
                parameter.low = value_if_any(attributes)
            else:
                parameter.high = value_if_any(attributes)

    def _take_named_bound(self, parent: str, attributes: _Attributes) -> None:
        if self._named is not None and len(self._stack) == self._named.depth + 1:
            if self._stack[-1] == "MinValue":
                self._named.low = value_if_any(attributes)
            else:
                self._named.high = value_if_any(attributes)

    def _take_own_target(self, parent: str, attributes: _Attributes) -> None:
        if self._track is not None and "Id" in attributes:
            parameter = self._parameter(len(self._stack) - 1)
            parameter.target_ids.append(whole_of(self._stack[-1], attributes, "Id"))

    def _take_target(self, tag: str, attributes: _Attributes) -> None:
        """Register what a clip envelope may point at besides parameters: clip gain, controllers."""
        if self._track is not None and attributes["Id"].isdecimal():
            self._count("parameters", MAX_PARAMETERS)
            device, name = self._owner(self._stack[self._base() :])
            self.targets[whole_of(self._stack[-1], attributes, "Id")] = Target(device, name)

    def _close_parameter(self, tag: str, depth: int) -> None:
        parameter = self._parameters.pop(depth)
        if self._track is None or not (parameter.target_ids or parameter.events):
            return
        self._count("parameters", MAX_PARAMETERS)
        device, name = self._owner([*self._stack[self._base() :], tag])
        low, high = parameter.low, parameter.high
        if self._named is not None:
            name = self._named.name or name
            low, high = self._or(self._named.low, low), self._or(self._named.high, high)
        target = Target(device, self._names.setdefault(name, name), low, high, parameter.manual)
        self.targets |= dict.fromkeys(parameter.target_ids, target)
        self._keep_inner_lane(parameter, target)
        if tag in ("Tempo", "TimeSignature") and self._track.kind == "main" and device.kind == "Mixer":
            self.song[tag] = (target, parameter.target_ids, parameter.events)

    def _keep_inner_lane(self, parameter: OpenParameter, target: Target) -> None:
        """Keep a lane of Live 8 or 9; an only event is the value, not automation."""
        if parameter.events is not None and len(parameter.events.times) > 1 and self._track is not None:
            self._count("lanes", MAX_LANES)
            parameter.events.target = target
            parameter.events.target_id = parameter.target_ids[0] if parameter.target_ids else None
            self._track.lanes.append(parameter.events)

    @staticmethod
    def _or(told: float | None, found: float | None) -> float | None:
        return found if told is None else told

    def _base(self) -> int:
        """Return where in the stack the names below the device or track begin."""
        assert self._track is not None
        return self._devices[-1].depth if self._devices else self._track.depth

    def _owner(self, below: list[str]) -> tuple[OpenDevice, str]:
        """Return the device of a parameter, and its name from the elements below the device."""
        assert self._track is not None
        if self._devices:
            return self._devices[-1], " ".join(below[-MAX_NAME_ELEMENTS:])
        if below[0] in _CHAINS and len(below) > 1:
            below = below[1:]
        kind, rest = below[0], below[1:] or below
        device = self._track.chain.setdefault(kind, OpenDevice(kind, 0))
        if rest[0] == "Sends":
            return device, f"Send {_letter(self._track.sends)}"
        return device, " ".join(rest[-MAX_NAME_ELEMENTS:])

    # -- lanes

    def _open_envelope(self, parent: str, attributes: _Attributes) -> None:
        if self._track is not None:
            self._count("lanes", MAX_LANES)
            self._events = OpenEvents(clip=self._clips.clip)
            self._track.lanes.append(self._events)

    def _close_envelope(self, depth: int) -> None:
        self._events = None

    def _take_pointee(self, parent: str, attributes: _Attributes) -> None:
        if self._events is not None and parent == "EnvelopeTarget":
            self._events.target_id = whole_of(self._stack[-1], attributes, "Value")

    def _take_event(self, attributes: _Attributes, *, steps: bool) -> None:
        if len(self._stack) < 4 or self._stack[-2] != "Events" or self._track is None:
            return
        holder = self._stack[-3]
        if holder == "Automation" and self._events is not None:
            events = self._events
        elif holder == "ArrangerAutomation":
            parameter = self._parameter(len(self._stack) - 3)
            events = parameter.events = parameter.events or OpenEvents()
        else:
            return
        events.steps = steps
        if _HANDLES[0] in attributes:
            handles = tuple(number_of(self._stack[-1], attributes, name) for name in _HANDLES)
            x1, y1, x2, y2 = (min(max(handle, 0.0), 1.0) for handle in handles)
            events.handles[len(events.times)] = (x1, y1, x2, y2)
        events.times.append(number_of(self._stack[-1], attributes, "Time"))
        events.values.append(value_of(self._stack[-1], attributes))

    def _open_clip(self, parent: str, attributes: _Attributes) -> None:
        if self._track is not None:
            clip = self._clips.open(attributes)
            if clip is not None:
                self._track.clips.append(clip)

    def _open_send(self, parent: str, attributes: _Attributes) -> None:
        if self._track is not None:
            self._track.sends += 1

    def _count(self, what: str, most: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        if self._counts[what] > most:
            raise BrokenElementError(f"it has over {most} {what}")


def _letter(number: int) -> str:
    """Return A for the first send, as Live calls it."""
    return chr(ord("A") + number - 1) if 1 <= number <= 26 else str(number)
