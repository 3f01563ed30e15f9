"""Where chords change: what is struck early or late for a beat belongs to it, and what is struck short rings on."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from ..tempo import Meter
from .text import MAX_PARTS

EARLY = 0.625  # quarter notes before a beat: an eighth, and a little more as people play
LATE = 0.375  # after a beat, for what still sounds of the chord before: the rest of the way between two beats
STRUM = 0.25  # within which notes are struck together
TRIAD = 3  # notes
JUST = 1e-6  # less than any tick


@dataclass(frozen=True, slots=True)
class Sound:
    """A pitch that sounds from a beat to another one; `pressed` is where its key was struck."""

    pitch: int
    start: float
    end: float
    pressed: float


def beats_of_bar(meter: Meter) -> tuple[Fraction, ...]:
    """Return where the beats of a bar begin, in quarter notes: 0, 3/2 of 6/8; 0, 1, 2 of 7/8, whose last is longer.

    A bar has at most `MAX_PARTS` of them.
    """
    bar, is_compound = meter.beats_per_bar, meter.denominator >= 8 and meter.numerator % 3 == 0
    beat = Fraction(12, meter.denominator) if is_compound else Fraction(1)
    while beat < 1 or bar / beat > MAX_PARTS:
        beat *= 2
    return tuple(beat * index for index in range(max(1, int(bar / beat))))


def set_on_beats(sounds: Iterable[Sound], lines: Sequence[float], bars: Sequence[float]) -> list[Sound]:
    """Return what sounds in a loop, each chord from its beat on; `lines` and `bars` are those of beats and of bars.

    Both go from 0 to the loop's end. A chord that is struck up to an eighth early, and sounds over the beat, is moved
    to it, also from the loop's end to its start; one that rings on a little after a beat ends there. Rests are filled
    within their bar, so that a bar without a note is the shortest rest of chords.
    """
    played = _wrapped(sorted(sounds, key=lambda one: (one.start, one.pitch)), lines)
    phrases = _phrases(_stabs_ringing(played, bars))
    return [_on_beat(sound, lines) for sound in _ringing(phrases, bars)]


def _wrapped(sounds: list[Sound], lines: Sequence[float]) -> list[Sound]:
    """Return the sounds with a chord that is struck early for the loop's start there, and not at its end."""
    end = lines[-1]
    last = [one for one in sounds if one.start > end - EARLY]
    before = [one for one in sounds if end - EARLY >= one.start and one.end > end - 1 - EARLY]
    first = [one for one in sounds if one.start < 1 - EARLY]
    is_chord = len(_pitch_classes(last)) >= TRIAD and len(lines) > 2
    if not is_chord or _pitch_classes(last) <= _pitch_classes(before):
        return sounds
    if first and not _pitch_classes(last) <= _pitch_classes(first):
        return sounds
    moved = [] if first else [Sound(one.pitch, 0.0, STRUM, 0.0) for one in last]
    return [*moved, *(one for one in sounds if one.start <= end - EARLY)]


def _stabs_ringing(sounds: Sequence[Sound], bars: Sequence[float]) -> list[Sound]:
    """Return the sounds with chords that are struck short ringing on, whatever a bass and a tune do meanwhile.

    They ring up to another chord, or to another note among or below theirs, in their bar: where they are a new chord
    just before a bar, in that one.
    """
    strikes = [([sounds[place] for place in strike], strike) for strike in _strikes(sounds)]
    chords = [_pitch_classes(notes) for notes, _ in strikes]
    done = list(sounds)
    changed = len(sounds)  # the place of the next other chord
    for index in reversed(range(len(strikes))):
        notes, strike = strikes[index]
        if index + 1 < len(strikes) and chords[index + 1] != chords[index]:
            changed = strikes[index + 1][1][0]
        top = max(one.pitch for one in notes)
        others = (one for one in sounds[strike[-1] + 1 : changed] if one.pitch <= top)
        foreign = next((one.start for one in others if one.pitch % 12 not in chords[index]), bars[-1])
        line = bisect_right(bars, notes[0].start + JUST)
        is_new = index > 0 and chords[index - 1] != chords[index]
        if is_new and bars[line] - notes[0].start <= EARLY and line + 1 < len(bars):
            line += 1
        end = min(foreign, bars[line], sounds[changed].start if changed < len(sounds) else bars[-1])
        for place in _released_together(sounds, strike):
            done[place] = replace(done[place], end=max(done[place].end, end))
    return done


