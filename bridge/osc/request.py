"""A request as the datagrams that a device would send: for scripts, tests and `ditto-live send --osc`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.errors import BadRequestError
from engine.request import Control, Curve, LoopRequest, Notes, Onsets, Words

from .codec import Value, encode

PER_CHUNK = 120  # groups: with five numbers each still well under 4,000 bytes


Place = tuple[str, str, int]  # part, control (empty for begin and set), number


@dataclass(frozen=True, slots=True)
class Spoken:
    """All datagrams of a request by their place, and the commit."""

    parts: dict[Place, bytes]
    commit: bytes

    def of(self, part: str, control: str, indices: Sequence[int] = ()) -> Iterator[bytes]:
        """Yield the datagrams of a part, or only those with these numbers."""
        for (name, whose, number), datagram in self.parts.items():
            if (name, whose) == (part, control) and (not indices or number in indices):
                yield datagram


def speak(request: LoopRequest, nonce: str, *, priority: str = "interactive") -> Spoken:
    """Return a request as datagrams; raises `BadRequestError` for what OSC cannot carry."""
    request_id = request.request_id
    settings = dict(_settings(request), priority=priority)
    parts: dict[Place, bytes] = {("begin", "", 0): encode("/ditto/loop/begin", (request_id, nonce))}
    manifest: list[tuple[Value, ...]] = []
    for control in request.controls:
        settings.update(_control_settings(control))
        if isinstance(control.target, Words):
            settings["structure" if control.kind == "structure" else "text"] = control.target.text
            continue
        part, head, groups = _part(control)
        pieces = [groups[start : start + PER_CHUNK] for start in range(0, max(1, len(groups)), PER_CHUNK)]
        for index, piece in enumerate(pieces):
            values = (request_id, *head, index, len(pieces))
            parts[part, control.kind, index] = encode(f"/ditto/loop/{part}", values, piece)
        manifest.append((part, control.kind, len(pieces)))
    for number, (name, value) in enumerate(settings.items()):
        parts["set", "", number] = encode("/ditto/loop/set", (request_id, name, value))
    commit = encode("/ditto/loop/commit", (request_id, nonce, len(settings)), manifest)
    return Spoken(parts, commit)


def _settings(request: LoopRequest) -> Iterator[tuple[str, str]]:
    if request.start is not None:
        if not request.start.take_id:
            raise BadRequestError("Over OSC a start can only be a take that the bridge has: name it.")
        yield "from_take", request.start.take_id
        yield "variation", str(request.start.variation)
    for name in ("prompt", "negative_prompt", "method", "quality", "model", "slot"):
        yield name, str(getattr(request, name))
    for name in ("tempo_bpm", "bars", "seed", "count", "sample_rate"):
        yield name, str(getattr(request, name))
    yield "time_signature", str(request.meter)
    yield "key", request.key or ""
    yield "loop", str(int(request.loop))
    yield "until_tolerance", str(int(request.budget.until_tolerance))
    if request.budget.steps is not None:
        yield "steps", str(request.budget.steps)
    if request.budget.seconds is not None:
        yield "seconds", str(request.budget.seconds)


def _control_settings(control: Control) -> Iterator[tuple[str, str]]:
    yield f"{control.kind}.weight", str(control.weight)
    if control.within is not None:
        yield f"{control.kind}.within", f"{control.within[0]}:{control.within[1]}"
    if isinstance(control.target, Curve):
        yield f"{control.kind}.low", str(control.target.low)
        yield f"{control.kind}.high", str(control.target.high)


def _part(control: Control) -> tuple[str, tuple[Value, ...], Sequence[tuple[Value, ...]]]:
    match control.target:
        case Curve() as curve:
            return "curve", (control.kind, curve.unit), [(_beat(p.beat), p.value) for p in curve.points]
        case Notes() as notes:
            rows = [(n.pitch, _beat(n.start), _beat(n.duration), n.velocity) for n in notes.notes]
            return "notes", (control.kind,), rows
        case Onsets() as onsets:
            return "onsets", (control.kind,), [(_beat(o.beat), o.strength, o.group) for o in onsets.onsets]
        case _:
            raise BadRequestError(f"Over OSC {control.kind} can only name a file that the bridge reads.")


def _beat(beat: Fraction) -> float:
    return float(beat)
