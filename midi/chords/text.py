"""Chords as producers write them: `Am F | C G/B | N.C.`, letters or Roman numerals, bars divided as written.

Bars are apart by `|`, and chords between two of them share the bar in equal parts. Without any bar line the
chords share the whole loop. `%` repeats the bar before, `.` or `/` alone holds the chord for one more part. Repeat
signs may stand around all of them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import cycle, groupby, islice, pairwise
from math import lcm
from unicodedata import normalize

from ..errors import MidiError
from ..key import ACCIDENTALS, LETTERS, MODES, NOTE_NAMES, Key, letter_above, spelt
from .qualities import name_of, steps_of

HOLDS = (".", "/")  # of a chord, one more part
MAX_BARS, MAX_PARTS = 64, 16  # of a text, of a bar
REMEDY = "Write bars like Am F | C G/B, with Roman numerals like i VI | III VII where a key is given."

_DIMINISHED, _MINOR_THIRD, _FIFTH, _TRIAD = {3, 6}, 3, 7, 3
_TONES = {3: 2, 4: 2, 6: 4, 7: 4, 8: 4, 10: 6, 11: 6}  # letters above the root's, by semitones: third, fifth, seventh
_DEGREES = ("I", "II", "III", "IV", "V", "VI", "VII")
_NOTE = re.compile(r"([A-Ga-g])([#b♯♭]?)")
_LETTER = re.compile(r"([A-Ga-g])([#b♯♭]?)([^/]*)(?:/(.+))?")
_ROMAN = re.compile(r"([#b♯♭]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(?![IViv])([^/]*)(?:/(.+))?")
_SPELT = re.compile(r"\(([A-G][#b♯♭]?(?:\+[A-G][#b♯♭]?)*)\)")  # a chord without a name, by its notes
_NOTHING = re.compile(r"n\.?c\.?", re.IGNORECASE)
# Between chords, as C-F, C -> F and C – F; a hyphen that stands at a chord alone, as in C- F, makes it minor.
_DASH = re.compile(r"(?:(?<=\s)-|-(?=\S)|[-=]*[–—→>])(?=\s*(?:[A-G]|[#b♯♭]?[IViv]))")
_DOUBLE_BAR = re.compile(r"\|{2,}")
_REPEATED = re.compile(r"\s*\|+\s*:(.*?)(?::\s*\|+)?\s*", re.DOTALL)  # |: and :| around all chords
_WORD = re.compile(  # after a root, as in A minor and C major 7
    r"(?<![^\s|,])([A-Ga-g][#b♯♭]?)\s*(min|maj|dim|aug)(?:or|inished|mented)?(?=[\s|,/\d]|$)(?:\s+(?=\d))?",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\([^()|]*\)")
_COMMA = re.compile(r",(?![^()|]*\))")  # between chords; one in brackets is a chord's own


@dataclass(frozen=True, slots=True)
class Chord:
    """A root and a bass, 0 (C) to 11 (B), and the pitch classes that sound; none of them where no chord does."""

    root: int
    pitch_classes: frozenset[int]
    bass: int

    def named(self, key: Key | None = None) -> str:
        """Return the chord's name as it is spelt in `key`; without one, black keys have their usual names."""
        if not self.pitch_classes:
            return "N.C."
        names = NOTE_NAMES if key is None else key.note_names
        steps = frozenset((one - self.root) % 12 for one in self.pitch_classes)
        low = (self.bass - self.root) % 12
        root, bass = self._root_name(names, steps, key), "" if low == 0 else f"/{self._bass_name(names, steps, key)}"
        # A bass of its own is no part of the chord: Am/G, not Am7/G.
        without = steps - {low}
        qualities = [name_of(one) for one in ((steps, without) if low and len(without) >= _TRIAD else (steps,))]
        known = [quality for quality in qualities if quality is not None]
        # Notes that nobody names are told one by one: none is added.
        notes = "+".join(names[one] for one in sorted(self.pitch_classes))
        return f"{root}{min(known, key=len) if known else f'({notes})'}{bass}"

    def __str__(self) -> str:
        return self.named()

    def _root_name(self, names: Sequence[str], steps: frozenset[int], key: Key | None) -> str:
        """Return the root's name; a diminished chord outside the scale leads up to its next note: C#dim to Dm in C."""
        name = names[self.root]
        outside = key is not None and self.root not in key.pitch_classes
        if outside and steps >= _DIMINISHED and _FIFTH not in steps and name.endswith("b"):
            return spelt(self.root, letter_above(name, -1)) or name
        return name

    def _bass_name(self, names: Sequence[str], steps: frozenset[int], key: Key | None) -> str:
        """Return the bass' name; a third, fifth or seventh has its letter above the root's: E/G# in every key."""
        name, low, root = names[self.bass], (self.bass - self.root) % 12, self._root_name(names, steps, key)
        is_tone = low in _TONES and (low not in (6, 8) or _FIFTH not in steps)
        return (is_tone and len(name) > 1 and spelt(self.bass, letter_above(root, _TONES[low]))) or name


