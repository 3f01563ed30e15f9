"""Instrument families: ranges that a concrete patch is drawn from, and the words that it earns."""

from __future__ import annotations

from enum import StrEnum
from random import Random
from typing import Final

import msgspec
import numpy as np

from ..splits import draw_id
from .waveforms import FloatArray

AKWF_CYCLES: Final = 4358  # of the Adventure Kid waveforms in the asset pack
SYNTHETIC_CYCLES: Final = 600  # variants of each computed waveform
WAVE_VALUES: Final = (
    "attack_s", "decay_s", "sustain", "release_s", "cutoff_hz", "sweep_octaves", "sweep_s", "unison", "detune_cents",
    "spread", "lfo_octaves", "lfo_per_beat", "vibrato_cents", "glide_s",
)  # fmt: skip
FM_VALUES: Final = (
    "attack_s", "decay_s", "sustain", "release_s", "ratio", "index", "index_decay_s", "index_sustain", "ratio_b",
    "index_b", "index_b_decay_s", "detune_cents", "vibrato_cents", "glide_s",
)  # fmt: skip
SUB_VALUES: Final = (
    "attack_s", "decay_s", "release_s", "punch_octaves", "punch_s", "drive", "glide_s", "harmonics",
)  # fmt: skip
"""The order in which `voices.add_wave`, `add_fm` and `add_sub` read their vector `v`; units are in the names."""


class Voice(StrEnum):
    """The kernels of `voices.py` that play a patch."""

    WAVE = "wave"
    FM = "fm"
    PLUCK = "pluck"
    SUB = "sub"


class Patch(msgspec.Struct, frozen=True):
    """One concrete sound: the voice that plays it (`engine`), its parameters and the words for it.

    `cycle` names the waveform family, `cycle_id` its identity; `sample` names a multisample used
    instead where the asset pack has it.
    """

    name: str
    engine: Voice
    words: tuple[str, ...]
    values: dict[str, float]
    cycle: str = "saw"
    cycle_id: int = 0
    sample: str = ""


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """Ranges of a family: one number is fixed, a pair is drawn from (log-uniform where positive)."""

    engine: Voice = Voice.WAVE
    words: tuple[str, ...] = ()
    cycles: tuple[str, ...] = ("saw",)
    samples: tuple[str, ...] = ()
    sampled_chance: float = 0.6
    values: dict[str, float | tuple[float, float]]


# fmt: off
_WAVE: Final[dict[str, float | tuple[float, float]]] = {
    "attack_s": 0.003, "decay_s": 0.3, "sustain": 0.7, "release_s": 0.08, "cutoff_hz": 2000.0,
    "sweep_octaves": 1.0, "sweep_s": 0.25, "resonance": (0.02, 0.4), "unison": 1.0, "detune_cents": 8.0,
    "spread": 0.3, "lfo_octaves": 0.0, "lfo_per_beat": 0.25, "vibrato_cents": 0.0, "glide_s": 0.0,
}
_FM: Final[dict[str, float | tuple[float, float]]] = {
    "attack_s": 0.002, "decay_s": 1.0, "sustain": 0.2, "release_s": 0.15, "ratio": 1.0, "index": 1.5,
    "index_decay_s": 0.4, "index_sustain": 0.2, "ratio_b": 14.0, "index_b": 0.2, "index_b_decay_s": 0.06,
    "detune_cents": (1.0, 6.0), "vibrato_cents": 0.0, "glide_s": 0.0,
}
_PLUCK: Final[dict[str, float | tuple[float, float]]] = {
    "brightness": (0.35, 0.8), "ring_s": (0.8, 3.0), "position": (0.1, 0.35), "release_s": 0.08,
}
_SUB: Final[dict[str, float | tuple[float, float]]] = {
    "decay_s": 1.2, "release_s": 0.06, "punch_octaves": 0.0, "punch_s": 0.03, "drive": (0.3, 1.2),
        "glide_s": 0.0,
    "harmonics": 0.1, "attack_s": 0.003,
}
# fmt: on


def _wave(*words: str, cycles: tuple[str, ...] = ("saw",), **values: float | tuple[float, float]) -> Family:
    return Family(words=words, cycles=cycles, values={**_WAVE, **values})


