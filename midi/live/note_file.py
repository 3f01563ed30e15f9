"""The notes of a file, as they fall into a loop: `FILE.mid`, `FILE.mid#Track`, `SET.als#Track/Clip`, `CLIP.alc`.

A MIDI file does not tell how long its clip is: many end with their last note. Such a clip is whole bars long, and
one that fits into the loop several times goes round, as Live would play it. A part that only begins behind the loop's
end is read from the bar of its first note on; of a whole song `#Track@bar 33` is a passage.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from ..bars import EARLY_BEATS, Bars, Position, split_position
from ..errors import MidiError
from ..files.file_part import split_file_part
from ..files.names import name_key
from ..grooves.rhythm import is_kit
from ..notes import DRUM_CHANNEL, LATE_BEATS, Note, cut, passage, settled, shift, sort_notes
from ..tempo import Beats, Meter
from .lane_path import is_set
from .notes_read import NotesRead, meter_said, no_notes_from

if TYPE_CHECKING:
    from ..smf.score import Score, ScoreTrack

MIDI_ENDINGS = (".mid", ".midi", ".kar", ".rmi", ".smf")
_DRUM_WORDS = re.compile(
    r"\b(drums?|kit|beats?|percussion|perc|schlagzeug|batterie|bater[ií]a|808|909)\b|ドラム", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Piece:
    """The track or clip that was chosen in a file: its notes, and the beat at which it ends."""

    notes: tuple[Note, ...]
    end: Beats
    remarks: tuple[str, ...] = ()
    kit: bool = False
    struck: bool = False  # it is called drums, so that all of it is, whatever the channel

    @property
    def pitched(self) -> tuple[Note, ...]:
        """The notes that are no strokes of drums."""
        return () if self.struck else tuple(note for note in self.notes if note.channel != DRUM_CHANNEL)

    def followed(self, *, chase: bool) -> tuple[Note, ...]:
        """Return the notes that decide where it begins: all, with `chase` those that are no drums if there are any."""
        return (self.pitched if chase else ()) or self.notes


def holds_notes(path: Path) -> bool:
    """Whether the file's name is one of a MIDI file, a Live set or a clip of Live."""
    return is_set(path) or path.suffix.lower() in MIDI_ENDINGS


def read_notes(text: str, loop_beats: Beats, meter: Meter | None = None, *, chase: bool = True) -> NotesRead:
    """Return the notes that a file, or the part of it behind a `#`, plays in a loop of `loop_beats` beats.

    `meter` is the loop's, for a file that tells none; a remark says where the file's is another. From a position on,
    notes that began before it sound on, unless `chase` is off: a stroke has begun when it began. Raises `MidiError`
    with the file's name.
    """
    path, part = split_file_part(text)
    if is_set(path):
        from .note_clip import clip_piece  # here, because few requests name a set

        with naming(path):
            return clip_piece(path, part, loop_beats, meter, chase=chase)
    from ..smf.read import read_midi  # here, because only those who read MIDI files pay for loading mido

    score = read_midi(path)
    with naming(path):
        tracks, position, is_named = _tracks(score, part)
        piece = _midi_piece(tracks, score.remarks)
        if not part and score.type == 2 and len(score.tracks) > 1:
            said = f"{path.name} holds {len(score.tracks)} patterns; the first is read, {path.name}#2 is the next."
            piece = replace(piece, remarks=(*piece.remarks, said))
        found = _from_position(path.name, piece, score, position, loop_beats, meter, chase=chase)
        return found if is_named else replace(found, tracks=_pitched_tracks(score, tracks))


def score_start(score: "Score", part: str, *, chase: bool = True) -> Beats:
    """Return the beat of a MIDI file whose tempo and signature are those of a part of it; raises `MidiError`.

    That is a position, or the bar of the first note: a count-in before it may have others.
    """
    tracks, position, _is_named = _tracks(score, part)
    bars = score.bars()
    if position is not None:
        return bars.beat_of(position)
    return bars.bar_of(_first(_midi_piece(tracks, ()), chase=chase))


def _pitched_tracks(score: "Score", tracks: "Sequence[ScoreTrack]") -> tuple[tuple[int, str], ...]:
    """Return number and name of those of `tracks` that have notes which are no drums."""
    pitched = [track for track in tracks if any(note.channel != DRUM_CHANNEL for note in track.notes)]
    return tuple((number, track.name) for number, track in enumerate(score.tracks, 1) if track in pitched)


