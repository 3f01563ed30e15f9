"""Exact labels of a loop: words of the vocabulary, time, key, instruments, and the notes themselves."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import Final

import msgspec

from engine.pocket.words import INSTRUMENTS, WORD_IDS, WORDS, pace

from .grooves import FOUR_FEELS, HALFTIME_FEELS
from .harmony import MINOR_MODES
from .recipe import Recipe
from .score import Hit, Note, Score

_TONICS: Final = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_KIT_WORDS: Final = {
    "808": "808 kit",
    "909": "909 kit",
    "electronic": "electronic kit",
    "acoustic": "acoustic kit",
    "lo-fi": "lo-fi kit",
    "glitch": "glitch kit",
}
_LAYOUT_WORDS: Final = {
    "drums": ("drums only", "solo"),
    "bass": ("bass only", "solo"),
    "texture": ("texture only", "solo"),
    "drums-bass": ("drums and bass only",),
}


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop is. Times are in beats (quarter notes) from the downbeat; `tonic` -1 means atonal.

    `melody` is the lead or arpeggio line, one voice; `notes` all pitched notes by role;
    `onsets` every drum hit, swung. `swing_percent` is 50 where straight.
    """

    words: tuple[int, ...]
    genre: str
    tempo_bpm: float
    numerator: int
    denominator: int
    bars: int
    swing_percent: float
    tonic: int
    mode: str
    instruments: tuple[str, ...]
    melody: tuple[Note, ...]
    notes: dict[str, tuple[Note, ...]]
    onsets: tuple[Hit, ...]
    loudness_lufs: float

    @property
    def key(self) -> str:
        """The key as text, such as "F minor"; empty where nothing is tonal."""
        if self.tonic < 0:
            return ""
        return f"{_TONICS[self.tonic]} {self.mode.replace('harmonic-', '')}"


def label(recipe: Recipe, score: Score, loudness_lufs: float) -> Labels:
    """Labels of a recipe with its score; the loudness is measured on the finished audio."""
    sounding = [(part, notes) for part, notes in zip(recipe.parts, score.parts, strict=True) if notes]
    words = set(_words(recipe, score, [part.role for part, _ in sounding]))
    for part, _ in sounding:
        words.update(part.patch.words)
    ids = tuple(sorted(WORD_IDS[word] for word in words))
    melodic = [notes for part, notes in sounding if part.role in ("lead", "arpeggio")]
    by_role: dict[str, tuple[Note, ...]] = {}
    for part, notes in sounding:
        by_role[part.role] = by_role.get(part.role, ()) + notes
    return Labels(
        words=ids,
        genre=recipe.genre,
        tempo_bpm=recipe.tempo_bpm,
        numerator=recipe.numerator,
        denominator=recipe.denominator,
        bars=recipe.bars,
        swing_percent=round(100 * recipe.swing, 1),
        tonic=recipe.tonic,
        mode=recipe.mode if recipe.tonic >= 0 else "",
        instruments=tuple(WORDS[i].text for i in ids if WORDS[i].text in INSTRUMENTS),
        melody=melodic[0] if melodic else (),
        notes=by_role,
        onsets=score.hits,
        loudness_lufs=round(loudness_lufs, 2),
    )