NO_CHORD = Chord(0, frozenset(), 0)


@dataclass(frozen=True, slots=True)
class ChordSpan:
    """A chord of a loop: when it begins and how long it lasts, in quarter notes from the loop's start."""

    beat: Fraction
    beats: Fraction
    chord: Chord


@dataclass(frozen=True, slots=True)
class Progression:
    """Chords by bar; without `barred` they are one row that shares the whole loop."""

    bars: tuple[tuple[Chord, ...], ...]
    barred: bool

    def spans(self, bars: int, beats_per_bar: Fraction) -> tuple[ChordSpan, ...]:
        """Return the chords of a loop of so many bars, from beat 0 on, without a gap; equal neighbours are one.

        Written bars repeat until the loop is over. Raises `MidiError` where they do not fill it evenly.
        """
        beats = bars * beats_per_bar
        if not self.barred:
            return joined(_parts(self.bars[0], Fraction(0), beats))
        if bars % len(self.bars):
            raise MidiError(
                "chord_bars",
                f"The chords have {len(self.bars)} bars, which a loop of {bars} does not hold a whole number of times.",
                f"Write as many bars as the loop has, or ask for {len(self.bars)} bars.",
            )
        rows = self.bars * (bars // len(self.bars))
        return joined(
            span for index, row in enumerate(rows) for span in _parts(row, index * beats_per_bar, beats_per_bar)
        )

    def fitted(self, bars: int) -> "Progression":
        """Return the chords of a loop of so many bars: written bars come again, or are cut, bar by bar."""
        if not self.barred:
            return self
        return replace(self, bars=tuple(islice(cycle(self.bars), bars)))

    def named(self, key: Key | None = None) -> str:
        """Return the chords as text, spelt as they are in `key`, without one as in the key that they suggest."""
        own = key or key_of(self.spans(len(self.bars), Fraction(1)))  # a bar's length changes nothing
        return " | ".join(" ".join(chord.named(own) for chord in bar) for bar in self.bars)

    def __str__(self) -> str:
        return self.named()


def _parts(row: tuple[Chord, ...], start: Fraction, beats: Fraction) -> Iterable[ChordSpan]:
    length = Fraction(beats) / len(row)
    return (ChordSpan(start + index * length, length, chord) for index, chord in enumerate(row))


def written(spans: Sequence[ChordSpan], bars: int, beats_per_bar: Fraction, key: Key | None = None) -> str:
    """Return chords that fill so many bars as text, which `parse_chords` reads as the same ones.

    They are spelt as they are in `key`, without one as in the key that they suggest. A bar has as many parts as its
    changes need, `.` where a chord goes on; changes beyond `MAX_PARTS` move to the nearest part.
    """
    own = key or key_of(spans)
    ends = [span.beat + span.beats for span in spans]
    rows: list[str] = []
    for start in (beats_per_bar * bar for bar in range(bars)):
        changes = [span.beat - start for span in spans if start < span.beat < start + beats_per_bar]
        parts = min(lcm(1, *((change / beats_per_bar).denominator for change in changes)), MAX_PARTS)
        middles = [start + beats_per_bar * (part + Fraction(1, 2)) / parts for part in range(parts)]
        sounding = [spans[next(index for index, end in enumerate(ends) if middle < end)].chord for middle in middles]
        words = [sounding[0].named(own), *(now.named(own) if now != last else "." for last, now in pairwise(sounding))]
        rows.append(" ".join(words))
    return " | ".join(rows) + (" |" if bars == 1 else "")


def joined(spans: Iterable[ChordSpan]) -> tuple[ChordSpan, ...]:
    """Return the spans with equal neighbours as one."""
    groups = (list(group) for _, group in groupby(spans, lambda span: span.chord))
    return tuple(replace(group[0], beats=sum((one.beats for one in group), Fraction(0))) for group in groups)


def parse_chords(text: str, key: Key | None = None) -> Progression:
    """Read chords; Roman numerals are degrees of `key`. Raises `MidiError` with the part that is not understood.

    A degree is one of the key's own scale, as `VI` in A minor is F; with a flat it is counted from the major scale,
    as `bVI` is F there, too. `vii°` is the leading note's chord, in minor keys, too: G#dim in A minor.
    """
    wide = normalize("NFKC", text).replace("−", "-")  # as input methods write bar lines, letters and minus signs
    plain = _DOUBLE_BAR.sub("|", _DASH.sub(" ", _unrepeated(wide)))
    plain = _WORD.sub(lambda found: f"{found[1]}{found[2].lower()}", plain)
    plain = _BRACKETS.sub(lambda found: "".join(found[0].split()), plain)
    parts = [_COMMA.sub(" ", part).split() for part in plain.split("|")]
    while parts and not parts[0]:
        parts.pop(0)
    while parts and not parts[-1]:
        parts.pop()
    if not parts:
        raise MidiError("no_chords", "There are no chords in the text.", REMEDY)
    if len(parts) > MAX_BARS:
        raise MidiError("too_many_chords", f"{len(parts)} bars of chords are more than {MAX_BARS}.", REMEDY)
    bars: list[tuple[Chord, ...]] = []
    for number, words in enumerate(parts, 1):
        try:
            bars.append(_bar(words, bars, key))
        except MidiError as error:
            place = f"Bar {number}: " if len(parts) > 1 else ""
            raise MidiError(error.fault, f"{place}{error.sentence}", error.remedy) from error
    return Progression(tuple(bars), barred="|" in plain)


def _unrepeated(text: str) -> str:
    """Return chords without repeat signs around all of them; written bars come again anyway."""
    repeated = _REPEATED.fullmatch(text)
    plain = text if repeated is None else f"|{repeated[1]}|"
    if ":" in plain:
        raise MidiError(
            "bad_chord",
            "Repeat signs are read around all chords, not around some.",
            "Write repeated bars out, or as %.",
        )
    return plain


def key_of(spans: Sequence[ChordSpan]) -> Key | None:
    """Return the major or minor key that chords suggest, None where none sounds.

    Time inside the scale decides, then time on the tonic's own chord, then whether the first and the last chord are it.
    """
    sounding = [span for span in spans if span.chord.pitch_classes]
    if not sounding:
        return None

    def fits(key: Key) -> tuple[Fraction, Fraction, int]:
        inside = sum((span.beats * len(span.chord.pitch_classes & key.pitch_classes)
                      / len(span.chord.pitch_classes) for span in sounding), Fraction(0))  # fmt: skip
        home = [_is_home(span.chord, key) for span in sounding]
        held = sum((span.beats for span, at_home in zip(sounding, home, strict=True) if at_home), Fraction(0))
        return inside, held, 2 * home[0] + home[-1]

    return max((Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)), key=fits)