def _released_together(sounds: Sequence[Sound], strike: range) -> list[int]:
    """Return the places of a strike's notes that are let go together and are a chord: no tune or bass beside it."""
    last = sounds[strike[-1]].start
    by_end = sorted((place for place in strike if sounds[place].end > last), key=lambda place: sounds[place].end)
    largest = at_once([(sounds[place].end, sounds[place].pitch % 12) for place in by_end])
    released = [by_end[place] for place in largest]
    return released if len(_pitch_classes(sounds[place] for place in released)) >= TRIAD else []


def at_once(moments: Sequence[tuple[float, int]]) -> range:
    """Return the places of most pitch classes that come within a strum; `moments` are when each comes, in order."""
    largest, most, first = range(0), (0, 0), 0
    window: Counter[int] = Counter()
    for place, (time, pitch_class) in enumerate(moments):
        window[pitch_class] += 1
        while time - moments[first][0] > STRUM:
            window[moments[first][1]] -= 1
            first += 1
        size = len(+window), place + 1 - first
        if size > most:
            largest, most = range(first, place + 1), size
    return largest


def _strikes(sounds: Sequence[Sound]) -> list[range]:
    """Return the places of notes that are struck together and are a chord."""
    strikes: list[range] = []
    window: Counter[int] = Counter()
    first = past = 0
    while first < len(sounds):
        while past < len(sounds) and sounds[past].start <= sounds[first].start + STRUM:
            window[sounds[past].pitch % 12] += 1
            past += 1
        if len(+window) >= TRIAD:
            strikes.append(range(first, past))
            first = past
            window.clear()
        else:
            window[sounds[first].pitch % 12] -= 1
            first += 1
    return strikes


def _phrases(sounds: Iterable[Sound]) -> list[list[Sound]]:
    """Return the sounds in groups with silence between them."""
    phrases: list[list[Sound]] = []
    end = 0.0
    for sound in sounds:
        if not phrases or sound.start > end + JUST:
            phrases.append([])
        phrases[-1].append(sound)
        end = max(end, sound.end)
    return phrases


def _ringing(phrases: Sequence[Sequence[Sound]], bars: Sequence[float]) -> list[Sound]:
    """Return all sounds, what is struck last before a silence ringing on in its bar, the first of a bar from its line.

    So a rest within a bar is no change of its chord.
    """
    done: list[Sound] = []
    silent_from = 0.0
    for index, phrase in enumerate(phrases):
        begin, end = phrase[0].start, max(one.end for one in phrase)
        line = max(silent_from, bars[bisect_right(bars, begin + JUST) - 1])
        following = phrases[index + 1][0].start if index + 1 < len(phrases) else bars[-1]
        silent_from = max(end, min(following, bars[bisect_left(bars, end - JUST)]))
        for one in phrase:
            start = line if one.start < begin + STRUM else one.start
            done.append(replace(one, start=start, end=silent_from if one.end > end - STRUM else one.end))
    return done


def _on_beat(sound: Sound, lines: Sequence[float]) -> Sound:
    """Return a sound from the beat on for which it is early, up to the one after which it hardly sounds."""
    start, end = sound.start, sound.end
    place = bisect_right(lines, start + JUST)
    if place < len(lines):
        ahead, after = lines[place] - start, end - lines[place]
        if ahead <= EARLY and after >= ahead / 2:  # else it is a short one between two beats
            start = lines[place]
    line = lines[bisect_left(lines, end - JUST) - 1]
    if end - line <= min(LATE, line - start):
        end = line
    return replace(sound, start=start, end=end)


def _pitch_classes(sounds: Iterable[Sound]) -> frozenset[int]:
    return frozenset(one.pitch % 12 for one in sounds)
