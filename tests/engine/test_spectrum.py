"""The spectrum has the power of the sound: bands for the mid, and a level for both channels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.metrics import intensity
from engine.pocket import bands, sound
from engine.spectrum import analyse

RATE = 16_000


def stereo(seed: int, samples: int = 8_000) -> Tensor:
    return 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(seed=st.integers(0, 99), samples=st.integers(800, 9_000))
@settings(max_examples=15)
def test_the_level_is_the_mean_power_of_both_channels(seed: int, samples: int) -> None:
    """Of each windowed frame, to rounding; so it is for left and right changed round, and for one of them turned."""
    audio = stereo(seed, samples)
    level = analyse(audio, RATE, circular=True).level_power
    one_by_one = [analyse(audio[:, channel : channel + 1], RATE, circular=True).level_power for channel in (0, 1)]
    torch.testing.assert_close(level, sum(one_by_one) / 2)
    for other in (audio.flip(1), audio * torch.tensor([[1.0], [-1.0]])):
        torch.testing.assert_close(analyse(other, RATE, circular=True).level_power, level)


@pytest.mark.parametrize("circular", [True, False])
def test_the_peak_is_that_of_the_louder_channel(circular: bool) -> None:
    """Also where the other one hides it in the mono mix."""
    audio = torch.zeros(1, 2, 4_000)
    audio[0, 0, 1_000], audio[0, 1, 1_000] = 0.8, -0.8
    peak_db = analyse(audio, RATE, circular=circular).peak_db
    assert peak_db is not None
    assert float(peak_db.max()) == pytest.approx(20 * np.log10(0.8), abs=1e-4)


def test_mono_has_no_side() -> None:
    """One channel is its own level."""
    spectrum = analyse(stereo(0)[:, :1], RATE, circular=True)
    assert spectrum.side is None
    torch.testing.assert_close(spectrum.level_power, spectrum.power.sum(1))


def test_the_gradient_of_a_level_reaches_the_side() -> None:
    """As finite differences have it."""
    audio = stereo(1, 1_200).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda sample: analyse(torch.cat([audio[..., :-1], sample], -1), RATE, circular=True).level_power.sum(),
        (audio[..., -1:].detach().requires_grad_(),),
    )


@pytest.mark.parametrize("limits", [False, True])
def test_pocket_hears_the_level_that_a_meter_shows(limits: bool) -> None:
    """Of wide sound, within a tenth of a decibel of the metric on the delivered samples; the side has a gradient."""
    frames = 2 * bands.latent_frames(bands.SAMPLE_RATE)
    draws = torch.Generator().manual_seed(2)
    log_power = (torch.rand(frames, 295, generator=draws) - (2 if limits else 6)).requires_grad_()
    samples = bands.SAMPLE_RATE
    heard = sound.resynthesised(log_power[None], samples, frames * bands.SAMPLE_RATE / samples, limits=limits)
    delivered = sound.waveform(log_power.detach()[None], samples, limits=limits)[0].numpy()
    metered = intensity.level_curve(delivered, bands.SAMPLE_RATE, circular=True).mean()
    mono = intensity.level_curve(delivered.mean(0), bands.SAMPLE_RATE, circular=True).mean()
    assert heard.level_db.mean().item() == pytest.approx(metered, abs=0.1)
    assert metered > mono + 0.5
    heard.level_power.sum().backward()
    assert log_power.grad is not None
    assert log_power.grad[:, 246:].abs().sum() > 0
