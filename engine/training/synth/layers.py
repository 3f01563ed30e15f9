"""A recipe as its layers: the same loop, each layer with the sends, colour and level that it has in the mix."""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec
import numpy as np

from engine.pocket.layers import Layer

from .assets import Assets
from .compose import chord_roots, compose, inversion
from .harmony import chord_pitches, degree_pitch
from .labels import Labels, label
from .recipe import Drums, Recipe
from .score import Hit, Score
from .sounds.effects import saturate
from .sounds.mixdown import blended, finish_part, levelled, levelled_together, loudness_lufs, mix_stems
from .sounds.stems import render_drums, render_part
from .sounds.textures import render_texture
from .sounds.waveforms import FloatArray

PERCUSSION: Final = frozenset({"cowbell", "shaker", "congas", "percussion"})
_ROLES: Final = {
    "bass": Layer.BASS,
    "chords": Layer.CHORDS,
    "lead": Layer.LEAD,
    "arpeggio": Layer.LEAD,
}
_LAYOUTS: Final = {
    Layer.DRUMS: "drums",
    Layer.PERCUSSION: "drums",
    Layer.BASS: "bass",
    Layer.CHORDS: "chords",
    Layer.LEAD: "melody",
    Layer.TEXTURE: "texture",
}
_INVERTED: Final = 0.25  # of loops have basses that are not roots
_INVERSIONS: Final = (0, 0, 2, 4, 2, 6)


class Chord(msgspec.Struct, frozen=True):
    """A chord of a loop: where it begins and how long it is, in beats; pitch classes 0 to 11."""

    beat: float
    beats: float
    root: int
    pitch_classes: tuple[int, ...]
    bass: int


class LayeredLoop(msgspec.Struct, frozen=True):
    """The mix [2, samples] and its labels, each layer's audio and labels, and the chords; none where nothing is tonal.

    The sum of the layers is the mix before its last soft clip, and before what its saturation makes of their sum.
    """

    audio: FloatArray
    labels: Labels
    layers: dict[Layer, tuple[FloatArray, Labels]]
    chords: tuple[Chord, ...]


def inverted(recipe: Recipe) -> Recipe:
    """Return the recipe, now and then with basses that are not the chords' roots; the same for the same seed."""
    rng = Random(f"inversions {recipe.split} {recipe.seed}")
    if rng.random() >= _INVERTED:
        return recipe
    return msgspec.structs.replace(recipe, inversions=tuple(rng.choice(_INVERSIONS) for _ in range(4)))


def chords(recipe: Recipe) -> tuple[Chord, ...]:
    """Return the chords of a tonal recipe, coloured as its first part of chords is, else triads."""
    if recipe.tonic < 0:
        return ()
    colour = next((part.colour for part in recipe.parts if part.role == "chords"), "triad")
    found = []
    for index, (beat, beats, degree) in enumerate(chord_roots(recipe)):
        pitches = chord_pitches(degree, recipe.tonic, recipe.mode, colour)
        bass = degree_pitch(degree + inversion(recipe, index), recipe.tonic, recipe.mode)
        found.append(Chord(beat, beats, pitches[0] % 12, tuple(sorted({p % 12 for p in pitches})), bass % 12))
    return tuple(found)


def render_layers(recipe: Recipe, assets: Assets | None = None) -> LayeredLoop:
    """Render the mix as `render` does, and each of its layers that sounds."""
    score = compose(recipe)
    parts = [
        finish_part(recipe, part, render_part(recipe, part, notes, assets))
        for part, notes in zip(recipe.parts, score.parts, strict=True)
    ]
    textures = []
    for texture in recipe.textures:
        stem = render_texture(recipe, texture)
        levelled(stem, texture.loudness_db)
        textures.append(stem)
    drums = _drum_stems(recipe, recipe.drums, score.hits, assets) if recipe.drums and score.hits else {}
    kicks = tuple(hit for hit in score.hits if hit.piece == "kick")
    whole = (_summed([kick for kick, _ in drums.values()]), _summed([rest for _, rest in drums.values()]))
    audio = mix_stems(recipe, whole if drums else None, parts, textures, kicks)
    sounds: dict[Layer, FloatArray] = {}
    for layer in Layer:
        pairs = [(p, s) for p, s in zip(recipe.parts, parts, strict=True) if _ROLES[p.role] is layer and s.any()]
        pads = textures if layer is Layer.TEXTURE else []
        if pairs or pads or layer in drums:
            sounds[layer] = blended(recipe, drums.get(layer), pairs, pads, kicks)
    levelled_together(recipe, list(sounds.values()))
    labelled = {
        layer: (np.ascontiguousarray(sound), _label(recipe, score, layer, loudness_lufs(sound)))
        for layer, sound in sounds.items()
    }
    return LayeredLoop(
        np.ascontiguousarray(audio), label(recipe, score, loudness_lufs(audio)), labelled, chords(recipe)
    )


def layer_labels(recipe: Recipe, score: Score) -> dict[Layer, Labels]:
    """Return what holds for each layer that plays, without rendering it; its loudness is that of the mix."""
    found = {_ROLES[part.role] for part, notes in zip(recipe.parts, score.parts, strict=True) if notes}
    found |= {Layer.PERCUSSION if hit.piece in PERCUSSION else Layer.DRUMS for hit in score.hits}
    found |= {Layer.TEXTURE} if recipe.textures else set()
    return {layer: _label(recipe, score, layer, recipe.mix.loudness_lufs) for layer in Layer if layer in found}


def _drum_stems(
    recipe: Recipe, drums: Drums, hits: tuple[Hit, ...], assets: Assets | None
) -> dict[Layer, tuple[FloatArray, FloatArray]]:
    """Return kick and other pieces of the drums, and percussion, levelled together."""
    pieces = {hit.piece for hit in hits}
    found = {}
    for layer, some in ((Layer.DRUMS, pieces - PERCUSSION), (Layer.PERCUSSION, pieces & PERCUSSION)):
        if some:
            pair = render_drums(recipe, drums, hits, assets, some)
            if drums.drive > 0.15:
                for stem in pair:
                    saturate(stem, 0.6 * drums.drive)
            found[layer] = pair
    measured = loudness_lufs(_summed([kick + rest for kick, rest in found.values()]))
    if measured > -69.0:
        gain = np.float32(10.0 ** ((drums.loudness_db - 20.0 - measured) / 20.0))
        for pair in found.values():
            for stem in pair:
                stem *= gain
    return found


def _summed(sounds: list[FloatArray]) -> FloatArray:
    return np.asarray(sum(sounds), np.float32)


def _label(recipe: Recipe, score: Score, layer: Layer, lufs: float) -> Labels:
    """Return what holds for one layer alone."""
    chosen = [(p, n) for p, n in zip(recipe.parts, score.parts, strict=True) if _ROLES[p.role] is layer]
    beaten = layer in (Layer.DRUMS, Layer.PERCUSSION)
    hits = tuple(hit for hit in score.hits if (hit.piece in PERCUSSION) == (layer is Layer.PERCUSSION))
    textures = recipe.textures if layer is Layer.TEXTURE else ()
    tonal = bool(chosen) or any(texture.kind == "drone" for texture in textures)
    alone = msgspec.structs.replace(
        recipe,
        layout=_LAYOUTS[layer],
        drums=recipe.drums if beaten else None,
        parts=tuple(part for part, _ in chosen),
        textures=textures,
        tonic=recipe.tonic if tonal else -1,
    )
    heard = Score(score.beats, hits if beaten else (), tuple(notes for _, notes in chosen))
    return label(alone, heard, lufs)
