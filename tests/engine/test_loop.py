"""The delivered loop is the model's sound, resampled, turned and times one number; its length is exact."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audio import finish as loop
from engine.errors import InternalError
from engine.metrics import intensity, peak
from engine.models.testing import TinyModel
from engine.request import Control, LoopRequest
from midi.tempo import Meter

MODEL = TinyModel(sample_rate=8_000)


def sines(samples: int, *turns: int, level: float = 0.1) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return stereo sines that close round the loop."""
    time = 2 * np.pi * np.arange(samples) / samples
    wave = sum(np.sin(turn * time + turn) for turn in turns) * level
    return np.stack([wave, 0.5 * wave])


@given(
    tempo=st.fractions(Fraction(70), Fraction(260), max_denominator=1000),
    bars=st.integers(1, 2),
    numerator=st.integers(1, 13),
    denominator=st.sampled_from([2, 4, 8, 16]),
    rate=st.sampled_from([8_000, 11_025, 44_100]),
)
@settings(max_examples=25)
def test_the_length_is_exact(tempo: Fraction, bars: int, numerator: int, denominator: int, rate: int) -> None:
    """round(bars * 4 * num / den * 60 / bpm * rate), for odd metres, odd tempi and any rate."""
    request = LoopRequest(bars=bars, tempo_bpm=tempo, meter=Meter(numerator, denominator), sample_rate=rate)
    scene = MODEL.scene(request)
    finished = loop.finish(sines(scene.model_samples, 3, 5), scene, request)
    assert finished.audio.shape == (2, round(Fraction(bars * 4 * numerator * 60, denominator) / tempo * rate))
    assert finished.audio.dtype == np.float32
    assert np.isfinite(finished.audio).all()


def test_only_the_loop_is_kept_of_what_a_model_makes(ask: Any) -> None:
    """Where a model makes more than the loop, the rest is left out, not squeezed in."""
    request = ask.request(bars=1, sample_rate=8_000)
    scene = replace(MODEL.scene(request), model_samples=16_500)
    made = np.random.default_rng(0).normal(size=(2, 16_500)) * 0.01
    np.testing.assert_allclose(loop.finish(made, scene, request).audio, made[:, :16_000], atol=1e-7)


def test_a_trimmed_loop_leaves_out_what_comes_before_it(ask: Any) -> None:
    """Where the piece begins before the loop, the loop is the stretch after the lead, sample for sample."""
    request = ask.request(bars=1, sample_rate=8_000)
    scene = replace(MODEL.scene(request), model_samples=16_500, lead_samples=250)
    made = np.random.default_rng(0).normal(size=(2, 16_500)) * 0.01
    np.testing.assert_allclose(loop.finish(made, scene, request).audio, made[:, 250:16_250], atol=1e-7)


@given(gain_db=st.floats(-20, 40), is_loop=st.booleans())
@settings(max_examples=25)
def test_all_that_is_done_is_one_number(gain_db: float, is_loop: bool) -> None:
    """What comes out is the input times 10^(gain_db / 20), turned nowhere: no sample is touched by itself."""
    request = LoopRequest(bars=1, sample_rate=8_000, loop=is_loop)
    scene = MODEL.scene(request)
    made = sines(scene.model_samples, 40, 77, 230) * 10 ** (gain_db / 20)
    finished = loop.finish(made, scene, request)
    np.testing.assert_allclose(finished.audio, made * 10 ** (finished.gain_db / 20), atol=1e-6)
    assert peak.true_peak_db(finished.audio, circular=is_loop) <= -1 + 1e-3
    assert finished.gain_db <= 1e-9


def test_a_curve_sets_the_level(ask: Any) -> None:
    """With an intensity curve the one gain brings the mean level to it, where the peak allows."""
    request = ask.request(ask.intensity(-30, -24), sample_rate=8_000)
    scene = MODEL.scene(request)
    finished = loop.finish(sines(scene.model_samples, 400, 500, level=0.03), scene, request)
    heard = intensity.level_curve(finished.audio, 8_000, circular=True)
    assert heard.mean() == pytest.approx(-27, abs=0.1)
    assert finished.gain_db > 1


def test_other_rates_keep_pitch_and_seam(ask: Any) -> None:
    """A sine that closes round the loop at 8 kHz is the same sine at 48 kHz, to the last sample."""
    request = ask.request(bars=1, sample_rate=48_000)
    scene = MODEL.scene(request)
    finished = loop.finish(sines(scene.model_samples, 440), scene, request)
    np.testing.assert_allclose(finished.audio, sines(96_000, 440), atol=1e-6)


