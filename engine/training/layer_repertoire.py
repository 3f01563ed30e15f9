"""What is said of the layers of loops, and their chords: from recipes alone, nothing is rendered.

python -m engine.training.layer_repertoire --out FOLDER [--loops 4000]
"""

import argparse
from pathlib import Path

import numpy as np

from ..pocket.arrangement import CHORDS_KEPT, FILE, PARTS, ChordBook, LayerRepertoire
from ..pocket.layers import LAYERS
from ..pocket.repertoire import MODES, Repertoire
from ..pocket.words import WORDS
from .layer_loops import FULL_EVERY
from .loops import mode_name
from .synth.compose import chord_roots, compose, inversion
from .synth.harmony import COLOURS
from .synth.labels import label
from .synth.layers import inverted, layer_labels
from .synth.recipe import Recipe
from .synth.recipe_sampling import sample_recipe


def layer_repertoire(loops: int, split: str = "train") -> LayerRepertoire:
    """Return what is said of the first `loops` recipes that training renders in layers."""
    whole = np.zeros((loops, len(WORDS)), bool)
    said = np.zeros((loops, len(LAYERS), len(WORDS)), bool)
    chords = np.full((loops, CHORDS_KEPT, 4), -1, np.int16)
    tonics, modes, bars = (np.zeros(loops, np.int8) for _ in range(3))
    for seed in range(loops):
        recipe = inverted(sample_recipe(seed, split, layout="full" if seed % FULL_EVERY else None))
        score = compose(recipe)
        whole[seed, list(label(recipe, score, recipe.mix.loudness_lufs).words)] = True
        for layer, own in layer_labels(recipe, score).items():
            said[seed, LAYERS.index(layer), list(own.words)] = True
        tonics[seed], bars[seed] = recipe.tonic, recipe.bars
        if recipe.tonic >= 0:
            modes[seed] = MODES.index(mode_name(recipe.mode))
            rows = _degrees(recipe)[:CHORDS_KEPT]
            chords[seed, : len(rows)] = rows
    return LayerRepertoire(Repertoire(whole, tonics, modes), said, ChordBook(chords, bars))


def _degrees(recipe: Recipe) -> list[tuple[int, int, int, int]]:
    """Return start, root, degrees that sound as bits, and bass of each chord."""
    colour = next((part.colour for part in recipe.parts if part.role == "chords"), "triad")
    rows = []
    for index, (beat, _, degree) in enumerate(chord_roots(recipe)):
        bits = sum(1 << one for one in {(degree + step) % 7 for step in COLOURS[colour]})
        rows.append((round(beat / recipe.beats * PARTS), degree, bits, (degree + inversion(recipe, index)) % 7))
    return rows


def main() -> None:
    """Write the repertoire from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder of weights")
    parser.add_argument("--loops", type=int, default=4000)
    given = parser.parse_args()
    layer_repertoire(given.loops).save(given.out / FILE)


if __name__ == "__main__":
    main()
