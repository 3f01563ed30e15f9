"""The automation of a set: lanes in the track, in clips and, before Live 10, inside the parameter."""

from collections.abc import Callable

from .numbers import beat_of, number_of, value_of, whole_of
from .parameters import ParameterReader
from .parts import MAX_LANES, OpenEvents, OpenSet

_HANDLES = ("CurveControl1X", "CurveControl1Y", "CurveControl2X", "CurveControl2Y")

_Attributes = dict[str, str]


class LaneReader:
    """Collects the events of lanes; those inside a parameter go to `parameters`."""

    def __init__(self, open_set: OpenSet, parameters: ParameterReader) -> None:
        self._open = open_set
        self._parameters = parameters

    def starts(self) -> dict[str, Callable[[str, _Attributes], None]]:
        """Return the handlers of elements' starts by tag; each is called with the parent's tag and the attributes."""
        return {
            "FloatEvent": lambda parent, a: self._take_event(a, steps=False),
            "EnumEvent": lambda parent, a: self._take_event(a, steps=True),
            "BoolEvent": lambda parent, a: self._take_event(a, steps=True),
            "AutomationEnvelope": self._open_envelope,
            "ClipEnvelope": self._open_envelope,
            "PointeeId": self._take_pointee,
        }

    def ends(self) -> dict[str, Callable[[int], None]]:
        """Return the handlers of elements' ends by tag; each is called with the element's depth."""
        return {"AutomationEnvelope": self._close_envelope, "ClipEnvelope": self._close_envelope}

    def _open_envelope(self, parent: str, attributes: _Attributes) -> None:
        if self._open.track is not None:
            self._open.count("lanes", MAX_LANES)
            self._open.envelope = OpenEvents(clip=self._open.clip)
            self._open.track.lanes.append(self._open.envelope)

    def _close_envelope(self, depth: int) -> None:
        self._open.envelope = None

    def _take_pointee(self, parent: str, attributes: _Attributes) -> None:
        if self._open.envelope is not None and parent == "EnvelopeTarget":
            self._open.envelope.target_id = whole_of(self._open.stack[-1], attributes, "Value")

    def _take_event(self, attributes: _Attributes, *, steps: bool) -> None:
        if len(self._open.stack) < 4 or self._open.stack[-2] != "Events" or self._open.track is None:
            return
        holder = self._open.stack[-3]
        if holder == "Automation" and self._open.envelope is not None:
            events = self._open.envelope
        elif holder == "ArrangerAutomation":
            parameter = self._parameters.at(len(self._open.stack) - 3)
            events = parameter.events = parameter.events or OpenEvents()
        else:
            return
        events.steps = steps
        time, value = beat_of(self._open.stack[-1], attributes, "Time"), value_of(self._open.stack[-1], attributes)
        if _HANDLES[0] in attributes:
            handles = (number_of(self._open.stack[-1], attributes, name, 0.5) for name in _HANDLES)
            x1, y1, x2, y2 = (min(max(handle, 0.0), 1.0) for handle in handles)
            events.handles[len(events.times)] = (x1, y1, x2, y2)
        events.times.append(time)
        events.values.append(value)
