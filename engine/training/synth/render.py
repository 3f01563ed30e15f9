"""A recipe to a labelled loop: start reading here."""

from __future__ import annotations

import msgspec
import numpy as np

from .assets import Assets
from .compose import compose
from .labels import Labels, captions, label
from .recipe import Drums, Recipe, recipe_hash
from .score import Hit, Score
from .sounds.effects import saturate
from .sounds.mixdown import finish_part, levelled, loudness_lufs, mix_stems
from .sounds.stems import render_drums, render_part
from .sounds.textures import render_texture
from .sounds.waveforms import SAMPLE_RATE, FloatArray

__all__ = ["SAMPLE_RATE", "Loop", "render"]


class Loop(msgspec.Struct, frozen=True):
    """A rendered loop: audio float32 [2, samples] at 44.1 kHz, peak at most -1 dBFS, and its labels."""

    audio: FloatArray
    labels: Labels
    captions: tuple[str, str, str]
    recipe: Recipe

    @property
    def identity(self) -> str:
        """SHA-256 of the recipe."""
        return recipe_hash(self.recipe)


def render(recipe: Recipe, assets: Assets | None = None, score: Score | None = None) -> Loop:
    """Render a recipe circularly: tails wrap, and the length is exactly `recipe.samples()`.

    Without `assets` everything is synthesised; the labels are the same. `score` is played in place of the recipe's own.
    """
    score = compose(recipe) if score is None else score
    parts = [
        finish_part(recipe, part, render_part(recipe, part, notes, assets))
        for part, notes in zip(recipe.parts, score.parts, strict=True)
    ]
    drums = _drums(recipe, recipe.drums, score.hits, assets) if recipe.drums else None
    textures = []
    for texture in recipe.textures:
        stem = render_texture(recipe, texture)
        levelled(stem, texture.loudness_db)
        textures.append(stem)
    kicks = tuple(hit for hit in score.hits if hit.piece == "kick")
    audio = mix_stems(recipe, drums, parts, textures, kicks)
    labels = label(recipe, score, loudness_lufs(audio))
    return Loop(np.ascontiguousarray(audio), labels, captions(labels, recipe.seed), recipe)


def _drums(recipe: Recipe, drums: Drums, hits: tuple[Hit, ...], assets: Assets | None) -> tuple[FloatArray, FloatArray]:
    """Kick and other pieces, driven apart and levelled together."""
    kick, rest = render_drums(recipe, drums, hits, assets)
    if drums.drive > 0.15:
        saturate(kick, 0.6 * drums.drive)
        saturate(rest, 0.6 * drums.drive)
    measured = loudness_lufs(kick + rest)
    if measured > -69.0:
        gain = np.float32(10.0 ** ((drums.loudness_db - 20.0 - measured) / 20.0))
        kick *= gain
        rest *= gain
    return kick, rest
