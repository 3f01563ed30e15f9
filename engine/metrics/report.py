"""All scores of a finished loop against its request."""

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from midi.melody import melody as one_voice
from midi.melody import pitch_class_target
from midi.tempo import beats_to_seconds

from ..curves import frequency_octaves, inside, level_db
from ..errors import BadInputError
from ..events import Scores
from ..request import Control, Curve, LoopRequest, Notes, Onsets, Words
from . import brightness, intensity, melody, rhythm, seam, structure
from .framing import mono
from .metric import Metric


def score(
    audio: NDArray[np.floating],
    sample_rate: int,
    request: LoopRequest,
    metrics: Mapping[str, Metric],
    say: Callable[[str], object] = lambda sentence: None,
) -> Scores:
    """Return the scores of `audio` [channels, samples]; a name whose control was not asked for is None.

    `metrics` has the metric of each kind of control. Where a kind comes more than once, the worst score counts. A
    metric that fails leaves its names at None, and the reason goes to `say`.
    """
    scores: Scores = {name: None for metric in metrics.values() for name in metric.names}
    for control in request.controls:
        metric = metrics.get(control.kind)
        if metric is None:
            continue
        try:
            found = metric.measure(audio, sample_rate, request, control)
        except BadInputError as error:  # of a metric from elsewhere; its fault must not cost the loop
            say(error.sentence)
            continue
        for name, value in found.items():
            scores[name] = _worst(scores.get(name), value, high_is_good=name in metric.high_is_good)
    scores["seam_ratio"] = seam.measure(audio, sample_rate).ratio if request.loop else None
    return scores


def _worst(before: float | None, now: float | None, *, high_is_good: bool) -> float | None:
    if before is None or now is None:
        return before if now is None else now
    return min(before, now) if high_is_good else max(before, now)


def _intensity_score(
    audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control
) -> intensity.IntensityScore:
    assert isinstance(control.target, Curve)
    frames = intensity.frame_count(audio.shape[-1], sample_rate)
    target = level_db(control.target, request.beats, frames)
    chosen = inside(control.within, request.beats, frames)
    return intensity.compare(audio, sample_rate, target, chosen, circular=request.loop)


def _intensity(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    found = _intensity_score(audio, sample_rate, request, control)
    return {"intensity_mse": found.mse, "intensity_mse_gain_free": found.mse_gain_free, "intensity_rho": found.rho}


def _intensity_offset_db(
    audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control
) -> float:
    return _intensity_score(audio, sample_rate, request, control).offset_db


def _melody(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Notes)
    try:
        line = one_voice(control.target.notes)
    except BadInputError:
        return {}
    signal = mono(audio)
    frames = melody.frame_count(len(signal), sample_rate)
    classes, sounding = pitch_class_target(line, request.beats, frames)
    sounding = sounding & inside(control.within, request.beats, frames)
    return {"melody_accuracy": melody.compare(signal, sample_rate, classes, sounding, circular=request.loop).accuracy}


def _rhythm(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Onsets)

    def seconds(beat: Fraction) -> float:
        return float(beats_to_seconds(beat, request.tempo_bpm))

    wanted = np.array([seconds(stroke.beat) for stroke in control.target.onsets if stroke.beat < request.beats])
    within = None if control.within is None else (seconds(control.within[0]), seconds(control.within[1]))
    found = rhythm.compare(mono(audio), sample_rate, wanted, circular=request.loop, within=within)
    return {"rhythm_f1": found.f1, "rhythm_f1_tight": found.f1_tight}


def _structure(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    if not isinstance(control.target, Words):
        return {}
    form = "".join(control.target.text.split()).upper()
    return {"structure_mse": structure.mse(mono(audio), sample_rate, form, circular=request.loop)}


def _brightness(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Curve)
    signal = mono(audio)
    frames = brightness.frame_count(len(signal), sample_rate)
    target = frequency_octaves(control.target, request.beats, frames)
    chosen = inside(control.within, request.beats, frames)
    off = brightness.error_octaves(signal, sample_rate, target, chosen, circular=request.loop)
    return {"brightness_error_octaves": off}


INTENSITY = Metric(
    measure=_intensity,
    names=("intensity_mse", "intensity_mse_gain_free", "intensity_rho"),
    high_is_good=frozenset({"intensity_rho"}),
    offset_db=_intensity_offset_db,
)
MELODY = Metric(measure=_melody, names=("melody_accuracy",), high_is_good=frozenset({"melody_accuracy"}))
RHYTHM = Metric(
    measure=_rhythm, names=("rhythm_f1", "rhythm_f1_tight"), high_is_good=frozenset({"rhythm_f1", "rhythm_f1_tight"})
)
STRUCTURE = Metric(measure=_structure, names=("structure_mse",))
BRIGHTNESS = Metric(measure=_brightness, names=("brightness_error_octaves",))
