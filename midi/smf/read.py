"""Standard MIDI Files to notes and back, through mido.

Types 0, 1 and 2, any ticks per quarter note. What exporters and hardware write against the standard is mended
first (`repair`), and said. SMPTE time codes have no beats and are refused.
"""

import io
import struct
from pathlib import Path

import mido

from ..errors import MidiError
from ..files.opening import read_bytes
from ..tempo import Beats, MeterChange, TempoChange
from .chunks import RawFile
from .repair import broken, found_tracks, rewritten
from .score import Score, ScoreTrack, score_of_notes
from .track import TrackReader
from .write import write_midi

__all__ = ["Score", "ScoreTrack", "read_midi", "score_of_notes", "write_midi"]

MAX_FILE_BYTES = 8 * 2**20  # a hundred times a long orchestral file
_SMPTE_DIVISION = 0x8000

# What mido 1.3 raises on broken files: short reads, bad lengths and values, unknown frame rates.
_MIDO_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    struct.error,
    mido.KeySignatureError,
)


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
    raw = found_tracks(name, data)
    if raw.header.division == 0 or raw.header.division >= _SMPTE_DIVISION:
        raise MidiError(
            "smpte_midi",
            f"{name} counts time in film frames (SMPTE), so it has no beats.",
            "Export it again with ticks per quarter note.",
        )
    return _score(raw, _parsed(name, data, raw))


def _parsed(name: str, data: bytes, raw: RawFile) -> mido.MidiFile:
    """Return what mido reads: of the file itself where it has no fault, else of the mended one."""
    if raw.clean:
        try:
            return mido.MidiFile(file=io.BytesIO(data), clip=True)
        except _MIDO_ERRORS:  # stricter than we are: what it cannot read is of no use to us
            raw.mend()
    try:
        return mido.MidiFile(file=io.BytesIO(rewritten(raw)), clip=True)
    except _MIDO_ERRORS as error:
        raise broken(name, "its events do not go together") from error


def _score(raw: RawFile, file: mido.MidiFile) -> Score:
    tracks: list[ScoreTrack] = []
    tempos: dict[Beats, TempoChange] = {}
    meters: dict[Beats, MeterChange] = {}
    remarks: list[str] = list(raw.remarks)
    for track in file.tracks:
        reader = TrackReader(file.ticks_per_beat)
        for message in track:
            reader.take(message)
        # the tracks of type 2 are pieces of their own: the first one's time is used
        if file.type != 2 or not tracks:
            tempos.update(reader.tempos)
            meters.update(reader.meters)
        tracks.append(reader.finish())
        remarks += reader.remarks
    return Score(
        tracks=tuple(tracks),
        tempos=tuple(tempos[beat] for beat in sorted(tempos)),
        meters=tuple(meters[beat] for beat in sorted(meters)),
        ticks_per_beat=file.ticks_per_beat,
        type=file.type if file.type == 2 or (file.type == 0 and len(tracks) == 1) else 1,
        remarks=tuple(dict.fromkeys(remarks)),
    )
