"""The parameters of a set: their numbers, ranges and names, and the song's tempo and signature.

A parameter is known by its `AutomationTarget` or its inner lane; its name is the one that it tells (Max for Live,
plug-ins), else the names of its elements below the device.
"""

from collections.abc import Callable

from .model import METER_PARAMETER, TEMPO_PARAMETER
from .numbers import value_if_any, whole_of
from .parts import MAX_LANES, MAX_PARAMETERS, NamedParameter, OpenDevice, OpenParameter, OpenSet, Target

MAX_NAME_ELEMENTS = 6  # of a parameter's path below its device; real ones have up to four
_CHAINS = ("DeviceChain", "MasterChain")

_Attributes = dict[str, str]


class ParameterReader:
    """Collects the parameters of `open_set` by depth, and registers each when it closes."""

    def __init__(self, open_set: OpenSet) -> None:
        self._open = open_set
        self._parameters: dict[int, OpenParameter] = {}  # by depth

    def starts(self) -> dict[str, Callable[[str, _Attributes], None]]:
        """Return the handlers of elements' starts by tag; each is called with the parent's tag and the attributes."""
        return {
            "Manual": self._take_manual,
            "Min": self._take_bound,
            "Max": self._take_bound,
            "MinValue": self._take_named_bound,
            "MaxValue": self._take_named_bound,
            "AutomationTarget": self._take_own_target,
            "ModulationTarget": self._take_own_target,
            "TrackSendHolder": self._open_send,
        }

    def other(self, tag: str, parent: str, attributes: _Attributes) -> None:
        """Take the start of an element that has no handler of its own."""
        if parent == "ParameterList" and tag.endswith("Parameter"):
            self._open.named = NamedParameter(len(self._open.stack))
        elif "Id" in attributes and "Target" in tag:
            self._take_target(tag, attributes)

    def close(self, tag: str, depth: int) -> None:
        """Take the end of any element."""
        if depth in self._parameters:
            self._close_parameter(tag, depth)
        if self._open.named is not None and self._open.named.depth == depth:
            self._open.named = None

    def at(self, depth: int) -> OpenParameter:
        """Return the parameter that the element at `depth` turned out to be."""
        return self._parameters.setdefault(depth, OpenParameter())

    def _take_manual(self, parent: str, attributes: _Attributes) -> None:
        if self._open.track is not None:
            self.at(len(self._open.stack) - 1).manual = value_if_any(attributes)

    def _take_bound(self, parent: str, attributes: _Attributes) -> None:
        if parent == "MidiControllerRange" and self._open.track is not None:
            parameter = self.at(len(self._open.stack) - 2)
            if self._open.stack[-1] == "Min":
                parameter.low = value_if_any(attributes)
            else:
                parameter.high = value_if_any(attributes)

    def _take_named_bound(self, parent: str, attributes: _Attributes) -> None:
        if self._open.named is not None and len(self._open.stack) == self._open.named.depth + 1:
            if self._open.stack[-1] == "MinValue":
                self._open.named.low = value_if_any(attributes)
            else:
                self._open.named.high = value_if_any(attributes)

    def _take_own_target(self, parent: str, attributes: _Attributes) -> None:
        if self._open.track is not None and "Id" in attributes:
            parameter = self.at(len(self._open.stack) - 1)
            parameter.target_ids.append(whole_of(self._open.stack[-1], attributes, "Id"))

    def _take_target(self, tag: str, attributes: _Attributes) -> None:
        """Register a target of clip envelopes that is no parameter: clip gain, a controller."""
        if self._open.track is not None and attributes["Id"].isdecimal():
            self._open.count("parameters", MAX_PARAMETERS)
            device, name = self._owner(self._open.stack[self._base() :])
            self._open.targets[whole_of(self._open.stack[-1], attributes, "Id")] = Target(device, name)

    def _close_parameter(self, tag: str, depth: int) -> None:
        parameter = self._parameters.pop(depth)
        if self._open.track is None or not (parameter.target_ids or parameter.events):
            return
        self._open.count("parameters", MAX_PARAMETERS)
        device, name = self._owner([*self._open.stack[self._base() :], tag])
        low, high = parameter.low, parameter.high
        if self._open.named is not None:
            name = self._open.named.name or name
            low, high = _or(self._open.named.low, low), _or(self._open.named.high, high)
        target = Target(device, self._open.names.setdefault(name, name), low, high, parameter.manual)
        self._open.targets |= dict.fromkeys(parameter.target_ids, target)
        self._keep_inner_lane(parameter, target)
        if tag in (TEMPO_PARAMETER, METER_PARAMETER) and self._open.track.kind == "main" and device.kind == "Mixer":
            self._open.song[tag] = (target, parameter.events)

    def _keep_inner_lane(self, parameter: OpenParameter, target: Target) -> None:
        """Keep a lane of Live 8 or 9; an only event is the value, not automation."""
        if parameter.events is not None and len(parameter.events.times) > 1 and self._open.track is not None:
            self._open.count("lanes", MAX_LANES)
            parameter.events.target = target
            self._open.track.lanes.append(parameter.events)

    def _base(self) -> int:
        """Return where in the stack the names below the device or track begin."""
        assert self._open.track is not None
        return self._open.devices[-1].depth if self._open.devices else self._open.track.depth

    def _owner(self, below: list[str]) -> tuple[OpenDevice, str]:
        """Return the device of a parameter, and its name from the elements below the device."""
        assert self._open.track is not None
        if self._open.devices:
            return self._open.devices[-1], " ".join(below[-MAX_NAME_ELEMENTS:])
        if below[0] in _CHAINS and len(below) > 1:
            below = below[1:]
        kind, rest = below[0], below[1:] or below
        device = self._open.track.chain.setdefault(kind, OpenDevice(kind, 0))
        if rest[0] == "Sends":
            return device, f"Send {_letter(self._open.track.sends)}"
        return device, " ".join(rest[-MAX_NAME_ELEMENTS:])

    def _open_send(self, parent: str, attributes: _Attributes) -> None:
        if self._open.track is not None:
            self._open.track.sends += 1


def _or(named: float | None, found: float | None) -> float | None:
    return found if named is None else named


def _letter(number: int) -> str:
    """Return A for the first send, as Live calls it."""
    return chr(ord("A") + number - 1) if 1 <= number <= 26 else str(number)
