"""Parts of a score to stereo stems: which voice plays a note, and with what numbers."""

from __future__ import annotations

from collections.abc import Collection
from random import Random
from typing import Final

import numpy as np

from ..assets import Assets
from ..recipe import Drums, Part, Recipe
from ..score import Hit, Note
from .drums import make_hit
from .patches import FM_VALUES, SUB_VALUES, WAVE_VALUES, Patch, Voice, value_vector
from .recorded import add_hit, add_sample
from .voices import add_fm, add_pluck, add_sub, add_wave
from .waveforms import SAMPLE_RATE, ZONE_SEMITONES, FloatArray, recorded_spectrum, synthetic_spectrum, zone_table

_SINE: Final = np.sin(2 * np.pi * np.arange(4097) / 4096).astype(np.float32)
_PLUCK_KEYS: Final = ("brightness", "ring_s", "position", "release_s")
_PIECE_DB: Final = {
    "kick": -1.0,
    "snare": -2.0,
    "clap": -3.0,
    "rimshot": -6.0,
    "hats": -8.0,
    "open hat": -9.0,
    "cymbal": -10.0,
    "toms": -4.0,
    "cowbell": -10.0,
    "shaker": -10.0,
    "congas": -7.0,
    "percussion": -8.0,
}
_PIECE_PAN: Final = {"kick": 0.0, "snare": 0.05, "clap": 0.1}
_CHOKED: Final = {"open hat": "hats"}


def render_part(recipe: Recipe, part: Part, notes: tuple[Note, ...], assets: Assets | None) -> FloatArray:
    """Return the part's notes as a dry stem [2, samples], tails wrapped."""
    out = np.zeros((2, recipe.samples()), np.float32)
    player = _Player(recipe, part, assets, out)
    previous = notes[-1].pitch if notes else 0
    for index, note in enumerate(notes):
        player.play(note, previous if note.slide else note.pitch, index)
        previous = note.pitch
    return out


class _Player:
    """One part's instrument, ready to add notes to its stem."""

    def __init__(self, recipe: Recipe, part: Part, assets: Assets | None, out: FloatArray) -> None:
        self.out, self.part, self.assets = out, part, assets
        self.patch = part.patch
        self.beat_s = 60.0 / recipe.tempo_bpm
        self.seed = part.seed
        values, brightness = dict(self.patch.values), recipe.mix.brightness
        match self.patch.engine:
            case Voice.WAVE:
                values["cutoff_hz"] *= 2.0 ** (0.8 * brightness + 0.45)
                self.vector = value_vector(values, WAVE_VALUES)
                self.spectrum = _spectrum(self.patch, assets)
                self.tables: dict[int, FloatArray] = {}
            case Voice.FM:
                values["index"] *= 2.0 ** (0.5 * brightness)
                self.vector = value_vector(values, FM_VALUES)
            case Voice.SUB:
                self.vector = value_vector(values, SUB_VALUES)
            case Voice.PLUCK:
                pass  # its few values are arguments of their own

    def play(self, note: Note, from_pitch: int, index: int) -> None:
        start = round(note.beat * self.beat_s * SAMPLE_RATE) % self.out.shape[1]
        hold = max(256, round(note.beats * self.beat_s * SAMPLE_RATE))
        gain = 0.25 * (0.3 + 0.7 * note.velocity)
        if self.patch.sample and self._sampled(note, start, hold, gain):
            return
        hz, from_hz = _hz(note.pitch), _hz(from_pitch)
        seed = (self.seed + 7919 * index) & 0x3FFFFFFF
        where = (start, hold, hz, from_hz, gain, gain, note.velocity)
        match self.patch.engine:
            case Voice.WAVE:
                add_wave(self.out, self._table(note.pitch), *where, self.vector, self.beat_s, seed, float(SAMPLE_RATE))
            case Voice.FM:
                add_fm(self.out, _SINE, *where, self.vector, float(SAMPLE_RATE))
            case Voice.PLUCK:
                bright, ring_s, at, release_s = (self.patch.values[key] for key in _PLUCK_KEYS)
                string = (bright, ring_s, at, release_s, seed, float(SAMPLE_RATE))
                add_pluck(self.out, start, hold, hz, gain, gain, note.velocity, *string)
            case Voice.SUB:
                add_sub(self.out, start, hold, hz, from_hz, gain, self.vector, float(SAMPLE_RATE))

    def _table(self, pitch: int) -> FloatArray:
        zone = pitch // ZONE_SEMITONES
        if zone not in self.tables:
            self.tables[zone] = zone_table(self.spectrum, zone, self.patch.values["resonance"], SAMPLE_RATE)
        return self.tables[zone]

    def _sampled(self, note: Note, start: int, hold: int, gain: float) -> bool:
        """Play a recorded note, if the pack has the instrument."""
        found = self.assets.note(self.patch.sample, note.pitch) if self.assets else None
        if found is None:
            return False
        sound, ratio = found
        release = max(0.12, self.patch.values.get("release_s", 0.1))
        add_sample(self.out, sound, start, hold, ratio, gain, gain, 0.001, release, float(SAMPLE_RATE))
        return True


def render_drums(
    recipe: Recipe,
    drums: Drums,
    hits: tuple[Hit, ...],
    assets: Assets | None,
    only: Collection[str] | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Two stems [2, samples]: the kick, and all other pieces; of the pieces that `only` names, if it is given."""
    kick = np.zeros((2, recipe.samples()), np.float32)
    rest = np.zeros_like(kick)
    beat_s = 60.0 / recipe.tempo_bpm
    rng = Random(drums.seed + 1)
    for piece in sorted({hit.piece for hit in hits}):
        gain = 10.0 ** ((_PIECE_DB[piece] + rng.gauss(0.0, 1.5)) / 20.0)
        pan = _PIECE_PAN.get(piece, 0.0) if piece in _PIECE_PAN else rng.uniform(-0.45, 0.45)
        if only is not None and piece not in only:
            continue  # after its dice: the others sound as they do beside it
        sound = make_hit(drums.kit, drums.kit_id, piece, assets)
        target = kick if piece == "kick" else rest
        for hit, length in _lengths(hits, piece, recipe.beats):
            level = gain * hit.velocity**1.5
            start = round(hit.beat * beat_s * SAMPLE_RATE) % kick.shape[1]
            count = max(256, round(length * beat_s * SAMPLE_RATE))
            add_hit(target, sound, start, count, level * (1.0 - max(pan, 0.0)), level * (1.0 + min(pan, 0.0)))
    return kick, rest


def _lengths(hits: tuple[Hit, ...], piece: str, loop_beats: float) -> list[tuple[Hit, float]]:
    """Each hit of a piece with the beats until its next hit chokes it; closed hats choke open ones."""
    stoppers = {piece, _CHOKED.get(piece, piece)}
    places = sorted({hit.beat for hit in hits if hit.piece in stoppers})
    found = []
    for hit in hits:
        if hit.piece == piece:
            later = next((place for place in places if place > hit.beat + 1e-9), places[0] + loop_beats)
            found.append((hit, later - hit.beat))
    return found


def _spectrum(patch: Patch, assets: Assets | None) -> FloatArray:
    recorded = assets.cycle(patch.cycle_id) if assets and patch.cycle == "akwf" else None
    if recorded is not None:
        return recorded_spectrum(recorded)
    return synthetic_spectrum(patch.cycle, patch.cycle_id)


def _hz(pitch: float) -> float:
    return float(440.0 * 2.0 ** ((pitch - 69) / 12))
