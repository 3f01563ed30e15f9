"""One voice out of many, and that voice as a pitch class per frame.

A note enters the line only at its own start: a line never begins in the middle of
a note, so it stays in time with the clip.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from .errors import MidiError
from .grooves.rhythm import is_kit
from .notes import DRUM_CHANNEL, Note, audible, sort_notes
from .tempo import Beats

# Played legato overlaps the next note a little. Up to this share of the newcomer's
# length the older note hands over; beyond it the two are a chord.
HAND_OVER = Fraction(1, 4)

TUNE_PITCHES = 3  # and more, in a line without chords that sounds most of the time, are no drum part
TUNE_SHARE = Fraction(3, 5)


def melody(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return a line in which no two notes sound together, sorted by start.

    Of notes that start or sound together the highest wins, of equal pitches the loudest. Muted notes and the drum
    channel are left out. Raises `MidiError` where nothing with a pitch is left.
    """
    sounding = audible(notes)
    pitched = sort_notes(note for note in sounding if note.channel != DRUM_CHANNEL)
    if not pitched:
        raise _no_melody(has_drums=bool(sounding))
    return tuple(_skyline(pitched))


@dataclass(frozen=True, slots=True)
class Pitched:
    """The notes of a file that can be a melody, and sentences about the others."""

    notes: tuple[Note, ...]
    remarks: tuple[str, ...] = ()


def pitched(notes: Iterable[Note]) -> Pitched:
    """Return the notes without drums: channel 10 is the drums' where other channels play, too.

    All on channel 10 is a melody if it is no drum part; then its notes come on channel 1.
    """
    everything = tuple(notes)
    drums = [note for note in everything if note.channel == DRUM_CHANNEL]
    if not drums:
        return Pitched(everything)
    if len(drums) < len(everything):
        said = f"{len(drums)} notes on channel 10 are taken as drums and are no part of the melody."
        return Pitched(tuple(note for note in everything if note.channel != DRUM_CHANNEL), (said,))
    if not _is_tune(drums):
        return Pitched(everything)
    said = "All its notes are on channel 10, which is usually the drums'; they are read as a melody."
    return Pitched(tuple(replace(note, channel=0) for note in drums), (said,))


def _is_tune(notes: Sequence[Note]) -> bool:
    """Whether notes on channel 10 are no drums: they leave a kit's range, or run on one by one as a line does."""
    if not is_kit(notes):
        return True
    ordered = sort_notes(notes)
    apart = all(before.end <= after.start for before, after in pairwise(ordered))
    filled = sum(note.duration for note in ordered) >= TUNE_SHARE * (ordered[-1].end - ordered[0].start)
    return apart and filled and len({note.pitch for note in ordered}) >= TUNE_PITCHES


def _no_melody(*, has_drums: bool) -> MidiError:
    if has_drums:
        return MidiError(
            "only_drums",
            "The clip holds only drums (MIDI channel 10), so there is no melody to follow.",
            "Choose a track with pitched notes, or use this one as the rhythm.",
        )
    return MidiError(
        "no_notes",
        "The clip holds no sounding notes, so there is no melody to follow.",
        "Choose a clip with notes that are not muted.",
    )


def _skyline(notes: Sequence[Note]) -> list[Note]:
    """Sweep over the starts; the last note of `line` is the one that sounds."""
    line: list[Note] = []
    for start, together in groupby(notes, key=lambda note: note.start):
        best = max(together, key=_rank)
        if line and line[-1].end > start:
            overlap = line[-1].end - start
            hands_over = overlap <= HAND_OVER * min(best.duration, line[-1].duration)
            if not hands_over and _rank(best) <= _rank(line[-1]):
                continue
            line[-1] = replace(line[-1], duration=start - line[-1].start)
        line.append(best)
    return line


def _rank(note: Note) -> tuple[int, int]:
    return note.pitch, note.velocity


def pitch_class_target(
    line: Iterable[Note], loop_beats: Beats, frames: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the pitch class that should sound at each frame, and whether one should.

    Frame `i` stands at beat `i * loop_beats / frames`. `classes` is int64 [frames] in 0..11 (0 is C)
    and 0 in rests, `mask` bool [frames]. Parts of notes outside the loop are cut.
    """
    classes = np.zeros(frames, dtype=np.int64)
    mask = np.zeros(frames, dtype=np.bool_)
    for note in line:
        first, after = frame_span(note.start, note.end, loop_beats, frames)
        classes[first:after] = note.pitch % 12
        mask[first:after] = True
    return classes, mask


def frame_span(start: Beats, end: Beats, loop_beats: Beats, frames: int) -> tuple[int, int]:
    """Return the first frame at or after `start` and the first at or after `end`, in the loop."""
    first, after = (math.ceil(beat * frames / loop_beats) for beat in (start, end))
    return min(max(first, 0), frames), min(max(after, 0), frames)
