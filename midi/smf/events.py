"""The events of one MIDI track, from bytes as exporters and hardware write them.

Read leniently: running status goes on over metas and system messages, metas of any length and kind are passed over
by their length, real-time bytes are ignored, a system message without a length ends at its F7.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from ..tempo import MAX_DENOMINATOR, MAX_NUMERATOR

MAX_NUMBER_BYTES = 8  # of a number; the standard has 4, some writers put zeros in front
LARGEST = 0x0FFFFFFF  # number that the standard has: 28 bits

NAME, INSTRUMENT, END, TEMPO, METER, KEY = 0x03, 0x04, 0x2F, 0x51, 0x58, 0x59
KEPT_METAS = frozenset({NAME, INSTRUMENT, TEMPO})
_DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
_COMMON_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}


class TrackEnd(StrEnum):
    """How the reading of a track ended."""

    MARKED = "marked"  # at its end mark
    COMPLETE = "complete"  # at the end of its bytes, without a mark
    DAMAGED = "damaged"


class Event(NamedTuple):
    """A channel message or a meta at `tick`; of a meta, `data` is what it holds and `status` is 0xFF."""

    tick: int
    status: int
    data: bytes
    meta: int = -1


@dataclass(slots=True)
class Reading:
    """The events of a track, where and how the reading stopped, and what was mended."""

    events: list[Event] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    end: TrackEnd = TrackEnd.COMPLETE
    stop: int = 0
    damage: str = ""


class _DamagedError(Exception):
    """The bytes cannot be events; `str(error)` is the reason."""


def read_events(data: bytes, start: int, limit: int, *, stop_at_end: bool = False) -> Reading:
    """Return the events from `start` on, before `limit`, an `END` at the end mark included; never raises.

    Events behind the first end mark are read where a second one ends them at `limit`, as in files that were
    joined; other bytes there are no music. With `stop_at_end` nothing behind the mark is looked at.
    """
    reading = Reading(stop=start)
    reader = _EventReader(data, start, limit, reading)
    reader.run()
    if reading.end is not TrackEnd.MARKED or stop_at_end or reading.stop >= limit:
        return reading
    known, found = len(reading.events), reading.stop
    reading.end = TrackEnd.COMPLETE
    reader.run()
    if reading.end is TrackEnd.MARKED and reading.stop == limit:
        return reading
    del reading.events[known:]
    reading.end, reading.stop, reading.damage = TrackEnd.MARKED, found, ""
    if data[found:limit].strip(b"\0"):
        reading.remarks.append("Bytes behind the end mark of a track were passed over.")
    return reading


class _EventReader:
    """Reads one event after another into `reading`; `reading.stop` is where the next one begins."""

    def __init__(self, data: bytes, start: int, limit: int, reading: Reading) -> None:
        self.position = start  # within an event, too
        self._data, self._limit, self._reading = data, limit, reading
        self._tick = 0
        self._running = 0

    def run(self) -> None:
        """Read up to the next end mark, the limit, or what cannot be an event."""
        reading = self._reading
        try:
            while self.position < self._limit and reading.end is TrackEnd.COMPLETE:
                self._take()
                reading.stop = self.position
        except _DamagedError as error:
            reading.end, reading.damage = TrackEnd.DAMAGED, str(error)

    def _take(self) -> None:
        self._tick += self._number("a pause in it is longer than the format allows")
        status = self._byte()
        if status == 0xFF:
            self._meta()
        elif status >= 0xF0:
            self._system(status)
        else:
            self._channel(status)

    def _channel(self, status: int) -> None:
        first: tuple[int, ...] = ()
        if status < 0x80:
            if not self._running:
                raise _DamagedError("an event does not say what it is")
            first, status = (status,), self._running
        self._running = status
        missing = _DATA_BYTES[status & 0xF0] - len(first)
        data = bytes(min(byte, 127) for byte in (*first, *(self._byte() for _ in range(missing))))
        self._reading.events.append(Event(self._tick, status, data))

    def _system(self, status: int) -> None:
        if status not in (0xF0, 0xF7):  # a real-time or a common message, which has no place in a file
            for _ in range(_COMMON_DATA_BYTES.get(status, 0)):
                self._byte()
            return
        before = self.position
        length = self._number("a message in it has no length")
        after = self.position + length
        mark = self._data.find(b"\xf7", before, min(after, self._limit))
        raw = status == 0xF0 and mark >= 0 and max(self._data[before:mark], default=0) < 0x80
        if raw and mark + 1 != after:  # written without a length, as it goes over the wire
            self.position = mark + 1
        elif after <= self._limit:
            self.position = after
        else:
            raise _DamagedError("a system message in it has no end")

    def _meta(self) -> None:
        kind = self._byte()
        length = self._number("a text in it has no length")
        if self.position + length > self._limit:
            raise _DamagedError("it ends within a text or a setting")
        held = self._data[self.position : self.position + length]
        self.position += length
        if kind == END:
            self._reading.end = TrackEnd.MARKED
            self._reading.events.append(Event(self._tick, 0xFF, b"", END))
        elif kind == KEY and not _is_key(held):
            self._mend("A key signature that the standard does not know was left out.")
        elif kind == TEMPO and len(held) != 3:
            self._mend("A tempo of a wrong length was left out.")
        elif kind == METER:
            self._meter(held)
        elif kind in KEPT_METAS:
            self._reading.events.append(Event(self._tick, 0xFF, held, kind))

    def _meter(self, held: bytes) -> None:
        if len(held) < 2:
            self._mend("A time signature of a wrong length was left out.")
        elif not 1 <= held[0] <= MAX_NUMERATOR or 2 ** held[1] > MAX_DENOMINATOR:
            self._mend(f"A time signature of {held[0]} over 2 to the {held[1]} was left out.")
        else:
            self._reading.events.append(Event(self._tick, 0xFF, held, METER))

    def _mend(self, remark: str) -> None:
        if remark not in self._reading.remarks:
            self._reading.remarks.append(remark)

    def _byte(self) -> int:
        if self.position >= self._limit:
            raise _DamagedError("it ends within an event")
        byte = self._data[self.position]
        self.position += 1
        return byte

    def _number(self, reason: str) -> int:
        value = 0
        for _ in range(MAX_NUMBER_BYTES):
            byte = self._byte()
            value = value << 7 | byte & 0x7F
            if value > LARGEST:
                break
            if byte < 0x80:
                return value
        raise _DamagedError(reason)


def _is_key(held: bytes) -> bool:
    sharps = int.from_bytes(held[:1], signed=True)
    return len(held) == 2 and -7 <= sharps <= 7 and held[1] in (0, 1)
