"""All scores and verdicts of a finished loop against its request, by the metrics of its controls."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from midi.chords.text import ChordSpan
from midi.key import Key
from midi.melody import melody as one_voice
from midi.melody import pitch_class_target
from midi.tempo import beats_to_seconds

from ..curves import asked, asked_at, frequency_octaves, level_db
from ..errors import BadInputError
from ..events import Scores
from ..request import Control, Curve, LoopRequest, Notes, Onsets, Words, chord_spans
from . import brightness, chords, intensity, melody, rhythm, seam, structure
from .framing import mono
from .metric import Judge, Measure, Metric, Panel
from .verdict import Verdict, of_curve, of_likeness, of_share

ROUNDING_BEATS = 1e-9  # so that an onset exactly where a range begins counts


def score(
    audio: NDArray[np.floating],
    sample_rate: int,
    request: LoopRequest,
    metrics: Mapping[str, Metric],
    say: Callable[[str], object] = lambda sentence: None,
    heard: Callable[[Control], NDArray[np.floating]] | None = None,
) -> Scores:
    """Return the scores of `audio` [channels, samples] by name; None for controls that the request does not have.

    `metrics` are by kind of control. They measure `audio`, or where `heard` is given its sound [channels, samples] of
    the layers that a control moves. Where a kind comes more than once, the worst score counts. A metric that fails
    leaves its names at None, and the reason goes to `say`.
    """
    scores: Scores = {name: None for metric in metrics.values() for name in metric.names}
    for control in request.controls:
        metric = metrics.get(control.kind)
        if metric is None:
            continue
        try:
            found = metric.measure(heard(control) if heard else audio, sample_rate, request, control)
        except BadInputError as error:  # of a metric from outside this package; the loop is delivered all the same
            say(error.sentence)
            continue
        for name, value in found.items():
            scores[name] = _worst(scores.get(name), value, high_is_good=name in metric.high_is_good)
    scores["seam_ratio"] = seam.measure(audio, sample_rate).ratio if request.loop else None
    return scores


def judge(
    audio: NDArray[np.floating],
    sample_rate: int,
    request: LoopRequest,
    metrics: Mapping[str, Metric],
    heard: Callable[[Control], NDArray[np.floating]] | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdict on each control of `request` whose metric gives one, measured in `audio` [channels, samples].

    `metrics` and `heard` are as in `score`.
    """
    judges = [(control, metric) for control in request.controls if (metric := metrics.get(control.kind)) is not None]
    found: list[Verdict] = []
    for control, metric in judges:
        sound = heard(control) if heard else audio
        verdict = metric.judge(sound, sample_rate, request, control) if metric.judge else None
        found += [verdict] if verdict is not None else []
    return tuple(found)


def unjudged(
    kinds: Iterable[str], metrics: Mapping[str, Metric], scores: Scores, verdicts: Iterable[Verdict]
) -> tuple[str, ...]:
    """Return a sentence for each kind of control without a verdict, which names its scores or says to listen."""
    judged, said = {one.sentence.partition(":")[0] for one in verdicts}, []
    for kind in dict.fromkeys(kinds):
        names = metrics[kind].names if kind in metrics else ()
        telling = [name for name in names if scores.get(name) is not None]
        if kind in judged:
            continue
        if telling:
            said.append(f"{kind}: {' and '.join(telling)} tell{'s' * (len(telling) == 1)} how closely it is followed.")
        else:
            said.append(f"{kind}: no measure of its own tells how closely it is followed; listen to it.")
    return tuple(said)


def panels(request: LoopRequest, metrics: Mapping[str, Metric]) -> dict[str, Panel]:
    """Return the panel of the loop's picture for each kind of control of the request that has one."""
    found = {control.kind: metrics.get(control.kind) for control in request.controls}
    return {kind: metric.panel for kind, metric in found.items() if metric is not None and metric.panel is not None}


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
    chosen = asked(control, request.beats, frames)
    return intensity.compare(audio, sample_rate, target, chosen, circular=request.loop)


