"""The chunks of a MIDI file, found in wrappers, between vendors' chunks, and where lengths and counts are wrong."""

from dataclasses import dataclass, field
from typing import NamedTuple

from ..errors import MidiError
from .events import Event, TrackEnd, read_events

MAX_BEFORE_HEADER = 4096  # bytes that mail programs, loaders and wrappers put in front
_HEADER_BYTES = 14
_MAX_TRACKS = 65_535
_OTHER_KINDS = (
    (b"FICHIER GUITAR PRO", "a Guitar Pro file"),
    (b"SMF2CLIP", "a MIDI 2.0 clip"),
    (b"\x1f\x8b", "packed with gzip, as Live sets are"),
    (b"PK", "a zip archive, as MusicXML, Guitar Pro and Cubase archives are"),
    (b"<?xml", "XML"),
    (b"FORM", "an IFF or XMI file"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"ID3", "audio"),
)


class Header(NamedTuple):
    """A file's header: `kind` is 0, 1 or 2, `division` ticks a quarter note, or film frames above 0x7FFF."""

    kind: int
    tracks: int
    division: int
    end: int  # where the chunks begin


@dataclass(slots=True)
class RawFile:
    """A file's events by track; `remarks` are sentences on repairs."""

    header: Header
    tracks: list[list[Event]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def mend(self, remark: str) -> None:
        """Keep a sentence on a repair that matters to a producer."""
        if remark not in self.remarks:
            self.remarks.append(remark)


def read_chunks(name: str, data: bytes) -> RawFile:
    """Return the header and all tracks of a file; raises `MidiError` where there is none to read."""
    start = _find_header(name, data)
    raw = RawFile(_header(name, data, start))
    position = raw.header.end
    while position < len(data) and len(raw.tracks) < _MAX_TRACKS:
        position = _next_chunk(data, position, raw)
    _compare_counts(raw)
    return raw


def _find_header(name: str, data: bytes) -> int:
    """Return where `MThd` is: at the start, or behind bytes of a RIFF file, a MacBinary or a mail program."""
    limit = len(data) if data.startswith(b"RIFF") and data[8:12] == b"RMID" else MAX_BEFORE_HEADER
    start = data.find(b"MThd", 0, limit)
    if start >= 0:
        return start
    what = next((what for mark, what in _OTHER_KINDS if data.startswith(mark)), "")
    what = what if data else "empty"
    said = f"{name} is not a MIDI file; it is {what}." if what else f"{name} is not a MIDI file."
    raise MidiError("not_midi", said, "Choose a .mid file, or export one from the program that made this.")


def _header(name: str, data: bytes, start: int) -> Header:
    if len(data) < start + _HEADER_BYTES:
        raise MidiError("broken_midi", f"{name} is not a whole MIDI file: it ends in its header.", "Export it again.")
    length = int.from_bytes(data[start + 4 : start + 8])
    kind, tracks, division = (int.from_bytes(data[at : at + 2]) for at in range(start + 8, start + _HEADER_BYTES, 2))
    end = start + 8 + length
    if length < 6 or data[end : end + 4] != b"MTrk":  # a wrong length, or another chunk comes first
        found = data.find(b"MTrk", start + _HEADER_BYTES)
        usual = start + _HEADER_BYTES
        end = usual if length == 6 or found < 0 or data[usual : usual + 4] == b"MTrk" else min(found, len(data))
    return Header(kind, tracks, division, end)


def _next_chunk(data: bytes, position: int, raw: RawFile) -> int:
    """Read the chunk at `position` into `raw` and return where the next one begins."""
    kind, length = data[position : position + 4], int.from_bytes(data[position + 4 : position + 8])
    after = position + 8 + length
    if kind == b"MTrk" and position + 8 <= len(data):
        return _track(data, position + 8, after, raw)
    following = data.find(b"MTrk", position + 1)
    if kind == b"MThd":
        raw.mend("A second MIDI file follows inside this one; it was left out.")
        return len(data)
    if not data[position:].strip(b"\0\r\n\x1a \xff"):  # padding
        return len(data)
    if _is_name(kind) and position + 8 <= len(data) and (after == len(data) or _is_name(data[after : after + 4])):
        raw.mend(f"A chunk of another maker ({kind.decode('ascii')}) was passed over.")
        return after
    if following < 0:
        if raw.tracks:
            raw.mend("What follows the last track is no MIDI and was passed over.")
        return len(data)
    raw.mend("Bytes between two tracks that are no MIDI were passed over.")
    return following


def _track(data: bytes, start: int, declared: int, raw: RawFile) -> int:
    """Read the track whose events begin at `start` and whose chunk says that it ends at `declared`."""
    number = len(raw.tracks) + 1
    fits = declared == len(data) or (declared < len(data) and _is_name(data[declared : declared + 4]))
    found = read_events(data, start, declared if fits else len(data), stop_at_end=not fits)
    raw.tracks.append(found.events)
    for remark in found.remarks:
        raw.mend(remark)
    if found.end is TrackEnd.DAMAGED:
        raw.mend(f"Track {number} is damaged: {found.damage}. What comes before that was read.")
    if fits:
        return declared
    if found.end is TrackEnd.MARKED:
        raw.mend(f"Track {number} gives a wrong length; it was read to its end mark.")
        return found.stop
    if found.end is TrackEnd.COMPLETE:
        raw.mend(f"Track {number} is damaged: the file ends too early. What comes before that was read.")
    following = data.find(b"MTrk", max(found.stop, start))
    return following if following >= 0 else len(data)


def _compare_counts(raw: RawFile) -> None:
    if len(raw.tracks) != raw.header.tracks:
        said = "1 track" if raw.header.tracks == 1 else f"{raw.header.tracks} tracks"
        raw.mend(f"The file says that it has {said} and has {len(raw.tracks)}; all that are there were read.")


def _is_name(four: bytes) -> bool:
    """Whether these bytes may be a chunk's name: four printable ASCII characters."""
    return len(four) == 4 and all(0x20 <= byte < 0x7F for byte in four)
