"""The chords of a MIDI clip: held, broken or struck, each as long as its notes make one chord."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from ..errors import MidiError
from ..notes import DRUM_CHANNEL, Note, audible
from .qualities import QUALITIES
from .text import NO_CHORD, Chord, ChordSpan, joined

SHORTEST_BEATS = Fraction(1)  # of a chord that is named
BRUSHED_BEATS = Fraction(1, 8)  # by which a note may reach into the next chord without being part of it
TRIAD, MOST_NOTES = 3, 5  # six notes are a scale
EXTRA, MISSING = 1.0, 0.6  # costs of a note outside the chord, and of a note of the chord that is not played


def chords_of(notes: Iterable[Note], loop_beats: Fraction, beats_per_bar: Fraction) -> tuple[ChordSpan, ...]:
    """Return the chords of a loop from its notes, from beat 0 on, without a gap; equal neighbours are one.

    A bar whose notes are one chord is one; else its halves are looked at, down to a beat. The lowest note is the bass.
    Drums and muted notes do not count. Raises `MidiError` without pitched notes in the loop.
    """
    pitched = [note for note in audible(notes) if note.channel != DRUM_CHANNEL and note.start < loop_beats]
    if not pitched:
        raise MidiError("no_notes", "There are no pitched notes to read chords from.", "Write the chords yourself.")
    spans: list[ChordSpan] = []
    start = Fraction(0)
    while start < loop_beats:
        length = min(beats_per_bar, loop_beats - start)
        spans += _spans(pitched, start, length)
        start += length
    return joined(spans)


def _spans(notes: Sequence[Note], start: Fraction, beats: Fraction) -> list[ChordSpan]:
    chord, fits = _chord(_sounding(notes, start, beats))
    whole = [ChordSpan(start, beats, chord)]
    if beats <= SHORTEST_BEATS:
        return whole
    half = beats / 2
    first = half if half >= SHORTEST_BEATS and half.denominator <= 2 else SHORTEST_BEATS
    if fits and not _changes(notes, start, first, beats):
        return whole
    return [*_spans(notes, start, first), *_spans(notes, start + first, beats - first)]


def _changes(notes: Sequence[Note], start: Fraction, first: Fraction, beats: Fraction) -> bool:
    """Whether both parts of a stretch are whole chords of their own: A minor and F are no F with a seventh."""
    parts = [_sounding(notes, *part) for part in ((start, first), (start + first, beats - first))]
    chords = [_chord(part) for part in parts]
    whole = all(
        fits and len({pitch % 12 for pitch in part}) >= TRIAD for (_, fits), part in zip(chords, parts, strict=True)
    )
    return whole and chords[0][0] != chords[1][0]


def _sounding(notes: Sequence[Note], start: Fraction, beats: Fraction) -> list[int]:
    """Return the pitches that sound within a stretch for longer than they may brush it, or for all their length."""
    found = []
    for note in notes:
        inside = min(note.end, start + beats) - max(note.start, start)
        if inside > 0 and inside >= min(BRUSHED_BEATS, note.duration):
            found.append(note.pitch)
    return found


def _chord(pitches: Sequence[int]) -> tuple[Chord, bool]:
    """Return the chord that pitches are most like, and whether all of them are of one chord."""
    if not pitches:
        return NO_CHORD, True
    classes = frozenset(pitch % 12 for pitch in pitches)
    bass = min(pitches) % 12
    best: tuple[float, bool, Chord] | None = None
    for root in sorted(classes):
        for steps in (steps for steps in dict.fromkeys(QUALITIES.values()) if len(steps) <= MOST_NOTES):
            known = frozenset((root + step) % 12 for step in steps)
            # Cost first, then the bass as its root, then the simpler chord.
            cost = EXTRA * len(classes - known) + MISSING * len(known - classes - {(root + 7) % 12})
            cost += 0.3 * ((root + 7) % 12 in known - classes) + 0.1 * (root != bass) + 0.01 * len(steps)
            if best is None or cost < best[0]:
                best = cost, classes <= known, Chord(root, known | {bass}, bass)
    assert best is not None
    return best[2], best[1]