def _is_home(chord: Chord, key: Key) -> bool:
    third = 3 if key.mode == "minor" else 4
    return chord.root == key.tonic and (key.tonic + third) % 12 in chord.pitch_classes


def _bar(words: list[str], before: list[tuple[Chord, ...]], key: Key | None) -> tuple[Chord, ...]:
    if words == ["%"] or not words:
        if not before:
            raise MidiError("bad_chord", "There is no bar before the first one to repeat.", REMEDY)
        return before[-1]
    if len(words) > MAX_PARTS:
        raise MidiError("too_many_chords", f"{len(words)} chords in one bar are more than {MAX_PARTS}.", REMEDY)
    if "%" in words:
        raise MidiError(
            "bad_chord", "% repeats a whole bar.", "Write it alone between bar lines, or . to hold a chord."
        )
    chords: list[Chord] = []
    for word in words:
        if word not in HOLDS:
            chords.append(parse_chord(word, key))
        elif chords or before:
            chords.append(chords[-1] if chords else before[-1][-1])
        else:
            raise MidiError("bad_chord", "There is no chord before the first one to hold.", REMEDY)
    return tuple(chords)


def parse_chord(text: str, key: Key | None = None) -> Chord:
    """Read one chord, as `F#m7b5`, `C/G`, `bVII` or `N.C.`; raises `MidiError` for anything else."""
    if _NOTHING.fullmatch(text):
        return NO_CHORD
    written = text.replace("6/9", "69")
    if (roman := _ROMAN.fullmatch(written)) is not None:
        accidental, numeral, quality, bass = roman.groups()
        if key is None:
            raise MidiError("no_key", f"{text[:20]!r} is a degree of a key, and no key is given.", "Give a key.")
        steps = _steps(text, quality, minor=numeral.islower())
        leading = numeral == "vii" and not accidental and set(steps) >= _DIMINISHED
        root = _degree(accidental, _DEGREES.index(numeral.upper()), key, leading=leading)
    elif (letter := _LETTER.fullmatch(written)) is not None:
        name, accidental, quality, bass = letter.groups()
        root = (LETTERS[name.upper()] + ACCIDENTALS[accidental]) % 12
        spelt = _SPELT.fullmatch(quality)
        steps = _steps(text, quality, minor=False) if spelt is None else _spelt(spelt[1], root)
    else:
        raise _bad_chord(text)
    low = root if bass is None else _bass(text, bass)
    return Chord(root, frozenset((root + step) % 12 for step in steps) | {low}, low)