def _fm(*words: str, **values: float | tuple[float, float]) -> Family:
    return Family(engine=Voice.FM, words=words, values={**_FM, **values})


def _pluck(*words: str, **values: float | tuple[float, float]) -> Family:
    return Family(engine=Voice.PLUCK, words=words, values={**_PLUCK, **values})


def _sub(*words: str, **values: float | tuple[float, float]) -> Family:
    return Family(engine=Voice.SUB, words=words, values={**_SUB, **values})


def _sampled(family: Family, *samples: str, chance: float = 0.6) -> Family:
    return msgspec.structs.replace(family, samples=samples, sampled_chance=chance)


# fmt: off
BASSES: Final[dict[str, Family]] = {
    "sub": _sub("sub bass", decay_s=(2.0, 6.0), harmonics=(0.02, 0.2)),
    "808": _sub("808", "sub bass", decay_s=(0.7, 2.0), punch_octaves=(0.8, 2.0), drive=(0.8, 4.0),
        glide_s=(0.04, 0.14), harmonics=(0.1, 0.4)),
    "synth": _sampled(_wave("synth bass", cycles=("saw", "square", "akwf"), cutoff_hz=(180, 800),
        sweep_octaves=(0.8, 3.0), sweep_s=(0.08, 0.3), sustain=(0.4, 0.8), detune_cents=(2, 10),
        unison=(1, 2), spread=0.05), "synth-bass-1", "synth-bass-2", "lately-bass", "synth-bass-lead",
        chance=0.3),
    "square": _wave("synth bass", "hollow", cycles=("square",), cutoff_hz=(250, 1200), sweep_octaves=(0.5,
        2.0), spread=0.0),
    "saw-bass": _wave("synth bass", "buzzy", cycles=("saw",), cutoff_hz=(300, 1500), sweep_octaves=(0.5,
        2.5), unison=(2, 3), detune_cents=(6, 14), spread=0.1),
    "organ-bass": _fm("synth bass", ratio=1.0, index=(0.8, 1.6), index_decay_s=(0.06, 0.2),
        index_sustain=0.3, ratio_b=2.0, index_b=(0.3, 0.8), index_b_decay_s=0.1, decay_s=0.5,
        sustain=0.5),
    "fm-bass": _fm("synth bass", "metallic", ratio=(0.5, 2.0), index=(1.5, 4.0), index_decay_s=(0.05,
        0.2), index_sustain=0.15, ratio_b=3.0, index_b=(0.2, 0.8), decay_s=0.4, sustain=0.5),
    "acid": _wave("acid bass", "synth bass", "resonant", cycles=("saw", "square"), cutoff_hz=(180, 500),
        sweep_octaves=(1.5, 3.8), sweep_s=(0.08, 0.25), resonance=(0.75, 0.97), sustain=0.6, spread=0.0,
        glide_s=(0.03, 0.06)),
    "rumble": _sub("sub bass", "deep", decay_s=(0.2, 0.5), drive=(1.5, 4.0), harmonics=(0.1, 0.4)),
    "reese": _wave("reese bass", "detuned", "bass", cycles=("saw",), cutoff_hz=(250, 900),
        sweep_octaves=(-0.4, 0.4), unison=3, detune_cents=(14, 32), lfo_octaves=(0.2, 1.0),
        lfo_per_beat=(0.1, 0.5), sustain=1.0, spread=0.35, resonance=(0.1, 0.4)),
    "wobble": _wave("wobble bass", "resonant", cycles=("saw", "square", "akwf"), cutoff_hz=(250, 700),
        sweep_octaves=0.3, unison=(1, 3), lfo_octaves=(1.5, 2.6), lfo_per_beat=-1.0, resonance=(0.4,
        0.85), sustain=1.0, spread=0.15),
    "electric": _sampled(_pluck("electric bass", brightness=(0.15, 0.45), ring_s=(1.0, 2.5)),
        "fashionbass", "fretless", chance=0.8),
    "log-drum": _sub("log drum", "percussion", decay_s=(0.25, 0.6), punch_octaves=(0.5, 1.4),
        punch_s=(0.02, 0.05), drive=(1.0, 3.0), harmonics=(0.3, 0.7)),
    "drone-bass": _wave("drone", "sustained", cycles=("saw", "triangle", "akwf"), cutoff_hz=(150, 500),
        attack_s=(0.3, 1.0), release_s=1.0, sustain=1.0, unison=3, detune_cents=(5, 15),
        sweep_octaves=0.2, lfo_octaves=0.5, lfo_per_beat=0.125),
    "strings-low": _wave("strings", cycles=("strings",), cutoff_hz=(900, 2500), attack_s=(0.03, 0.15),
        release_s=0.25, sustain=0.9, unison=4, detune_cents=(8, 16), vibrato_cents=6.0, spread=0.4,
        sweep_octaves=0.3),
}