def test_numbers_that_are_none_are_our_fault(ask: Any) -> None:
    """A model's nan never reaches a file."""
    request = ask.request(bars=1)
    with pytest.raises(InternalError, match="not numbers"):
        loop.finish(np.full((2, 16_000), np.nan), MODEL.scene(request), request)


@pytest.mark.parametrize(("level", "usual"), [(0.002, -20.0), (0.2, -20.0), (0.02, -26.0)])
def test_a_loop_comes_at_its_models_usual_loudness(level: float, usual: float) -> None:
    """A loop that the model made too quiet, or too loud, is brought to the loudness that the scene says."""
    request = LoopRequest(bars=1, sample_rate=8_000)
    scene = replace(MODEL.scene(request), loudness_lufs=usual)
    finished = loop.finish(sines(scene.model_samples, 400, 770, level=level), scene, request)
    room = loop.CEILING_DBTP - peak.true_peak_db(finished.audio, circular=True)
    found = peak.loudness_lufs(finished.audio, 8_000)
    assert found == pytest.approx(usual, abs=0.1) or abs(finished.gain_db) == loop.MAX_LOUDNESS_DB
    assert room >= -0.01


@pytest.mark.parametrize("number", range(6))
def test_the_peak_of_the_file_stays_under_the_ceiling_to_the_last_bit(number: int) -> None:
    """The 24 bits of a file round a peak between samples up, too: what is written is at or under -1 dBTP."""
    request = LoopRequest(bars=1, sample_rate=8_000)
    scene = replace(MODEL.scene(request), loudness_lufs=0.0)
    noise = np.random.default_rng(number).normal(size=(2, scene.model_samples)) ** 3
    finished = loop.finish(0.1 * noise, scene, request)
    written = np.rint(finished.audio.astype(np.float64) * 2**23) / 2**23
    assert -1.01 < peak.true_peak_db(written, circular=True) <= -1.0


def test_the_file_of_a_loop_stays_under_the_ceiling_when_it_is_played_once() -> None:
    """A bass that is at its crest where the file begins rings there, half a decibel over its peak at the wrap."""
    request = LoopRequest(bars=1, sample_rate=8_000)
    scene = replace(MODEL.scene(request), loudness_lufs=0.0)
    turns = 2 * np.pi * 40 * np.arange(scene.model_samples) / scene.model_samples
    finished = loop.finish(np.tile(0.1 * np.cos(turns), (2, 1)), scene, request)
    assert -1.01 < peak.true_peak_db(finished.audio, circular=False) <= -1.0


@pytest.mark.parametrize(("delivers", "muted"), [(False, ("lead",)), (True, ("lead",)), (False, ())])
def test_a_muted_stem_that_is_no_file_turns_nothing_down(delivers: bool, muted: tuple[str, ...]) -> None:
    """A lead ten times as loud as all else is under its ceiling wherever somebody gets it, and nowhere else counts."""
    request = LoopRequest(bars=1, sample_rate=8_000, stems=delivers)
    scene = replace(MODEL.scene(request), loudness_lufs=-14.0, layers=("bass", "lead"), muted=muted)
    stems = np.stack([sines(scene.model_samples, 400, level=0.03), sines(scene.model_samples, 770, level=0.3)])
    heard = stems[:1].sum(0) if muted else stems.sum(0)
    finished = loop.finish(heard, scene, request, stems=stems)
    alone = loop.finish(heard, replace(scene, layers=(), muted=()), request)
    assert finished.stems is not None
    loudest = peak.true_peak_db(finished.stems[1], circular=True)
    if muted and not delivers:
        assert finished.gain_db == alone.gain_db
    else:
        assert loudest <= loop.STEM_CEILING_DBTP + 0.01
    assert (loudest > loop.STEM_CEILING_DBTP) is (bool(muted) and not delivers)


def test_what_is_kept_keeps_its_level(ask: Any) -> None:
    """Inpainting must not move the sound around the gap, whatever the usual loudness is."""
    made = sines(16_000, 400, 770, level=0.01)
    kept = ask.audio(made[0].astype(np.float32), 8_000, keep=((Fraction(0), Fraction(2)),))
    request = ask.request(bars=1, sample_rate=8_000, controls=(Control(kind="inpaint", target=kept),))
    scene = replace(MODEL.scene(request), loudness_lufs=-10.0)
    assert loop.finish(made, scene, request).gain_db == 0.0
