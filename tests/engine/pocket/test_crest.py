"""Peaks of a loop whose phases were found anew: no higher than music has them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.metrics.peak import true_peak_db
from engine.pocket import bands, sound
from engine.pocket.waveform.crest import LIMITED_DB, MAX_DB, limiter, round_peaks, true_peaks

RATE = bands.SAMPLE_RATE


def hits(samples: int, seed: int = 0) -> torch.Tensor:
    """Drums of a finished mix: noise bursts on the quarter second, pushed into a ceiling."""
    since = torch.arange(samples) % (RATE // 4) / RATE
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(seed))
    return 0.5 * torch.tanh(3 * noise * torch.exp(-since / 0.03))


def crest_db(wave: torch.Tensor) -> float:
    return float(20 * torch.log10(wave.abs().max() / wave.square().mean().sqrt()))


def round_trip(audio: torch.Tensor) -> torch.Tensor:
    samples = audio.shape[-1]
    log_power = bands.log_bands(audio.expand(2, -1), 2 * bands.latent_frames(samples))
    sound._cache.clear()  # phases are kept from one sound to the next
    return sound.waveform(log_power[None], samples)[0].mean(0)


def test_a_limited_loop_keeps_much_of_its_low_crest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The round trip of loud drums has lower peaks than phases alone would give it."""
    loop = hits(2 * RATE)
    asked_again = round_trip(loop)
    monkeypatch.setattr(sound, "round_peaks", torch.ones_like)
    left_alone = round_trip(loop)
    assert crest_db(asked_again) < crest_db(left_alone) - 2


@given(gain_db=st.floats(-40, 40), turn=st.integers(0, 2 * RATE))
@settings(max_examples=10)
def test_rounding_knows_neither_level_nor_beginning(gain_db: float, turn: int) -> None:
    """A louder loop, or one that begins elsewhere, is rounded at the same places by as much."""
    loop = hits(2 * RATE, seed=1)
    loop[5_000] = 20.0
    gain = round_peaks(loop)
    assert gain.min() < 0.5
    turned = round_peaks((10 ** (gain_db / 20) * loop).roll(turn))
    np.testing.assert_allclose(turned.roll(-turn), gain, atol=1e-3)


def test_a_soft_part_changes_nothing_for_the_loud_one() -> None:
    """What is usual is asked of the loud parts: a loop of which three quarters are soft keeps the same peaks."""
    loud = hits(2 * RATE, seed=2)
    loop = torch.cat([0.01 * loud.repeat(3), loud])
    limit = 10 ** (MAX_DB / 20) * loud.square().mean().sqrt()
    loop[-1_000] = 30.0
    assert float((loop * round_peaks(loop)).abs().max()) == pytest.approx(float(limit), rel=0.3)


def test_music_without_peaks_is_left_alone() -> None:
    """A tone and silence have nothing to round."""
    tone = torch.sin(2 * torch.pi * 220 * torch.arange(RATE) / RATE)
    for calm in (tone, torch.zeros(RATE), torch.zeros(100)):
        assert torch.equal(round_peaks(calm), torch.ones_like(calm))


def test_a_search_hears_the_peak_that_the_file_will_have() -> None:
    """What a search is told of peaks is the true peak of what is delivered, between samples and of both channels."""
    frames = 2 * bands.latent_frames(RATE)
    treble = 20 * torch.rand(frames, 1, generator=torch.Generator().manual_seed(3)) - 10
    log_power = torch.full((frames, 295), -12.0)
    log_power[:, 200:246], log_power[:, 246:] = treble, treble - 6
    delivered = sound.waveform(log_power[None], RATE)[0].numpy()
    heard = sound.resynthesised(log_power[None], RATE, 86.0).peak_db
    samples_db = 20 * np.log10(np.abs(delivered).max())
    true_db = true_peak_db(delivered, circular=True)
    assert heard is not None
    assert true_db > samples_db + 0.1
    assert float(heard.max()) == pytest.approx(true_db, abs=0.02)


def test_a_limiter_keeps_the_ceiling_and_touches_nothing_else() -> None:
    """True peaks end at the ceiling, both channels alike, and a millisecond and a half from a peak nothing changed."""
    loop = 0.2 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(4)).clamp(-3, 3)
    loop[0, 10_000] = 3.0
    peaks = true_peaks(loop)
    gain = limiter(peaks)
    assert float(peaks.max()) == pytest.approx(3.0, rel=0.05)
    assert true_peak_db((loop * gain).numpy(), circular=True) == pytest.approx(-1.1, abs=0.1)
    assert gain.max() <= 1
    near = torch.zeros(RATE, dtype=torch.bool)
    near[10_000 - 70 : 10_000 + 71] = True
    calm = peaks < 0.85
    assert torch.equal(gain[~near & _all_near(calm)], torch.ones_like(gain)[~near & _all_near(calm)])


def _all_near(calm: torch.Tensor) -> torch.Tensor:
    """Return where all samples within 70 are calm."""
    return torch.stack([calm.roll(by) for by in range(-70, 71)]).all(0)


def test_a_limited_search_hears_what_the_limiter_cannot_take() -> None:
    """What is heard and what is delivered are limited alike; peaks count beyond the limiter's reach."""
    frames = 2 * bands.latent_frames(RATE)
    log_power = 3 * torch.rand(frames, 295, generator=torch.Generator().manual_seed(5)) + 2
    log_power[frames // 2] += 4
    free, limited = (sound.resynthesised(log_power[None], RATE, 86.0, limits=limits) for limits in (False, True))
    assert free.peak_db is not None
    assert limited.peak_db is not None
    torch.testing.assert_close(limited.peak_db, free.peak_db - LIMITED_DB)
    delivered = sound.waveform(log_power[None], RATE, limits=True)[0]
    assert true_peak_db(delivered.numpy(), circular=True) < -0.8  # the file's measure is the stricter one
    assert true_peak_db(sound.waveform(log_power[None], RATE)[0].numpy(), circular=True) > 0
    heard = sound.spectrum_of(bands.log_bands(delivered, frames)[None], 86.0)
    torch.testing.assert_close(heard.level_db, limited.level_db, atol=0.05, rtol=0)
