"""Standard MIDI Files to notes and back, through mido.

Types 0, 1 and 2, any ticks per quarter note. A note-off ends the oldest sounding note
of its pitch and channel, so overlapping notes survive a round trip; a note that is
never ended is ended with its track. SMPTE time codes have no beats and are refused.
"""

import io
import re
import struct
from collections import defaultdict, deque
from fractions import Fraction
from pathlib import Path

import mido

from ..errors import MidiError
from ..notes import Note, sort_notes
from ..tempo import Beats, Meter, MeterChange, TempoChange, ticks_to_beats
from .score import Score, ScoreTrack, score_of_notes
from .write import write_midi

__all__ = ["Score", "ScoreTrack", "read_midi", "score_of_notes", "write_midi"]

MAX_FILE_BYTES = 8 * 2**20  # a hundred times a long orchestral file
MAX_DELTA_TICKS = 0x0FFFFFFF  # the format's own limit, four bytes of seven bits

# mido reads a delta time of any length into one number, in time that grows with the
# square; legal ones have three such bytes, and no real text has a thousand in a row.
_ENDLESS_NUMBER = re.compile(rb"[\x80-\xff]{1024}")

# What mido 1.3 raises on broken files: short reads, bad lengths and values,
# unknown key signatures and frame rates.
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
    name, data = ("the MIDI data", source) if isinstance(source, bytes) else _load(Path(source))
    _refuse_early(name, data)
    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True)
    except _MIDO_ERRORS as error:
        raise _broken(name, str(error) or "it ends too early") from error
    if file.ticks_per_beat <= 0:
        raise MidiError(
            "smpte_midi",
            f"{name} counts time in film frames (SMPTE), so it has no beats.",
            "Export it again with ticks per quarter note.",
        )
    return _score(name, file)


def _load(path: Path) -> tuple[str, bytes]:
    try:
        with path.open("rb") as file:
            return path.name, file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise MidiError("unreadable_file", f"{path.name} cannot be read: {reason}.", "Check the path.") from error


def _refuse_early(name: str, data: bytes) -> None:
    if len(data) > MAX_FILE_BYTES:
        raise MidiError(
            "midi_too_big",
            f"{name} is over {MAX_FILE_BYTES // 2**20} MB, which no clip needs.",
            "Export only the part that you want.",
        )
    if not data.startswith(b"MThd"):
        raise MidiError("not_midi", f"{name} is not a MIDI file.", "Choose a .mid file.")
    if _ENDLESS_NUMBER.search(data):
        raise _broken(name, "it holds a number without an end")


def _broken(name: str, reason: str) -> MidiError:
    return MidiError(
        "broken_midi",
        f"{name} is not a whole MIDI file: {reason[:120].rstrip('.')}.",
        "Export it again from the program that made it.",
    )


def _score(name: str, file: mido.MidiFile) -> Score:
    tracks: list[ScoreTrack] = []
    tempos: dict[Beats, TempoChange] = {}
    meters: dict[Beats, MeterChange] = {}
    remarks: list[str] = []
    for track in file.tracks:
        if any(message.time > MAX_DELTA_TICKS for message in track):
            raise _broken(name, "a pause in it is longer than the format allows")
        reader = _TrackReader(file.ticks_per_beat)
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


class _TrackReader:
    """Turns one track's messages into notes; one instance a track."""

    def __init__(self, ticks_per_beat: int) -> None:
        self.tempos: dict[Beats, TempoChange] = {}
        self.meters: dict[Beats, MeterChange] = {}
        self.remarks: list[str] = []
        self._ticks_per_beat = ticks_per_beat
        self._tick = 0
        self._name = ""
        self._notes: list[Note] = []
        self._sounding: dict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)

    def take(self, message: mido.Message) -> None:
        """Take the next message."""
        self._tick += message.time
        match message.type:
            case "note_on" if message.velocity > 0:
                self._sounding[message.channel, message.note].append((self._tick, message.velocity))
            case "note_on":
                self._end_note(message.channel, message.note, 64)
            case "note_off":
                self._end_note(message.channel, message.note, message.velocity)
            case "set_tempo":
                self._take_tempo(message.tempo)
            case "time_signature":
                self._take_meter(message.numerator, message.denominator)
            case "track_name":
                self._name = self._name or message.name.strip("\0 ")

    def finish(self) -> ScoreTrack:
        """End what still sounds and return the track."""
        for (channel, pitch), waiting in self._sounding.items():
            while waiting:
                self.remarks.append("Notes without an end were ended with their track.")
                self._end_note(channel, pitch, 64)
        return ScoreTrack(self._name, sort_notes(self._notes), self._beat())

    def _beat(self) -> Beats:
        return ticks_to_beats(self._tick, self._ticks_per_beat)

    def _end_note(self, channel: int, pitch: int, release_velocity: int) -> None:
        waiting = self._sounding[channel, pitch]
        if not waiting:
            return  # a note-off for nothing means nothing
        start, velocity = waiting.popleft()
        ticks = max(1, self._tick - start)  # a note of no length becomes the shortest
        self._notes.append(
            Note(
                pitch=pitch,
                start=ticks_to_beats(start, self._ticks_per_beat),
                duration=ticks_to_beats(ticks, self._ticks_per_beat),
                velocity=velocity,
                channel=channel,
                release_velocity=release_velocity,
            )
        )

    def _take_tempo(self, microseconds_per_beat: int) -> None:
        if microseconds_per_beat == 0:
            self.remarks.append("A tempo without end was left out.")
            return
        tempo_bpm = Fraction(60_000_000, microseconds_per_beat)
        self.tempos[self._beat()] = TempoChange(self._beat(), tempo_bpm)

    def _take_meter(self, numerator: int, denominator: int) -> None:
        try:
            meter = Meter(numerator, denominator)
        except MidiError as error:
            self.remarks.append(f"A time signature was left out: {error.sentence[:80]}")
            return
        self.meters[self._beat()] = MeterChange(self._beat(), meter)
