"""Standard MIDI Files to notes and back.

Types 0, 1 and 2, any ticks per quarter note. `events` reads leniently: exporters and hardware break the standard in
ways for which `mido` would refuse a file or lose a track, so faults are mended here, with remarks. `mido` writes files,
and in the tests it counts the notes. SMPTE time codes have no beats and are refused.
"""

from pathlib import Path

from ..errors import MidiError
from ..files.opening import read_bytes
from ..tempo import Beats, MeterChange, TempoChange
from .chunks import RawFile, read_chunks
from .events import END
from .score import Score, ScoreTrack, score_of_notes
from .track import TrackReader
from .write import write_midi

__all__ = ["Score", "ScoreTrack", "read_midi", "score_of_notes", "write_midi"]

MAX_FILE_BYTES = 8 * 2**20  # a hundred times a long orchestral file
_SMPTE_DIVISION = 0x8000


def read_midi(source: Path | str | bytes) -> Score:
    """Read a MIDI file from a path or from its bytes; raises only `MidiError`."""
    if isinstance(source, bytes):
        name, data = "the MIDI data", source
    else:
        name, data = Path(source).name, read_bytes(Path(source), MAX_FILE_BYTES)
    if len(data) > MAX_FILE_BYTES:
        raise MidiError(
            "midi_too_big",
            f"{name} is over {MAX_FILE_BYTES // 2**20} MB, which no clip needs.",
            "Export only the part that you want.",
        )
    raw = _found_tracks(name, data)
    if raw.header.division == 0:
        raise _broken(name, "it says that a beat has no ticks")
    if raw.header.division >= _SMPTE_DIVISION:
        raise MidiError(
            "smpte_midi",
            f"{name} counts time in film frames (SMPTE), so it has no beats.",
            "Export it again with ticks per quarter note.",
        )
    return _score(raw)


def _found_tracks(name: str, data: bytes) -> RawFile:
    """Return what a file holds; raises `MidiError` where no track of it can be read at all."""
    raw = read_chunks(name, data)
    if not raw.tracks:
        raise _broken(name, "it has no track")
    damaged = next((remark for remark in raw.remarks if "is damaged" in remark), "")
    if damaged and not any(event.meta != END for events in raw.tracks for event in events):
        raise _broken(name, damaged.partition(": ")[2].partition(". What")[0])
    return raw


def _broken(name: str, reason: str) -> MidiError:
    return MidiError(
        "broken_midi", f"{name} is not a whole MIDI file: {reason}.", "Export it again from the program that made it."
    )


def _score(raw: RawFile) -> Score:
    tracks: list[ScoreTrack] = []
    tempos: dict[Beats, TempoChange] = {}
    meters: dict[Beats, MeterChange] = {}
    remarks: list[str] = list(raw.remarks)
    for events in raw.tracks:
        reader = TrackReader(raw.header.division)
        for event in events:
            reader.take(event)
        # the tracks of type 2 are pieces of their own: the first one's time is used
        if raw.header.kind != 2 or not tracks:
            tempos.update(reader.tempos)
            meters.update(reader.meters)
        tracks.append(reader.finish())
        remarks += reader.remarks
    return Score(
        tracks=tuple(tracks),
        tempos=tuple(tempos[beat] for beat in sorted(tempos)),
        meters=tuple(meters[beat] for beat in sorted(meters)),
        ticks_per_beat=raw.header.division,
        type=raw.header.kind if raw.header.kind == 2 or (raw.header.kind == 0 and len(tracks) == 1) else 1,
        remarks=tuple(dict.fromkeys(remarks)),
    )
