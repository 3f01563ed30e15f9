"""All scores of a finished loop against its request."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from midi.errors import MidiError
from midi.melody import melody as one_voice
from midi.melody import pitch_class_target
from midi.tempo import beats_to_seconds

from ..curves import frequency_octaves, inside, level_db
from ..events import Scores
from ..request import Control, Curve, LoopRequest, Notes, Onsets, Words
from . import brightness, intensity, melody, rhythm, seam, structure
from .framing import Signal, mono

Measure = Callable[[Signal, int, LoopRequest, Control], Scores]


def score(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest) -> Scores:
    """Return the scores of `audio` [channels, samples]: every key is there, None where it does not apply.

    Where a kind of control comes more than once, the worst counts.
    """
    signal = mono(audio)
    scores: Scores = dict.fromkeys(KEYS)
    for control in request.controls:
        measure = MEASURES.get(control.kind)
        for name, value in (measure(signal, sample_rate, request, control) if measure else {}).items():
            scores[name] = _worst(name, scores[name], value)
    if request.loop:
        scores["seam_ratio"] = seam.measure(audio, sample_rate).ratio
    return scores


def _worst(name: str, before: float | None, now: float | None) -> float | None:
    if before is None or now is None:
        return before if now is None else now
    return min(before, now) if name in HIGH_IS_GOOD else max(before, now)


def _intensity(signal: Signal, sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Curve)
    frames = intensity.frame_count(len(signal), sample_rate)
    target = level_db(control.target, request.beats, frames)
    chosen = inside(control.within, request.beats, frames)
    found = intensity.compare(signal, sample_rate, target, chosen, circular=request.loop)
    return {"intensity_mse": found.mse, "intensity_mse_gain_free": found.mse_gain_free, "intensity_rho": found.rho}


def _melody(signal: Signal, sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Notes)
    try:
        line = one_voice(control.target.notes)
    except MidiError:
        return {}
    frames = melody.frame_count(len(signal), sample_rate)
    classes, sounding = pitch_class_target(line, request.beats, frames)
    sounding = sounding & inside(control.within, request.beats, frames)
    return {"melody_accuracy": melody.compare(signal, sample_rate, classes, sounding, circular=request.loop).accuracy}


def _rhythm(signal: Signal, sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Onsets)

    def seconds(beat: Fraction) -> float:
        return float(beats_to_seconds(beat, request.tempo_bpm))

    wanted = np.array([seconds(stroke.beat) for stroke in control.target.onsets if stroke.beat < request.beats])
    within = None if control.within is None else (seconds(control.within[0]), seconds(control.within[1]))
    found = rhythm.compare(signal, sample_rate, wanted, circular=request.loop, within=within)
    return {"rhythm_f1": found.f1, "rhythm_f1_tight": found.f1_tight}


def _structure(signal: Signal, sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    if not isinstance(control.target, Words):
        return {}
    form = "".join(control.target.text.split()).upper()
    return {"structure_mse": structure.mse(signal, sample_rate, form, circular=request.loop)}


def _brightness(signal: Signal, sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Curve)
    frames = brightness.frame_count(len(signal), sample_rate)
    target = frequency_octaves(control.target, request.beats, frames)
    chosen = inside(control.within, request.beats, frames)
    off = brightness.error_octaves(signal, sample_rate, target, chosen, circular=request.loop)
    return {"brightness_error_octaves": off}


MEASURES: dict[str, Measure] = {
    "intensity": _intensity,
    "intensity-paper": _intensity,
    "intensity-corr": _intensity,
    "melody": _melody,
    "melody-octave": _melody,
    "melody-paper": _melody,
    "rhythm": _rhythm,
    "structure": _structure,
    "brightness": _brightness,
}
HIGH_IS_GOOD = frozenset({"intensity_rho", "melody_accuracy", "rhythm_f1", "rhythm_f1_tight"})
KEYS = (
    "intensity_mse",
    "intensity_mse_gain_free",
    "intensity_rho",
    "melody_accuracy",
    "rhythm_f1",
    "rhythm_f1_tight",
    "structure_mse",
    "brightness_error_octaves",
    "seam_ratio",
)
