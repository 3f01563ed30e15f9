"""The other implementation of what verdicts say, and how both are compared."""

from fractions import Fraction

import numpy as np
import pytest

from benchmarks.quality import measured, verdicts
from benchmarks.quality.measured import Loop
from engine import controls, metrics
from engine.request import Control, Curve, LoopRequest, Notes, Onsets, Point, Words
from midi.grooves.rhythm import Onset
from midi.notes import Note

RATE, SECONDS = 44_100, 4


def _sine(hz: float, level_db: float = -20.0) -> np.ndarray:
    turns = 2 * np.pi * hz * np.arange(SECONDS * RATE) / RATE
    return np.sqrt(2) * 10 ** (level_db / 20) * np.sin(turns)


def test_a_sine_has_the_level_the_centroid_and_the_pitch_that_it_has() -> None:
    """Known sounds give known figures: the implementation is right by itself, not only alike."""
    loop = Loop(np.stack([_sine(440)] * 2), RATE)
    assert measured.level_db(loop) == pytest.approx(-20, abs=0.05)
    assert measured.brightness_octaves(loop) == pytest.approx(np.log2(440), abs=0.02)
    assert set(measured.pitch_classes(loop).tolist()) == {9}
    assert measured.onsets_seconds(Loop(np.zeros((2, RATE)), RATE)).tolist() == []
    triad = sum(_sine(440 * 2 ** (step / 12)) for step in (-9, -5, -2))
    assert measured.chord(Loop(triad[None], RATE), 0, SECONDS) == (0, "major")
    noise = np.random.default_rng(0).normal(size=2 * RATE)
    assert measured.form_mse(Loop(np.concatenate([noise, _sine(440)[: 2 * RATE]])[None], RATE), "AB") < 0.01


def test_true_peaks_lie_between_samples() -> None:
    """A quarter of the rate, an eighth of a turn off: samples miss the peak by 3 dB, both measurements see it."""
    wave = np.sin(2 * np.pi * np.arange(RATE) / 4 + np.pi / 4)
    assert np.abs(wave).max() == pytest.approx(np.sqrt(0.5))
    assert measured.true_peaks_dbtp(Loop(wave[None], RATE)) == pytest.approx((0, 0), abs=0.2)


def _music() -> np.ndarray:
    """Return strokes over a tone that grows: something of everything that is measured."""
    chance = np.random.default_rng(0)
    swell = 10 ** (np.interp(np.arange(SECONDS * RATE), [0, 2 * RATE, 4 * RATE], [-30, -12, -30]) / 20)
    strokes = np.zeros(SECONDS * RATE)
    for beat in range(8):
        at = beat * RATE // 2
        strokes[at : at + 4_000] += chance.normal(size=4_000) * np.exp(-np.arange(4_000) / 800) * 0.2
    return np.stack([swell * _sine(440, 0) * 0.5 + strokes, swell * _sine(660, 0) * 0.4 + strokes])


LEVEL = Curve(points=(Point(Fraction(0), -30), Point(Fraction(4), -12), Point(Fraction(8), -30)))
CENTROID = Curve(points=(Point(Fraction(0), 500), Point(Fraction(8), 900)), unit="hz")
TUNE = Notes(notes=(Note(69, Fraction(0), Fraction(4)), Note(71, Fraction(4), Fraction(4))))
STROKES = Onsets(onsets=tuple(Onset(Fraction(beat), 1.0) for beat in (0, 1, 2, 5, 7)))
FORM, CHORDS = Words(text="AAB"), Words(text="Am C")
TARGETS = (
    ("intensity", LEVEL),
    ("brightness", CENTROID),
    ("melody", TUNE),
    ("rhythm", STROKES),
    ("structure", FORM),
    ("harmony", CHORDS),
)
CONTROLS = tuple(Control(kind=kind, target=target) for kind, target in TARGETS)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.kind)
def test_verdicts_of_the_program_agree_and_others_do_not(control: Control) -> None:
    """Of the same sound both say the same; a verdict that is off by more than is allowed is found."""
    request = LoopRequest(bars=2, tempo_bpm=Fraction(120), controls=(control,))
    audio = _music()
    (verdict,) = metrics.judge(audio, RATE, request, controls.metrics())
    said = verdicts.said_of(verdict.grade, verdict.sentence, request.bars)
    found = verdicts.heard(Loop(audio, RATE), request, control)
    assert verdicts.agrees(said, control.kind, found, request.bars)[0]
    off = said.amount + max(2 * verdicts.WITHIN[said.unit], 0.2 * said.amount)
    wrong = verdicts.Said(said.grade, off, said.unit, said.first, said.last)
    assert not verdicts.agrees(wrong, control.kind, found, request.bars)[0]


def test_a_take_asks_the_same_whenever_it_is_asked() -> None:
    """The request of a number is always the same, and 200 of them have one to three controls of all kinds."""
    first, again = (verdicts.request_of(7, 5.0).controls for _ in range(2))
    assert first == again
    kinds = [[control.kind for control in verdicts.request_of(number, 5.0).controls] for number in range(200)]
    assert {len(one) for one in kinds} == {1, 2, 3}
    assert {kind for one in kinds for kind in one} == set(verdicts.KINDS)
