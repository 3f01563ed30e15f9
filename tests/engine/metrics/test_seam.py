"""True loops pass, cuts fail, wherever the wrap is."""

from typing import Any

import numpy as np
import pytest

from engine.metrics import seam
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import render

RATE = 44_100


def chord(samples: int, *, closed: bool) -> np.ndarray[Any, Any]:
    """Return a sustained chord whose partials close round the loop, or just miss."""
    time = np.arange(samples) / RATE
    turns = [220.0, 277.2, 329.6, 440.0]
    frequencies = [round(f * samples / RATE) * RATE / samples if closed else f for f in turns]
    return 0.1 * sum(np.sin(2 * np.pi * f * time + f) for f in frequencies) + 1e-4 * np.random.default_rng(0).normal(
        size=samples
    )


def test_a_chord_that_closes_passes_and_one_that_does_not_clicks() -> None:
    """The difference is a jump of the waveform, which an ear hears as a click."""
    assert seam.measure(chord(88_200, closed=True), RATE).ratio < 1
    assert seam.measure(chord(88_200 + 61, closed=False), RATE).click > 1.5


def test_a_tail_that_is_cut_off_drops() -> None:
    """A decaying sound, cut while it sounds, is a drop even where the waveform does not jump."""
    time = np.arange(88_200) / RATE
    tail = np.sin(2 * np.pi * 440 * time) * np.exp(-time) * np.minimum(1, time / 0.3)
    assert seam.measure(tail, RATE).drop > 1
    faded = tail * np.minimum(1, (2 - time) / 0.3)
    assert seam.measure(faded, RATE).ratio < 1


@pytest.mark.parametrize(("ratio", "said"), [(None, 0), (0.2, 0), (1.0, 0), (1.01, 1), (9.0, 1)])
def test_a_seam_that_may_be_heard_is_told(ratio: float | None, said: int) -> None:
    """Beyond the thresholds there is a sentence, and within them, and for what is no loop, none."""
    assert len(seam.remarks(ratio)) == said


def test_a_hit_on_the_downbeat_is_music() -> None:
    """A drum that starts exactly at the wrap, and again inside, passes."""
    draws = np.random.default_rng(0)
    hit = draws.normal(size=8_000) * np.exp(-np.arange(8_000) / 900)
    loop = 1e-4 * draws.normal(size=88_200)
    for start in (0, 22_050, 44_100, 66_150):
        loop[start : start + 8_000] += 0.3 * hit
    assert seam.measure(loop, RATE).ratio < 1


def test_silence_passes() -> None:
    """Nothing to hear."""
    assert seam.measure(np.zeros((2, 44_100)), RATE).ratio <= 1


@pytest.mark.slow
def test_rendered_loops_pass_and_their_cuts_mostly_fail() -> None:
    """Circular renders of the training generator at the downbeat and elsewhere, against cuts in mid-sound."""
    draws = np.random.default_rng(1)
    true, cut = [], []
    for number in range(12):
        signal = render(sample_recipe(900_000 + number, "heldout"), None).audio.mean(0).astype(np.float64)
        true += [seam.measure(np.roll(signal, turn), RATE).ratio for turn in (0, int(draws.integers(len(signal))))]
        for _ in range(2):
            cut.append(
                seam.measure(np.roll(signal, int(draws.integers(len(signal))))[: int(len(signal) * 0.61)], RATE).ratio
            )
    assert np.mean(np.array(true) <= 1) >= 0.95
    assert np.mean(np.array(cut) > 1) >= 0.3