def captions(labels: Labels, seed: int) -> tuple[str, str, str]:
    """Three captions: terse tags, a producer's phrase, a sentence; words are left out at random."""
    rng = Random(f"caption {seed}")
    names = [WORDS[i].text for i in labels.words]
    others = [name for name in names if name != labels.genre]
    tags = [labels.genre, *rng.sample(others, rng.randint(len(others) // 3, len(others)))]
    rng.shuffle(tags)
    moods = [WORDS[i].text for i in labels.words if WORDS[i].group == "mood"]
    instruments = rng.sample(labels.instruments, min(3, len(labels.instruments)))
    opening = " ".join([*moods[:2], labels.genre])
    tempo = f"{labels.tempo_bpm:g} bpm"
    phrase = ", ".join(part for part in (f"{opening} loop", tempo, labels.key, " and ".join(instruments)) if part)
    key = f" in {labels.key}" if labels.key else ""
    inside = f" with {', '.join(instruments)}" if instruments else ""
    sentence = f"A {opening} loop{inside}{key} at {tempo}."
    return ", ".join(tags), phrase, sentence


def _words(recipe: Recipe, score: Score, roles: list[str]) -> Iterable[str]:
    """Canonical words that hold for the loop, apart from those of the patches."""
    yield recipe.genre
    yield from (mood for mood in recipe.moods if mood in WORD_IDS)
    yield from _layer_words(recipe, score, roles)
    yield from _drum_words(recipe, score)
    yield from _time_words(recipe)
    yield from _density_words(recipe, score)
    yield from _effect_words(recipe)
    yield from _harmony_words(recipe, score)
    for texture in recipe.textures:
        yield texture.kind
        yield "texture"


def _layer_words(recipe: Recipe, score: Score, roles: list[str]) -> Iterable[str]:
    names = {"bass": "bass", "chords": "chords", "lead": "melody", "arpeggio": "melody"}
    present = {names[role] for role in roles}
    yield from present
    yield from (role for role in roles if role in ("lead", "arpeggio"))
    yield from (f"no {name}" for name in ("bass", "chords", "melody") if name not in present)
    if not score.hits:
        yield "no drums"
    if recipe.layout == "full" and len(present) + bool(score.hits) >= 3:
        yield "full mix"
    yield from _LAYOUT_WORDS.get(recipe.layout, ())
    if recipe.layout in ("chords", "melody") and len(present) == 1:
        yield "solo"
        yield "chords only" if recipe.layout == "chords" else "melody only"


def _drum_words(recipe: Recipe, score: Score) -> Iterable[str]:
    drums, hits = recipe.drums, score.hits
    if drums is None or not hits:
        return
    pieces = {hit.piece for hit in hits}
    yield "drums"
    yield _KIT_WORDS[drums.kit]
    yield from pieces
    if pieces & {"shaker", "congas", "cowbell", "percussion", "toms"}:
        yield "percussion"
    yield from (word for word, names in _MISSING.items() if not pieces & names)
    yield from _groove_words(recipe, drums.feel, pieces)
    if drums.fill:
        yield "fill"
    if any(hit.piece == "snare" and hit.velocity < 0.4 for hit in hits):
        yield "ghost notes"
    if _rolls([hit.beat for hit in hits if hit.piece == "hats"]):
        yield "hat rolls"
    if drums.triplets and "hats" in pieces:
        yield "triplets"
    if drums.drive > 0.55:
        yield "hard"
    if drums.kit in ("lo-fi", "acoustic"):
        yield "acoustic" if drums.kit == "acoustic" else "dusty"


def _rolls(beats: list[float]) -> bool:
    """Whether some hats follow each other by less than a sixteenth can be swung."""
    return any(later - earlier < 0.14 for earlier, later in pairwise(beats))


_MISSING: Final = {"no kick": {"kick"}, "no snare": {"snare", "clap"}, "no hats": {"hats", "open hat"}}


def _groove_words(recipe: Recipe, feel: str, pieces: set[str]) -> Iterable[str]:
    if feel in FOUR_FEELS and feel not in ("amapiano", "dembow") and "kick" in pieces:
        yield "four on the floor"
    if feel in ("halftime", "trap", "drill") and pieces & {"snare", "clap"}:
        yield "halftime"
    if feel in ("boombap", "rock", "funk", "rnb", "electro") and "snare" in pieces:
        yield "backbeat"
    if feel in ("dnb", "jungle"):
        yield "breakbeat"
    if feel == "garage":
        yield "two step"
    if feel in ("jungle", "drill", "amapiano", "dembow", "funk") and feel not in HALFTIME_FEELS - {"drill"}:
        yield "syncopated"


def _time_words(recipe: Recipe) -> Iterable[str]:
    yield pace(recipe.tempo_bpm)
    if recipe.drums or recipe.parts:
        yield "swing" if recipe.swing >= 0.55 else "straight"
    if recipe.numerator in (5, 7):
        yield "odd meter"
    if recipe.numerator == 3:
        yield "waltz"
    for part in recipe.parts:
        if part.role == "bass" and part.line in ("offbeat", "rolling", "syncopated"):
            yield part.line
        if part.role == "chords" and part.line == "offbeat":
            yield "offbeat"


def _density_words(recipe: Recipe, score: Score) -> Iterable[str]:
    events = len(score.hits) / 2.5 + sum(len({note.beat for note in notes}) for notes in score.parts)
    layers = max(1, len(recipe.parts) + (recipe.drums is not None))
    per_beat = events / recipe.beats / layers**0.7
    if recipe.drums or recipe.parts:
        if per_beat < 0.75:
            yield "sparse"
        elif per_beat > 2.1:
            yield "busy"
    shape = recipe.dynamics.shape
    yield shape if shape in ("steady", "build", "fade out", "swell", "breakdown") else "dynamic"
    if recipe.dynamics.mutes and recipe.dynamics.shape != "breakdown":
        yield "dynamic"
    if recipe.mix.loudness_lufs < -21.0:
        yield "quiet"
    elif recipe.mix.loudness_lufs > -12.0:
        yield "loud"


def _effect_words(recipe: Recipe) -> Iterable[str]:
    mix, parts = recipe.mix, recipe.parts
    wet = max([part.reverb for part in parts] + [recipe.drums.reverb * 2 if recipe.drums else 0.0])
    if wet > 0.4:
        yield "reverb"
    elif wet < 0.12 and (parts or recipe.drums):
        yield "dry"
    if any(part.delay > 0.0 for part in parts):
        yield "delay"
    if any(part.chorus > 0.0 for part in parts):
        yield "chorus"
    if any(part.drive > 0.5 for part in parts):
        yield "distorted"
    if mix.sidechain > 0.35 and parts:
        yield "sidechain"
    yield from (word for word, on in _mix_words(recipe) if on)


def _mix_words(recipe: Recipe) -> Iterable[tuple[str, bool]]:
    """Return each word for the sound of a whole mix, and whether it is true of this one."""
    mix, parts = recipe.mix, recipe.parts
    noises = [texture.loudness_db for texture in recipe.textures if texture.kind in ("noise", "vinyl")]
    return (
        ("filter sweep", mix.sweep_octaves > 0.0),
        ("bit crushed", mix.bit_depth > 0),
        ("saturated", mix.saturation > 0.4),
        ("tape", mix.tape > 0.0),
        ("bright", mix.brightness > 0.7),
        ("dark", mix.brightness < -0.9),
        ("narrow", mix.width < 0.3),
        ("wide", mix.width > 1.25),
        ("thin", mix.highpass_hz > 0.0),
        ("vintage", mix.tape > 0.0),
        ("tremolo", any(part.tremolo > 0.0 for part in parts)),
        ("sampled", any(part.patch.sample for part in parts)),
        ("noisy", any(loudness_db > -17.0 for loudness_db in noises)),
        ("clean", _is_clean(recipe)),
        ("lush", _is_lush(recipe)),
        ("fat", _is_fat(recipe)),
        ("muffled", mix.brightness < -1.15),
        ("crisp", mix.brightness > 0.9),
    )


def _is_clean(recipe: Recipe) -> bool:
    drives = [part.drive for part in recipe.parts] + ([recipe.drums.drive] if recipe.drums else [])
    return max(drives, default=0.0) < 0.15 and recipe.mix.saturation < 0.2 and not recipe.mix.bit_depth


def _is_lush(recipe: Recipe) -> bool:
    return any(
        part.role == "chords" and part.reverb > 0.25 and part.patch.values.get("unison", 1.0) >= 3.5
        for part in recipe.parts
    )


def _is_fat(recipe: Recipe) -> bool:
    return any(
        part.role == "bass" and (part.drive > 0.3 or part.patch.values.get("unison", 1.0) >= 2.0)
        for part in recipe.parts
    )


def _harmony_words(recipe: Recipe, score: Score) -> Iterable[str]:
    if recipe.tonic < 0:
        return
    yield "minor" if recipe.mode in MINOR_MODES else "major"
    if recipe.mode in ("dorian", "phrygian", "lydian", "mixolydian"):
        yield "modal"
    for part, notes in zip(recipe.parts, score.parts, strict=True):
        if not notes:
            continue
        if part.role == "chords" and part.colour in ("seventh", "ninth"):
            yield "sevenths"
            if part.colour == "ninth" and recipe.swing >= 0.54:
                yield "jazzy"
        if part.role == "arpeggio" and 0.3 < part.step_beats < 0.4:
            yield "triplets"
        if part.role == "chords" and part.colour == "power":
            yield "power chords"
        if part.role == "chords" and part.line == "arpeggio":
            yield "arpeggio"
        if part.role in ("lead", "arpeggio"):
            mean = sum(note.pitch for note in notes) / len(notes)
            yield from ("low register",) if mean < 67 else ("high register",) if mean > 77 else ()