def _intensity(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    found = _intensity_score(audio, sample_rate, request, control)
    return {"intensity_mse": found.mse, "intensity_mse_gain_free": found.mse_gain_free, "intensity_rho": found.rho}


def _intensity_offset_db(
    audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control
) -> float:
    return _intensity_score(audio, sample_rate, request, control).offset_db


def _intensity_verdict(
    audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control
) -> Verdict:
    assert isinstance(control.target, Curve)
    frames = intensity.frame_count(audio.shape[-1], sample_rate)
    target = level_db(control.target, request.beats, frames)
    wanted = intensity.wanted_curve(target, audio.shape[-1], sample_rate, circular=request.loop)
    error = intensity.level_curve(audio, sample_rate, circular=request.loop) - wanted
    chosen = asked(control, request.beats, frames)
    return of_curve(control.kind, error, chosen, bars=request.bars, good=1.0, near=2.0, unit="dB", digits=1)


def _melody(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Notes)
    try:
        line = one_voice(control.target.notes)
    except BadInputError:
        return {}
    signal = mono(audio)
    frames = melody.frame_count(len(signal), sample_rate)
    classes, sounding = pitch_class_target(line, request.beats, frames)
    sounding = sounding & asked(control, request.beats, frames)
    return {"melody_accuracy": melody.accuracy(signal, sample_rate, classes, sounding, circular=request.loop)}


def _rhythm(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Onsets)

    beats_a_second = float(request.beats) / float(request.seconds)

    def counts(seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
        return asked_at(control, request.beats, seconds * beats_a_second + ROUNDING_BEATS)

    strokes = control.target.onsets
    wanted = np.array(
        [float(beats_to_seconds(one.beat, request.tempo_bpm)) for one in strokes if one.beat < request.beats]
    )
    found = rhythm.compare(mono(audio), sample_rate, wanted, circular=request.loop, asked=counts)
    return {"rhythm_f1": found.f1, "rhythm_f1_tight": found.f1_tight}


def _structure(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    if not isinstance(control.target, Words):
        return {}
    form = "".join(control.target.text.split()).upper()
    counts = asked(control, request.beats, structure.STRETCHES * len(form))
    return {"structure_mse": structure.mse(mono(audio), sample_rate, form, counts, circular=request.loop)}


def _brightness(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Curve)
    signal = mono(audio)
    frames = brightness.frame_count(len(signal), sample_rate)
    target = frequency_octaves(control.target, request.beats, frames)
    chosen = asked(control, request.beats, frames)
    off = brightness.error_octaves(signal, sample_rate, target, chosen, circular=request.loop)
    return {"brightness_error_octaves": off}


def _brightness_verdict(
    audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control
) -> Verdict:
    assert isinstance(control.target, Curve)
    signal = mono(audio)
    frames = brightness.frame_count(len(signal), sample_rate)
    target = frequency_octaves(control.target, request.beats, frames)
    wanted = brightness.spanned(target, len(target) * sample_rate / len(signal), circular=request.loop)
    error = brightness.curve(signal, sample_rate, circular=request.loop) - wanted
    chosen = asked(control, request.beats, frames)
    return of_curve(control.kind, error, chosen, bars=request.bars, good=0.2, near=0.35, unit="octaves", digits=2)


def _structure_verdict(
    audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control
) -> Verdict | None:
    found = _structure(audio, sample_rate, request, control).get("structure_mse")
    return of_likeness(control.kind, found, good=0.001, near=0.003)


def _harmony(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
    assert isinstance(control.target, Words)
    key = None if request.key is None else Key.parse(request.key)
    spans = chord_spans(control.target.text, key, request.bars, request.meter.beats_per_bar)
    counted = [span for span in spans if _is_asked(control, request, span)]
    return {"chords_recognised": chords.recognised(audio, sample_rate, counted, request.tempo_bpm)}


def _is_asked(control: Control, request: LoopRequest, span: ChordSpan) -> bool:
    """Return whether more than half of a chord lies where the control counts."""
    places = float(span.beat) + (np.arange(64) + 0.5) / 64 * float(span.beats)
    return float(asked_at(control, request.beats, places).mean()) > 0.5


def _share(measure: Measure, name: str, *, good: float, near: float, of: str) -> Judge:
    """Return the judge of the share that `measure` gives under `name`; see `of_share`."""

    def judged(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Verdict | None:
        share = measure(audio, sample_rate, request, control).get(name)
        return of_share(control.kind, share, good=good, near=near, of=of)

    return judged


INTENSITY = Metric(
    measure=_intensity,
    names=("intensity_mse", "intensity_mse_gain_free", "intensity_rho"),
    high_is_good=frozenset({"intensity_rho"}),
    offset_db=_intensity_offset_db,
    judge=_intensity_verdict,
    panel=Panel.LEVEL,
)
MELODY = Metric(
    measure=_melody,
    names=("melody_accuracy",),
    high_is_good=frozenset({"melody_accuracy"}),
    judge=_share(_melody, "melody_accuracy", good=0.95, near=0.85, of="its time sounds as asked"),
    panel=Panel.PITCH_CLASSES,
)
RHYTHM = Metric(
    measure=_rhythm,
    names=("rhythm_f1", "rhythm_f1_tight"),
    high_is_good=frozenset({"rhythm_f1", "rhythm_f1_tight"}),
    judge=_share(_rhythm, "rhythm_f1", good=0.9, near=0.75, of="its hits match"),
    panel=Panel.HITS,
)
STRUCTURE = Metric(measure=_structure, names=("structure_mse",), judge=_structure_verdict)
HARMONY = Metric(
    measure=_harmony,
    names=("chords_recognised",),
    high_is_good=frozenset({"chords_recognised"}),
    judge=_share(_harmony, "chords_recognised", good=chords.GOOD_SHARE, near=chords.NEAR_SHARE, of=chords.SHARE_OF),
)
BRIGHTNESS = Metric(
    measure=_brightness, names=("brightness_error_octaves",), judge=_brightness_verdict, panel=Panel.CENTROID
)