def track_notes(
    path: Path,
    score: "Score",
    number: int,
    loop_beats: Beats,
    meter: Meter | None = None,
    position: Position | None = None,
) -> NotesRead:
    """Return what one track of the MIDI file at `path`, which holds `score`, plays in a loop; `number` is from 1.

    Otherwise as `read_notes` from a position on.
    """
    with naming(path):
        piece = _midi_piece([score.tracks[number - 1]], score.remarks)
        return _from_position(path.name, piece, score, position, loop_beats, meter, chase=True)


def _from_position(
    name: str,
    piece: Piece,
    score: "Score",
    position: Position | None,
    loop_beats: Beats,
    meter: Meter | None,
    *,
    chase: bool,
) -> NotesRead:
    """Return a piece of `score` from a position on, or as a clip without one; `meter` is the loop's."""
    bars = score.bars(meter)
    start = None if position is None else bars.beat_of(position)
    first = bars.bar_of(_first(piece, chase=chase)) if start is None else start
    piece = replace(piece, remarks=(*piece.remarks, *meter_said(name, bars.meter_from(first), meter)))
    if start is None:
        return _played(name, piece, bars, loop_beats, chase=chase)
    return _passage(piece, bars, start, loop_beats, chase=chase)


def _tracks(score: "Score", part: str) -> "tuple[Sequence[ScoreTrack], Position | None, bool]":
    """Return the tracks that a part of a MIDI file means, the position behind their name, and whether it names any.

    Raises `MidiError`.
    """
    name, position = split_position(part)
    if any(name_key(track.name) == name_key(part) for track in score.tracks):  # a track may be called @
        name, position = part, None
    if name.strip():
        return score.named(name.strip()), position, True
    return score.tracks if score.type != 2 else score.tracks[:1], position, False


def _passage(piece: Piece, bars: Bars, start: Beats, loop_beats: Beats, *, chase: bool) -> NotesRead:
    """Return what a piece plays in `loop_beats` beats from `start` on; raises `MidiError` where it plays nothing."""
    pitched, end = piece.pitched, start + loop_beats
    drums = piece.notes if piece.struck else [note for note in piece.notes if note.channel == DRUM_CHANNEL]
    held, strokes = passage(pitched, start, end, chase=chase), passage(drums, start, end)
    notes, followed = sort_notes((*held, *strokes)), piece.followed(chase=chase)
    if not (held if followed == pitched else notes):
        what = "There are no notes" + " but drums" * (len(followed) < len(piece.notes))
        raise no_notes_from(what, bars, start, loop_beats, (note.start for note in followed))
    remarks = list(piece.remarks)
    end = max(piece.end, max(note.end for note in piece.notes)) - start
    if end < loop_beats and (line := bars.after(start).line_from(end)) < loop_beats:
        remarks.append(f"It ends {float(line):g} beats later; the loop's last beats rest.")
    return NotesRead(notes, tuple(remarks), piece.kit)


def _first(piece: Piece, *, chase: bool) -> Beats:
    return min((note.start for note in piece.followed(chase=chase)), default=Fraction(0))


def _played(name: str, piece: Piece, bars: Bars, loop_beats: Beats, *, chase: bool) -> NotesRead:
    """Return a piece from its start on, or from the bar of its first note on where that is behind the loop's end."""
    start = bars.begin(_first(piece, chase=chase), loop_beats)
    if start == 0:
        return fitted(name, piece, bars, loop_beats)
    of_what = "" if len(piece.followed(chase=chase)) == len(piece.notes) else " that is no drum's"
    from_bar = f"{name} is read from {bars.position_of(start)} on, where its first note{of_what} is."
    later_on = (note for note in piece.notes if note.start > start - EARLY_BEATS)
    moved = tuple(replace(note, start=max(note.start - start, Fraction(0))) for note in later_on)
    later = replace(piece, notes=moved, end=piece.end - start, remarks=(*piece.remarks, from_bar))
    return fitted(name, later, bars.after(start), loop_beats)