def _degree(accidental: str, index: int, key: Key, *, leading: bool) -> int:
    moved, own = ACCIDENTALS[accidental], MODES[key.mode]
    if leading and own[2] == _MINOR_THIRD:
        return (key.tonic - 1) % 12  # a diminished chord on the seventh is the leading note's, in minor as in major
    scale = MODES["major"] if moved < 0 else own
    return (key.tonic + scale[index] + moved) % 12


def _steps(text: str, quality: str, *, minor: bool) -> tuple[int, ...]:
    plain = quality.replace("♭", "b").replace("♯", "#")
    if minor and plain.lstrip("()")[:1] not in ("m", "°", "o", "ø", "d", "-"):
        plain = f"m{plain}"
    found = steps_of(plain) or steps_of(plain.replace("Maj", "maj").replace("MAJ", "maj"))
    if found is None:
        raise _bad_chord(text)
    return found


def _spelt(notes: str, root: int) -> tuple[int, ...]:
    """Return the steps above `root` of notes like `C+Db+G`."""
    found = (_NOTE.fullmatch(note) for note in notes.split("+"))
    return tuple((LETTERS[note[1]] + ACCIDENTALS[note[2]] - root) % 12 for note in found if note is not None)


def _bass(text: str, bass: str) -> int:
    note = _NOTE.fullmatch(bass)
    if note is None:
        raise MidiError(
            "bad_chord",
            f"{bass[:20]!r} after the slash of {text[:20]!r} is not a note A to G.",
            "Write the bass as a note, like C/G; write a secondary dominant by its letter.",
        )
    return (LETTERS[note[1].upper()] + ACCIDENTALS[note[2]]) % 12


def _bad_chord(text: str) -> MidiError:
    german = "Write B for a German H, and Bb for a German B." if text[:1] in ("H", "h") else ""
    return MidiError("bad_chord", f"{text[:20]!r} is not a chord that is known here.", german or REMEDY)
