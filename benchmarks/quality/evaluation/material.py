"""What the model is measured on: held-out recipes and the requests that name them, and real loops of other people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import count, islice
from pathlib import Path

import msgspec
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from engine.pocket.words import WORDS
from engine.request import LoopRequest
from engine.training.synth.assets import Assets
from engine.training.synth.compose import compose
from engine.training.synth.genres import GENRES
from engine.training.synth.labels import Labels, label
from engine.training.synth.recipe import Recipe
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import SAMPLE_RATE, render
from midi.key import Key
from midi.tempo import Meter

SAME_TEMPO_BPM = 120.0
FIRST_GENRE_SEED, FIRST_ASKED_GENRE_SEED = 1_000_000, 2_000_000  # far from each other and from the halves
GENRE_NAMES = tuple(sorted(GENRES))
_TEMPO_IN_NAME = re.compile(r"(\d{2,3})bpm|_(\d{3})_")
LONGEST_SECONDS = 16.5

Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop with what is known of it: audio [2, samples] at 44.1 kHz; labels are missing for real loops."""

    name: str
    audio: Audio
    tempo_bpm: float
    labels: Labels | None = None


def rendered(recipe: Recipe, assets: Assets | None) -> Loop:
    """Return the loop of a recipe."""
    loop = render(recipe, assets)
    return Loop(f"{recipe.split} {recipe.seed}", loop.audio, recipe.tempo_bpm, loop.labels)


def labels_of(recipe: Recipe) -> Labels:
    """Return the labels of a recipe without rendering it."""
    return label(recipe, compose(recipe), recipe.mix.loudness_lufs)


def request_for(labels: Labels, seed: int) -> LoopRequest:
    """Return the request that names all of a loop's words, its time and its key."""
    return LoopRequest(
        prompt=", ".join(WORDS[word].text for word in labels.words),
        tempo_bpm=Fraction(str(labels.tempo_bpm)),
        meter=Meter(labels.numerator, labels.denominator),
        bars=labels.bars,
        key=str(key) if (key := key_of(labels)) else None,
        seed=seed,
    )


def key_of(labels: Labels) -> Key | None:
    """Return the key of a loop, or None where nothing is tonal."""
    return Key(labels.tonic, labels.mode.replace("-", " ")) if labels.tonic >= 0 else None


def pitch_classes(labels: Labels) -> int:
    """Return how many pitch classes the notes of a loop have."""
    return len({note.pitch % 12 for notes in labels.notes.values() for note in notes})


def halves(size: int) -> tuple[list[Recipe], list[Recipe]]:
    """Return two sets of held-out recipes whose drum kits are different: each `size` long."""
    return tuple(  # type: ignore[return-value]
        list(islice((recipe for recipe in _held_out() if _half(recipe) == half), size)) for half in (0, 1)
    )


def _held_out() -> Iterator[Recipe]:
    return (sample_recipe(seed, "heldout") for seed in count())


def _half(recipe: Recipe) -> int:
    return (recipe.drums.kit_id // 10 if recipe.drums else recipe.seed) % 2


def same_tempo(genre: str, first_seed: int, size: int) -> list[Recipe]:
    """Return full mixes of `genre` in 4/4, all at 120 BPM, so that nobody can tell a genre by its tempo."""
    drawn = (sample_recipe(seed, "heldout", genre=genre, layout="full") for seed in count(first_seed))
    straight = (recipe for recipe in drawn if recipe.numerator == recipe.denominator == 4 and recipe.bars > 1)
    return [msgspec.structs.replace(recipe, tempo_bpm=SAME_TEMPO_BPM) for recipe in islice(straight, size)]


def training(size: int) -> list[Recipe]:
    """Return the first recipes that the model was trained on."""
    return [sample_recipe(seed, "train") for seed in range(size)]


def single_hits(pieces: tuple[str, ...], kits: int) -> Iterator[tuple[Recipe, str]]:
    """Yield held-out drum recipes, and one piece that each of them plays."""
    drawn = (sample_recipe(seed, "heldout", layout="drums") for seed in count())
    for recipe in islice(drawn, kits):
        played = {hit.piece for hit in compose(recipe).hits}
        yield from ((recipe, piece) for piece in pieces if piece in played)


def real_loops(folder: Path) -> list[Loop]:
    """Return the real loops of `folder` that are short enough, at 44.1 kHz, with the tempo that their names tell."""
    loops = []
    for path in sorted(folder.glob("*.flac")):
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if len(audio) <= LONGEST_SECONDS * rate:
            stereo = audio[:, [0, -1]].T
            at_rate = stereo if rate == SAMPLE_RATE else resample_poly(stereo, SAMPLE_RATE, rate, axis=1)
            loops.append(Loop(path.stem, np.ascontiguousarray(at_rate, np.float32), _tempo_in(path.stem)))
    return loops


def _tempo_in(name: str) -> float:
    """Return the tempo that a file's name tells, or 0."""
    found = _TEMPO_IN_NAME.search(name)
    return float(next(number for number in found.groups() if number)) if found else 0.0
