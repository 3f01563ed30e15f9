"""A request on its way in, in pieces that may be lost, doubled or out of order."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..requests.fields import is_known, names_file, unknown
from ..requests.sent import Rows
from .codec import OscError, OscMessage, Value

MAX_SETTINGS = 200
MAX_CONTROLS = 20
QUICK_VALUES = 2_000
MAX_BYTES = 48 * 2**20  # of one request, counted as below
MAX_VALUES = 400_000  # numbers in all chunks: 100,000 breakpoints, or 20,000 notes, with room

Group = tuple[Value, ...]
Missing = tuple[str, str, tuple[int, ...]]  # part, control, chunk numbers (none means all)


@dataclass(slots=True)
class Chunks:
    """One curve, clip or rhythm: `pieces` by number, of `total`."""

    total: int
    unit: str = ""
    pieces: dict[int, tuple[Group, ...]] = field(default_factory=dict)

    def whole(self) -> tuple[Group, ...]:
        """Return all groups in order; every piece must be there."""
        return tuple(group for index in range(self.total) for group in self.pieces[index])


@dataclass(slots=True)
class Assembly:
    """What has arrived of one request."""

    born: float
    nonce: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    chunks: dict[tuple[str, str], Chunks] = field(default_factory=dict)
    values: int = 0
    size_bytes: int = 0  # about how much memory it takes

    @property
    def is_quick(self) -> bool:
        """Whether it can be made a request at once: it is small and names no file to be read."""
        named = any(value and names_file(name) for name, value in self.settings.items())
        return not named and self.values <= QUICK_VALUES

    @property
    def rows(self) -> dict[tuple[str, str], Rows]:
        """All curves, clips and rhythms in order, by part and control; every piece must be there."""
        return {place: Rows(chunks.whole(), chunks.unit) for place, chunks in self.chunks.items()}

    def require(self, request_id: str, nonce: str) -> None:
        """Raise `OscError` where another client than this one has begun the request."""
        if self.nonce not in ("", nonce):
            raise OscError(f"The request id {request_id} belongs to another device.")

    def set(self, name: str, value: str) -> None:
        """Set a field; raises `OscError` for a name that there is not."""
        if not is_known(name):
            sentence, remedy = unknown(name)
            raise OscError(sentence, remedy=remedy)
        if name not in self.settings and len(self.settings) >= MAX_SETTINGS:
            raise OscError(f"A request may have {MAX_SETTINGS} settings.")
        self._resize(_text_bytes(self.settings.get(name)), _text_bytes(value))
        self.settings[name] = value

    def add(self, message: OscMessage) -> None:
        """Add a chunk of a curve, a clip or a rhythm; the same chunk again replaces itself."""
        part = message.path.rpartition("/")[2]
        control, index, total = str(message.values[1]), int(message.values[-2]), int(message.values[-1])
        unit = str(message.values[2]) if part == "curve" else ""
        if index >= total:
            raise OscError(f"{message.path}: chunk {index} of {total}; they are counted from 0.")
        known = self._chunks_of(part, control, total, unit)
        before, after = known.pieces.get(index), message.groups
        values = self.values + _values(after) - _values(before)
        if values > MAX_VALUES:
            raise OscError(f"A request may hold {MAX_VALUES:,} numbers.", remedy="Thin the curve or the clip.")
        self._resize(_piece_bytes(before), _piece_bytes(after))
        known.pieces[index], self.values = after, values

    def _chunks_of(self, part: str, control: str, total: int, unit: str) -> Chunks:
        """Return where a chunk belongs; one that says another total or unit begins anew."""
        known = self.chunks.get((part, control))
        if known is not None and (known.total, known.unit) == (total, unit):
            return known
        if known is None and len(self.chunks) >= MAX_CONTROLS:
            raise OscError(f"A request may have {MAX_CONTROLS} curves, clips and rhythms.")
        for piece in known.pieces.values() if known is not None else ():
            self.values -= _values(piece)
            self._resize(_piece_bytes(piece), 0)
        fresh = self.chunks[part, control] = Chunks(total, unit)
        return fresh

    def _resize(self, before: int, after: int) -> None:
        if self.size_bytes - before + after > MAX_BYTES:
            raise OscError(f"A request may take {MAX_BYTES // 2**20} MB.", remedy="Send fewer and larger chunks.")
        self.size_bytes += after - before

    def close(self, commit: OscMessage) -> None:
        """Keep only what the commit says belongs to the request."""
        named = [(str(part), str(control)) for part, control, _total in commit.groups]
        self.chunks = {place: self.chunks[place] for place in named}

    def missing(self, commit: OscMessage) -> Iterator[Missing]:
        """Yield what the commit says belongs to the request and has not arrived."""
        if not self.nonce:
            yield "begin", "", ()
        if len(self.settings) < int(commit.values[2]):
            yield "set", "", ()
        for part, control, total in commit.groups:
            known = self.chunks.get((str(part), str(control)))
            if known is None or known.total != total:
                yield str(part), str(control), ()
            elif lost := tuple(index for index in range(known.total) if index not in known.pieces):
                yield str(part), str(control), lost


def _values(piece: tuple[Group, ...] | None) -> int:
    return sum(map(len, piece or ()))


def _piece_bytes(piece: tuple[Group, ...] | None) -> int:
    """Return about how much a chunk takes in CPython: its place, its groups and their numbers."""
    return 0 if piece is None else 150 + 64 * len(piece) + 32 * _values(piece)


def _text_bytes(text: str | None) -> int:
    return 0 if text is None else 150 + 4 * len(text)