CHORDS: Final[dict[str, Family]] = {
    "epiano": _sampled(_fm("electric piano", "keys", ratio=1.0, index=(0.5, 1.6), index_decay_s=(0.4,
        1.2), ratio_b=14.0, index_b=(0.05, 0.3), decay_s=(1.0, 2.5), sustain=0.15), "Wurlitzer-EP200",
        "Pianet-T"),
    "piano": _sampled(_wave("piano", "keys", "acoustic", cycles=("piano",), cutoff_hz=(900, 2500),
        sweep_octaves=(1.0, 2.2), sweep_s=(0.3, 0.7), decay_s=(0.8, 1.8), sustain=0.1, release_s=0.15,
        unison=2, detune_cents=(1, 4), resonance=0.0), "upright-piano", "CP80", chance=0.75),
    "organ": _wave("organ", "keys", "sustained", cycles=("organ",), cutoff_hz=(2500, 9000),
        sweep_octaves=0.0, sustain=1.0, vibrato_cents=(2, 8), decay_s=0.05, spread=0.4, resonance=0.0),
    "clav": _wave("keys", "plucky", cycles=("pulse",), cutoff_hz=(900, 2500), sweep_octaves=(1.0, 2.5),
        sweep_s=(0.05, 0.15), decay_s=(0.2, 0.5), sustain=0.1, release_s=0.03, resonance=(0.3, 0.6)),
    "keys": _wave("synth", "keys", cycles=("akwf", "triangle", "square"), cutoff_hz=(900, 3500),
        sweep_octaves=(0.5, 1.5), decay_s=(0.3, 0.9), sustain=0.4, unison=2, detune_cents=(3, 10)),
    "pad": _sampled(_wave("pad", "synth", "sustained", cycles=("saw", "akwf", "square", "triangle"),
        cutoff_hz=(500, 2500), attack_s=(0.08, 0.6), release_s=(0.4, 1.2), sustain=0.9,
        sweep_octaves=(-0.5, 1.0), sweep_s=(0.5, 2.0), unison=(3, 5), detune_cents=(6, 20), spread=(0.4,
        0.9), lfo_octaves=(0.05, 0.7), lfo_per_beat=(0.06, 0.25)), "new-age", "synth-pad-bowed",
        chance=0.25),
    "drone-pad": _wave("pad", "drone", "dark", cycles=("akwf", "saw"), cutoff_hz=(300, 1000),
        attack_s=(0.3, 1.2), release_s=1.5, sustain=1.0, unison=4, detune_cents=(8, 22), spread=0.8,
        lfo_octaves=(0.4, 1.2), lfo_per_beat=(0.06, 0.15)),
    "strings": _wave("strings", "sustained", cycles=("strings",), cutoff_hz=(2200, 6000), attack_s=(0.05,
        0.3), release_s=(0.25, 0.7), sustain=0.9, unison=5, detune_cents=(8, 18), spread=0.8,
        vibrato_cents=(4, 10), sweep_octaves=0.3, resonance=0.0),
    "choir": _sampled(_wave("choir", "airy", "pad", cycles=("choir",), cutoff_hz=(2500, 6000),
        attack_s=(0.1, 0.4), release_s=(0.3, 0.9), sustain=0.9, unison=4, detune_cents=(8, 18),
        spread=0.8, vibrato_cents=(6, 14), sweep_octaves=0.0, resonance=0.0), "synth-pad-choir",
        chance=0.5),
    "glass": _fm("pad", "glassy", "bells", attack_s=(0.05, 0.3), decay_s=2.5, sustain=0.4, release_s=1.0,
        ratio=(2.0, 3.5), index=(0.4, 1.2), index_decay_s=2.0, ratio_b=7.0, index_b=0.15,
        index_b_decay_s=1.0, detune_cents=(5, 12)),
    "supersaw": _wave("supersaw", "synth", "wide", "detuned", cycles=("saw",), cutoff_hz=(2500, 9000),
        attack_s=(0.003, 0.05), release_s=(0.1, 0.4), sustain=0.9, unison=7, detune_cents=(14, 30),
        spread=1.0, sweep_octaves=(0.0, 0.8), resonance=0.05),
    "stab": _wave("stab", "synth", "staccato", cycles=("saw", "square", "akwf", "pulse"), cutoff_hz=(600,
        2500), sweep_octaves=(0.8, 2.5), sweep_s=(0.06, 0.25), decay_s=(0.12, 0.4), sustain=0.05,
        release_s=0.08, unison=(2, 4), detune_cents=(5, 16), spread=0.5),
    "dub-stab": _wave("stab", "synth", "resonant", cycles=("saw", "pulse"), cutoff_hz=(350, 1000),
        sweep_octaves=(0.8, 2.0), sweep_s=(0.1, 0.3), decay_s=(0.15, 0.4), sustain=0.0, release_s=0.15,
        resonance=(0.3, 0.6), unison=3, detune_cents=(6, 14), spread=0.5),
    "brass": _wave("brass", cycles=("brass",), cutoff_hz=(700, 1600), attack_s=(0.03, 0.09),
        sweep_octaves=(0.8, 1.6), sweep_s=(0.3, 0.8), sustain=0.8, release_s=0.12, unison=3,
        detune_cents=(5, 12), spread=0.5, vibrato_cents=3.0, resonance=0.1),
    "guitar": _pluck("guitar", "plucky", brightness=(0.4, 0.8), ring_s=(0.6, 2.0)),
    "pluck-chords": _wave("pluck", "plucky", "synth", cycles=("saw", "square", "triangle", "akwf"),
        cutoff_hz=(500, 1600), sweep_octaves=(1.2, 2.8), sweep_s=(0.06, 0.2), decay_s=(0.2, 0.5),
        sustain=0.0, release_s=0.15, unison=2, detune_cents=(4, 10)),
}

