"""A request as the datagrams that a device would send: for scripts, tests and `ditto-live send --osc`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.errors import BadRequestError
from engine.request import Control, Curve, LoopRequest, Notes, Number, Onsets, Words
from engine.service.messages import Priority

from ..requests.sent import Chunks, Rows
from ..requests.written import settings_of
from .codec import Value, encode

_LIMITS = ("steps", "seconds")  # sent where there is one; other texts also empty, in place of what another has sent
PER_CHUNK = 120  # groups: with five numbers each still well under 4,000 bytes


Place = tuple[str, str, int]  # part, control (empty for begin and set), number


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """All datagrams of a request by their place, and the commit."""

    parts: dict[Place, bytes]
    commit: bytes

    def of(self, part: str, control: str, indices: Sequence[int] = ()) -> Iterator[bytes]:
        """Yield the datagrams of a part, or only those with these numbers."""
        for (name, whose, number), datagram in self.parts.items():
            if (name, whose) == (part, control) and (not indices or number in indices):
                yield datagram


def encode_request(request: LoopRequest, nonce: str, *, priority: Priority = Priority.INTERACTIVE) -> EncodedRequest:
    """Return a request as datagrams; raises `BadRequestError` for what OSC cannot carry."""
    settings = dict(_settings(request), priority=priority)
    rows: dict[tuple[str, str], Rows] = {}
    for control in request.controls:
        settings.update(_control_settings(control))
        if not isinstance(control.target, Number | Words):
            part, sent = _rows(control)
            rows[part, control.kind] = sent
    return encode_settings(request.request_id, nonce, settings, rows)


def encode_settings(request_id: str, nonce: str, settings: Mapping[str, str], rows: Chunks) -> EncodedRequest:
    """Return settings, and curves, notes and onsets as rows, as the datagrams that ask for them."""
    parts: dict[Place, bytes] = {("begin", "", 0): encode("/ditto/loop/begin", (request_id, nonce))}
    manifest: list[tuple[Value, ...]] = []
    for (part, control), sent in rows.items():
        head = (control, sent.unit) if part == "curve" else (control,)
        groups = [tuple(float(x) if isinstance(x, Fraction) else x for x in row) for row in sent.rows]
        pieces = [groups[start : start + PER_CHUNK] for start in range(0, max(1, len(groups)), PER_CHUNK)]
        for index, piece in enumerate(pieces):
            values = (request_id, *head, index, len(pieces))
            parts[part, control, index] = encode(f"/ditto/loop/{part}", values, piece, nonce)
        manifest.append((part, control, len(pieces)))
    for number, (name, value) in enumerate(settings.items()):
        parts["set", "", number] = encode("/ditto/loop/set", (request_id, name, value), last=nonce)
    commit = encode("/ditto/loop/commit", (request_id, nonce, len(settings)), manifest)
    return EncodedRequest(parts, commit)


def _settings(request: LoopRequest) -> Iterator[tuple[str, str]]:
    if request.start is not None:
        if not request.start.take_id:
            raise BadRequestError("Over OSC a start can only be a take that the bridge has: name it.")
        yield "from_take", request.start.take_id
        yield "variation", str(request.start.variation)
    if request.beside is not None:
        raise BadRequestError("Over OSC a recording beside the loop can only be a file that the bridge reads.")
    yield from ((name, text) for name, text in settings_of(request).items() if text or name not in _LIMITS)


def _control_settings(control: Control) -> Iterator[tuple[str, str]]:
    yield f"{control.kind}.weight", weight_text(control)
    if isinstance(control.target, Number):
        yield f"{control.kind}.target", repr(control.target.value)
    if isinstance(control.target, Words):
        own = control.kind in ("structure", "text")
        yield control.kind if own else f"{control.kind}.target", control.target.text
    if control.within is not None:
        yield f"{control.kind}.within", f"{control.within[0]}:{control.within[1]}"
    if control.on:
        yield f"{control.kind}.on", ",".join(control.on)
    if isinstance(control.target, Curve):
        yield f"{control.kind}.low", str(control.target.low)
        yield f"{control.kind}.high", str(control.target.high)


def weight_text(control: Control) -> str:
    """Return a control's weight as settings have it: a number, or beat:weight pairs."""
    return " ".join(f"{p.beat}:{p.value * control.weight!r}" for p in control.weight_curve) or repr(control.weight)


def _rows(control: Control) -> tuple[str, Rows]:
    match control.target:
        case Curve() as curve:
            return "curve", Rows(tuple((p.beat, p.value) for p in curve.points), curve.unit)
        case Notes() as notes:
            return "notes", Rows(tuple((n.pitch, n.start, n.duration, n.velocity) for n in notes.notes))
        case Onsets() as onsets:
            return "onsets", Rows(tuple((o.beat, o.strength, o.group) for o in onsets.onsets))
        case _:
            raise BadRequestError(f"Over OSC {control.kind} can only name a file that the bridge reads.")
