"""The chords of a MIDI clip: held, broken or struck, early, late or strummed, as a player reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

from ..errors import MidiError
from ..notes import DRUM_CHANNEL, Note, audible
from ..tempo import Meter
from .beats import Beat, beats_of
from .changes import Sound, beats_of_bar, set_on_beats
from .likeness import likest
from .text import ChordSpan, joined

CHANGE, CHANGE_AT_HALF = 1.1, 0.9  # beats of a foreign note that a change within a bar must save
CHANGE_OF_ONE = 2.0  # where one note moves and others are tied over: a melody, or a bass that walks


def chords_of(notes: Iterable[Note], loop_beats: Fraction, meter: Meter) -> tuple[ChordSpan, ...]:
    """Return the chords of a loop from its notes, from beat 0 on, without a gap; equal neighbours are one.

    Chords change on beats, the fewer times the better: what is struck up to an eighth early is its beat's, notes in
    passing change no chord, and a bar without notes has none. The lowest note where a chord begins is the bass. Drums
    and muted notes do not count. Raises `MidiError` without pitched notes in the loop.
    """
    pitched = [note for note in audible(notes) if note.channel != DRUM_CHANNEL and note.start < loop_beats]
    if not pitched:
        raise MidiError("no_notes", "There are no pitched notes to read chords from.", "Write the chords yourself.")
    bar, own = meter.beats_per_bar, beats_of_bar(meter)
    count = -(-loop_beats // bar)
    lines = [bar * index + beat for index in range(count) for beat in own if bar * index + beat < loop_beats]
    bars = [float(bar * index) for index in range(count)]
    marks = [float(line) for line in (*lines, loop_beats)]
    beats = beats_of(set_on_beats(_sounds(pitched, loop_beats), marks, [*bars, marks[-1]]), marks)
    spans: list[ChordSpan] = []
    for first in range(0, len(lines), len(own)):
        ends = [*lines[first : first + len(own)], min(lines[first] + bar, loop_beats)]
        spans += _spans(beats[first : first + len(own)], ends, lines[first] + bar / 2)
    return joined(spans)


def _sounds(notes: Iterable[Note], loop_beats: Fraction) -> list[Sound]:
    """Return what sounds within the loop; a pitch that is struck again sounds on from there, to its last end."""
    sounds: list[Sound] = []
    last: dict[int, int] = {}  # the place of each pitch's latest sound
    for note in sorted(notes, key=lambda note: note.start):
        start, end = max(float(note.start), 0.0), float(min(note.end, loop_beats))
        place = last.get(note.pitch)
        if place is not None and (before := sounds[place]).end > start:
            end = max(end, before.end)
            sounds[place] = replace(before, end=start)
        last[note.pitch] = len(sounds)
        sounds.append(Sound(note.pitch, start, end, start))
    return [sound for sound in sounds if sound.end > sound.start]


def _spans(beats: Sequence[Beat], lines: Sequence[Fraction], half: Fraction) -> list[ChordSpan]:
    """Return the chords of a bar: those that cost least, what is unlike them and each change together."""
    best: list[tuple[float, list[ChordSpan]]] = [(0.0, [])]
    for end in range(1, len(lines)):
        ways = []
        for start in range(end):
            chord, unlike = likest(beats[start:end])
            change = 0.0 if start == 0 else _cost_of_change(beats[start], at_half=lines[start] == half)
            cost, before = best[start]
            ways.append((cost + unlike + change, [*before, ChordSpan(lines[start], lines[end] - lines[start], chord)]))
        best.append(min(ways, key=lambda way: way[0]))
    return best[-1][1]


def _cost_of_change(beat: Beat, *, at_half: bool) -> float:
    if beat.struck < 2 <= beat.tied:
        return CHANGE_OF_ONE
    return CHANGE_AT_HALF if at_half else CHANGE