LEADS: Final[dict[str, Family]] = {
    "saw": _wave("lead", "synth", cycles=("saw",), cutoff_hz=(1500, 6000), unison=(1, 3), detune_cents=(4,
        14), vibrato_cents=(0, 8), glide_s=(0.0, 0.06), sustain=0.8, decay_s=0.3, release_s=(0.08, 0.3)),
    "square": _wave("lead", "synth", "hollow", cycles=("square", "pulse"), cutoff_hz=(1500, 6000),
        vibrato_cents=(0, 10), glide_s=(0.0, 0.08), sustain=0.8, release_s=0.1),
    "chip": _wave("lead", "synth", "bit crushed", cycles=("square", "pulse"), cutoff_hz=(7000, 14000),
        sweep_octaves=0.0, resonance=0.0, sustain=0.6, spread=0.0),
    "sine": _wave("lead", "synth", "smooth", "soft", cycles=("triangle", "sine"), cutoff_hz=(1500, 5000),
        vibrato_cents=(5, 16), glide_s=(0.02, 0.09), attack_s=(0.008, 0.03), sustain=0.9, release_s=(0.1,
        0.3), resonance=0.0),
    "supersaw": msgspec.structs.replace(CHORDS["supersaw"], words=("lead", "supersaw", "synth", "wide")),
    "fm-lead": _fm("lead", "synth", "metallic", ratio=(1.0, 3.0), index=(1.0, 3.0), index_decay_s=(0.1,
        0.5), index_sustain=0.5, sustain=0.7, decay_s=0.4, ratio_b=2.0, index_b=(0.1, 0.6),
        index_b_decay_s=0.3),
    "acid": msgspec.structs.replace(BASSES["acid"], words=("acid bass", "lead", "resonant")),
    "pluck": _wave("pluck", "plucky", "synth", cycles=("saw", "square", "triangle", "akwf"),
        cutoff_hz=(600, 2000), sweep_octaves=(1.2, 3.0), sweep_s=(0.06, 0.2), decay_s=(0.2, 0.6),
        sustain=0.02, release_s=(0.1, 0.3), unison=(1, 3), detune_cents=(4, 12)),
    "bell": _fm("bells", "glassy", "bright", decay_s=(0.8, 2.2), sustain=0.0, release_s=(0.4, 1.0),
        ratio=(3.0, 4.0), index=(0.6, 2.0), index_decay_s=(0.3, 0.9), index_sustain=0.05, ratio_b=7.0,
        index_b=(0.1, 0.4), index_b_decay_s=0.2),
    "glass-lead": msgspec.structs.replace(CHORDS["glass"], words=("bells", "glassy", "airy")),
    "mallets": _fm("mallets", "plucky", decay_s=(0.3, 0.7), sustain=0.0, release_s=0.2, ratio=4.0,
        index=(0.3, 1.2), index_decay_s=(0.04, 0.12), index_sustain=0.0, ratio_b=10.0, index_b=(0.1, 0.4),
        index_b_decay_s=0.03),
    "epiano": CHORDS["epiano"],
    "piano": CHORDS["piano"],
    "organ": CHORDS["organ"],
    "guitar": CHORDS["guitar"],
    "clav-lead": CHORDS["clav"],
    "strings": _wave("strings", cycles=("strings",), cutoff_hz=(2500, 7000), attack_s=(0.03, 0.12),
        release_s=(0.15, 0.4), sustain=0.9, unison=3, detune_cents=(5, 12), vibrato_cents=(6, 14),
        sweep_octaves=0.2, resonance=0.0, glide_s=(0.0, 0.05)),
    "choir": CHORDS["choir"],
    "brass": CHORDS["brass"],
}
# fmt: on