def fitted(name: str, piece: Piece, bars: Bars, loop_beats: Beats) -> NotesRead:
    """Return a piece as it goes round in a loop; its first note lies in the loop."""
    notes, remarks = piece.notes, list(piece.remarks)
    if not notes:
        return NotesRead((), tuple(remarks), piece.kit)
    length = _length(piece, bars, loop_beats)
    if length > loop_beats:
        inside = cut(notes, Fraction(0), loop_beats)
        left, last = len(notes) - len(inside), max(note.end for note in inside)
        if not left and last + bars.meter_at(last).beats_per_bar <= loop_beats:
            remarks.append(f"{name} goes on to beat {float(piece.end):g} without notes after beat {float(last):.4g}.")
        if left:
            said = f"the loop has the first {float(loop_beats):g}, so {left} notes are left out"
            remarks.append(f"{name} lasts {float(length):g} beats; {said}.")
        return NotesRead(inside, tuple(remarks), piece.kit)
    turns = int(loop_beats / length)
    if loop_beats % length:
        remarks.append(f"{name} lasts {float(length):g} beats and is played once; the loop's last beats rest.")
        return NotesRead(cut(notes, Fraction(0), length), tuple(remarks), piece.kit)
    if turns > 1:
        remarks.append(_turns_said(name, piece, length, turns))
    once = cut(settled(notes, Fraction(0), length), Fraction(0), length)
    repeated = sort_notes(note for turn in range(turns) for note in shift(once, turn * length))
    return NotesRead(repeated, tuple(remarks), piece.kit)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name in front of errors about its notes."""
    try:
        yield
    except MidiError as error:
        said = error.sentence if error.sentence.startswith(path.name) else f"{path.name}: {error.sentence}"
        raise MidiError(error.fault, said, error.remedy) from error


def _midi_piece(tracks: "Sequence[ScoreTrack]", remarks: tuple[str, ...]) -> Piece:
    said = list(remarks)
    with_notes = [track for track in tracks if track.notes]
    notes: list[Note] = []
    for track in tracks:
        if track.one_instrument:
            said.append("Its channels are voices or colours of one instrument; all of them are read as one part.")
        if track.is_bent:
            said.append("The pitch wheel is moved while notes sound; they are followed as they are written.")
        notes += (replace(note, channel=0) for note in track.notes) if track.one_instrument else track.notes
    if len(with_notes) > 1 and len({track.name for track in with_notes}) == 1 and with_notes[0].name:
        said.append(
            f"{len(with_notes)} tracks are called {with_notes[0].name!r}; all are read. #2 names the second track."
        )
    drums = any(_DRUM_WORDS.search(track.name) for track in with_notes) and len(with_notes) == 1
    # A track of tempi alone often lasts as long as the whole project.
    end = max((track.end for track in with_notes), default=Fraction(0))
    kit = drums or any(note.channel == DRUM_CHANNEL for note in notes) or is_kit(notes)
    return Piece(sort_notes(notes), end, tuple(dict.fromkeys(said)), kit, struck=drums)


def _length(piece: Piece, bars: Bars, loop_beats: Beats) -> Beats:
    """Return how long the clip is: to its end where the file tells one that fits, else whole bars.

    The last note may ring over the bar line: of two lengths the one that fits into the loop is meant.
    """
    last = max(note.end for note in piece.notes)
    if piece.end > last and piece.end >= 1 and loop_beats % piece.end == 0:
        return piece.end
    declared_end = piece.end if piece.end > last else Fraction(0)
    end = max(declared_end, *(_end_in_bars(note, bars) for note in piece.notes))
    length = bars.line_from(max(end - EARLY_BEATS, bars.line_from(LATE_BEATS)))
    shorter = bars.line_before(length)
    rings = shorter > 0 and declared_end <= shorter and all(note.start < shorter for note in piece.notes)
    return shorter if rings and loop_beats % length and loop_beats % shorter == 0 else length


def _end_in_bars(note: Note, bars: Bars) -> Beats:
    """Return where a note ends; one that is struck just before a bar line is the next downbeat, and ends there."""
    line = bars.line_from(note.start)
    return line if 0 < line - note.start < LATE_BEATS else note.end


def _turns_said(name: str, piece: Piece, length: Beats, turns: int) -> str:
    end = max(piece.end, max(note.end for note in piece.notes))
    rounded = "" if end == length else f" ends at beat {float(end):.4g}, is taken as {float(length):g} beats long"
    return f"{name}{rounded or f' lasts {float(length):g} beats'} and is played {turns} times."
