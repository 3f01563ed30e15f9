"""A recipe: every choice that a loop is made of, as pure data."""

from __future__ import annotations

import hashlib

import msgspec

from .dynamics import Dynamics
from .sounds.patches import Patch


class Drums(msgspec.Struct, frozen=True):
    """The drum layer: which kit, which feel, how full, and how it sits in the mix.

    `density`, `reverb` and `drive` are 0..1; `loudness_db` is relative to the usual level of drums.
    """

    kit: str
    kit_id: int
    feel: str
    extras: tuple[str, ...]
    left_out: tuple[str, ...]
    seed: int
    density: float
    fill: bool
    loudness_db: float
    reverb: float
    drive: float
    triplets: bool


class Part(msgspec.Struct, frozen=True):
    """One pitched part. `line` names its rhythm, `colour` its chords; `centre` is the MIDI pitch that it moves about.

    `pan` is -1 (left) to 1, `loudness_db` relative to -20 LUFS, `step_beats` the step of an arpeggio in quarter notes;
    `density` and the amounts of effects are 0..1.
    """

    role: str
    patch: Patch
    line: str
    seed: int
    centre: int
    colour: str
    density: float
    loudness_db: float
    pan: float
    reverb: float
    delay: float
    chorus: float
    tremolo: float
    drive: float
    step_beats: float


class Texture(msgspec.Struct, frozen=True):
    """A layer without notes: vinyl, noise, riser or drone."""

    kind: str
    seed: int
    loudness_db: float


class Mix(msgspec.Struct, frozen=True):
    """Treatment of the whole: levels in dB, amounts 0..1, brightness in octaves."""

    loudness_lufs: float
    brightness: float
    sidechain: float
    saturation: float
    bit_depth: int
    tape: float
    sweep_octaves: float
    sweep_turns: float
    width: float
    highpass_hz: float


class Recipe(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a loop is made of. `tonic` is 0..11 for C..B, or -1 where nothing is tonal.

    `swing` is the share of an eighth note that its first sixteenth takes, 0.5 where straight. `chord_beats` is the
    length of a chord in quarter notes.
    `inversions` are scale steps from a chord's root to its bass, one for each of the four chords; none are all roots.
    """

    seed: int
    split: str
    genre: str
    moods: tuple[str, ...]
    layout: str
    tempo_bpm: float
    numerator: int
    denominator: int
    bars: int
    swing: float
    tonic: int
    mode: str
    progression_id: int
    chord_beats: float
    motif_seed: int
    drums: Drums | None
    parts: tuple[Part, ...]
    textures: tuple[Texture, ...]
    dynamics: Dynamics
    mix: Mix
    inversions: tuple[int, ...] = ()

    @property
    def bar_beats(self) -> float:
        """Length of a bar in quarter notes."""
        return self.numerator * 4.0 / self.denominator

    @property
    def beats(self) -> float:
        """Length of the loop in quarter notes."""
        return self.bars * self.bar_beats

    @property
    def seconds(self) -> float:
        """Length of the loop in seconds, unrounded."""
        return self.beats * 60.0 / self.tempo_bpm

    def samples(self, sample_rate: int = 44100) -> int:
        """Length of the loop in samples: rounded once."""
        return round(self.bars * 4 * self.numerator / self.denominator * 60 / self.tempo_bpm * sample_rate)


def recipe_hash(recipe: Recipe) -> str:
    """SHA-256 of the recipe's canonical JSON: the identity of a loop, the same on every machine."""
    return hashlib.sha256(msgspec.json.encode(recipe)).hexdigest()
