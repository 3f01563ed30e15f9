"""The measures of layers tell good from bad where the answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.quality.evaluation import crispness, fit
from engine.metrics.hearing.pitch import pitches_of
from midi.chords.text import parse_chord
from midi.key import NOTE_NAMES

RATE = 44_100
SECONDS = 2.0
TIME = np.arange(round(SECONDS * RATE)) / RATE


def notes(pitches: list[int], seconds_each: float = SECONDS, partials: int = 6) -> np.ndarray:
    """Return chords of pitches, one after the other: each an inner list, or single notes."""
    time = np.arange(round(seconds_each * RATE)) / RATE
    waves = []
    for pitch in pitches:
        hz = 440 * 2 ** ((pitch - 69) / 12)
        waves.append(
            sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, partials)) * np.hanning(len(time)) ** 0.3
        )
    return np.tile(0.1 * np.concatenate(waves), (2, 1))


def chord(text: str, seconds: float = SECONDS) -> np.ndarray:
    """Return a chord as it is written, around the octave of middle C."""
    return np.asarray(sum(notes([60 + one], seconds) for one in parse_chord(text).pitch_classes))


def noise(seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((2, len(TIME)))


def harmony(start: float, end: float, text: str, scale: str) -> fit.Harmony:
    one = parse_chord(text)
    own = frozenset(NOTE_NAMES.index(note) for note in scale.split())
    return fit.Harmony(start, end, own, one.root, one.pitch_classes)


def test_lines_stand_out_of_tones_and_not_of_noise() -> None:
    """A chord has far more contrast than noise, and noise over it takes contrast away, however loud the whole is."""
    clean, rough = chord("Am7"), chord("Am7") + 0.5 * noise()
    values = [crispness.line_contrast_db(audio, RATE) for audio in (clean, rough, noise())]
    assert values[0] > values[1] > values[2]
    assert crispness.line_contrast_db(0.01 * rough, RATE) == pytest.approx(values[1], abs=0.1)
    assert np.isnan(crispness.line_contrast_db(np.zeros((2, RATE)), RATE))


@given(seed=st.integers(0, 100))
@settings(max_examples=5)
def test_blurred_lines_have_less_contrast(seed: int) -> None:
    """The same chord with every partial spread over its neighbours stands out less."""
    rng = np.random.default_rng(seed)
    wander = 1 + 0.01 * np.cumsum(rng.standard_normal(len(TIME))) / np.sqrt(len(TIME))
    blurred = np.tile(sum(np.sin(2 * np.pi * 220 * k * np.cumsum(wander) / RATE) / k for k in range(1, 8)), (2, 1))
    steady = np.tile(sum(np.sin(2 * np.pi * 220 * k * TIME) / k for k in range(1, 8)), (2, 1))
    assert crispness.line_contrast_db(blurred, RATE) < crispness.line_contrast_db(steady, RATE)


def test_sharp_hits_have_a_crest_and_soft_ones_less() -> None:
    """The same hits with a slow attack stand out less, and steady noise hardly at all, at any level."""
    envelope = np.exp(-(np.arange(RATE // 2) / 2000))
    soft = np.minimum(np.arange(RATE // 2) / 3000, 1) * envelope
    bed, burst = 0.01 * noise()[0], noise(1)[0]
    sharp, slow = (np.tile(bed + np.tile(shape, 4)[: len(bed)] * burst, (2, 1)) for shape in (envelope, soft))
    values = [crispness.flux_crest(audio, RATE) for audio in (sharp, slow, noise())]
    assert values[0] > values[1] > values[2]
    assert crispness.flux_crest(0.1 * sharp, RATE) == pytest.approx(values[0], rel=1e-3)


def test_a_regression_tells_what_differs_and_no_more() -> None:
    """Rows that differ in one column are told apart, rows of one distribution are a coin, and sides may be swapped."""
    rng = np.random.default_rng(0)
    some, others, shifted = (rng.standard_normal((250, 40)) for _ in range(3))
    shifted[:, 3] += 2
    assert 0.4 < crispness.told_apart(some, others) < 0.6
    assert crispness.told_apart(shifted, others) > 0.85
    assert crispness.told_apart(others, shifted) > 0.85


def test_a_dull_copy_is_told_by_its_statistics() -> None:
    """Loops and the same loops under a low-pass are told apart; all statistics are numbers, silence's too."""
    bright = np.stack([crispness.statistics(noise(seed), RATE) for seed in range(20)])
    dull = np.stack(
        [crispness.statistics(np.apply_along_axis(np.convolve, 1, noise(50 + seed), np.ones(4) / 4, "same"), RATE)
         for seed in range(20)]
    )  # fmt: skip
    assert crispness.told_apart(bright, dull) > 0.95
    assert np.isfinite(crispness.statistics(np.zeros((2, RATE)), RATE)).all()
    assert bright.shape == (20, 239)