FAMILIES: Final[dict[str, dict[str, Family]]] = {
    "bass": BASSES, "chords": CHORDS, "lead": LEADS, "arpeggio": LEADS,
}  # fmt: skip


def sample_patch(role: str, name: str, rng: Random, split: str) -> Patch:
    """Draw a concrete patch of a family; waveform identities keep to the split."""
    family = FAMILIES[role][name]
    values = {key: _draw(value, rng) for key, value in family.values.items()}
    if values.get("lfo_per_beat", 0.0) < 0.0:  # a wobble is in time
        values["lfo_per_beat"] = rng.choice((0.5, 1.0, 1.0, 2.0, 1.5, 3.0))
    if family.engine is Voice.FM:  # halves and wholes keep the pitch
        values["ratio"] = round(2.0 * values["ratio"]) / 2.0
    cycle = rng.choice(family.cycles)
    cycle_id = draw_id(rng, AKWF_CYCLES if cycle == "akwf" else SYNTHETIC_CYCLES, split)
    sample = rng.choice(family.samples) if family.samples and rng.random() < family.sampled_chance else ""
    return Patch(name, family.engine, _words(family, values), values, cycle, cycle_id, sample)


def value_vector(values: dict[str, float], names: tuple[str, ...]) -> FloatArray:
    """Return the values in the order of `names` as float32 [len(names)], for a voice's kernel."""
    return np.array([values[name] for name in names], dtype=np.float32)


def _draw(value: float | tuple[float, float], rng: Random) -> float:
    if not isinstance(value, tuple):
        return float(value)
    low, high = value
    if low > 0.0:
        return round(float(low * (high / low) ** rng.random()), 6)
    return round(rng.uniform(low, high), 6)


def _words(family: Family, values: dict[str, float]) -> tuple[str, ...]:
    """Return the family's words and those that the drawn parameters earn by a threshold."""
    earned = {
        "detuned": values.get("detune_cents", 0.0) >= 13.0 and values.get("unison", 0.0) >= 2.0,
        "resonant": values.get("resonance", 0.0) >= 0.55,
        "vibrato": values.get("vibrato_cents", 0.0) >= 8.0,
        "glide": values.get("glide_s", 0.0) >= 0.03,
        "wide": values.get("spread", 0.0) >= 0.75 and values.get("unison", 0.0) >= 3.0,
        "plucky": 0.0 < values.get("decay_s", 9.0) <= 0.3 and values.get("sustain", 1.0) <= 0.15,
    }
    return tuple(dict.fromkeys((*family.words, *(word for word, true in earned.items() if true))))