@given(pitch=st.integers(30, 88))
@settings(max_examples=12)
def test_a_note_has_its_pitch(pitch: int) -> None:
    """Whatever the note, its frames have its pitch within a quarter of a semitone, and noise has none."""
    heard = pitches_of(notes([pitch], 1.0)[0], RATE, (30.0, 1800.0))
    assert abs(np.nanmedian(heard) - pitch) < 0.25
    assert np.isnan(pitches_of(noise()[0], RATE, (30.0, 1800.0))).mean() > 0.9


def test_notes_outside_the_scale_are_counted() -> None:
    """A melody half of whose notes are in the scale of the moment fits by half."""
    audio = notes([60, 61, 64, 66], 0.5)
    scale = "C D E F G A B"
    assert fit.in_scale(audio, RATE, [harmony(0, 2, "C", scale)], fit.LEAD_HZ) == pytest.approx(0.5, abs=0.1)
    parts = [harmony(0, 1, "C", "C C#"), harmony(1, 2, "C", "E F#")]
    assert fit.in_scale(audio, RATE, parts, fit.LEAD_HZ) > 0.9
    assert np.isnan(fit.in_scale(noise(), RATE, parts, fit.LEAD_HZ))


@pytest.mark.parametrize(("late_seconds", "share"), [(0.0, 1.0), (0.01, 1.0), (0.06, 0.0)])
def test_a_bass_meets_the_kick_or_does_not(late_seconds: float, share: float) -> None:
    """Notes on the kick count, those 60 ms late do not."""
    time = np.arange(RATE // 4) / RATE
    fade = np.minimum((0.25 - time) / 0.1, 1)
    kick = np.sin(2 * np.pi * 55 * time) * np.exp(-time * 30) * fade
    note = np.sin(2 * np.pi * 82 * time) * np.exp(-time * 12) * fade
    drums, bass = np.zeros(2 * RATE), np.zeros(2 * RATE)
    for beat in range(4):
        at, then = beat * RATE // 2, beat * RATE // 2 + round(late_seconds * RATE)
        drums[at : at + len(kick)] += kick
        bass[then : then + len(note)] += note
    assert fit.on_kicks(np.tile(bass, (2, 1)), np.tile(drums, (2, 1)), RATE) == share
    assert np.isnan(fit.on_kicks(np.tile(bass, (2, 1)), np.zeros((2, 2 * RATE)), RATE))


@given(root=st.sampled_from(NOTE_NAMES), kind=st.sampled_from(["", "m", "7", "m7", "maj7"]))
@settings(max_examples=10)
def test_chords_are_recognised(root: str, kind: str) -> None:
    """Played plainly they are told by root and third; asked for as another they are wrong; others are not counted."""
    audio = chord(f"{root}{kind}", 1.0)
    right, wrong = (
        harmony(0, 1, text, "C")
        for text in (f"{root}{kind}", f"{root}{'' if kind[:1] == 'm' and kind != 'maj7' else 'm'}")
    )
    assert fit.chords_recognised(audio, RATE, [right]) == 1
    assert fit.chords_recognised(audio, RATE, [wrong]) == 0
    assert np.isnan(fit.chords_recognised(audio, RATE, [harmony(0, 1, f"{root}sus4", "C")]))
