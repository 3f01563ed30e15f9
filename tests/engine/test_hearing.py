"""A corrected surrogate hears what the true ear hears, at the noise where it was corrected."""

from dataclasses import replace

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.models.protocol import Scene
from engine.models.testing import TinyModel, tiny_noise
from engine.search.surrogate import Chain, can_listen_through, corrected, latent_of, listen, waveform_gaps
from engine.spectrum import Spectrum

FAR, NEAR = Chain(steps=1, sampler="ddim"), Chain(steps=6, sampler="ddim")


def heard(model: TinyModel, scene: Scene, noise: Tensor) -> tuple[Tensor, Spectrum]:
    latent = latent_of(model, scene, noise, NEAR)
    return latent, listen(model, scene, latent, through_waveform=True)


def gaps(model: TinyModel, scene: Scene, noise: Tensor) -> dict[str, Tensor]:
    """Return what the surrogate must be corrected by at `noise`."""
    latent, true = heard(model, scene, noise)
    found = {"latent": latent - latent_of(model, scene, noise, FAR)}
    return found | (waveform_gaps(model, scene, latent, true) if can_listen_through(model) else {})


class WithWaveform(TinyModel):
    """A model whose waveform holds something other than its latent says: each third band is quieter."""

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        spectrum = self.listen(latent, scene)
        gain = torch.ones(spectrum.power.shape[1], 1)
        gain[::3] = 0.2
        return replace(spectrum, power=spectrum.power * gain)


@pytest.mark.parametrize("model", [TinyModel(), WithWaveform()])
def test_the_corrected_surrogate_is_exact_where_it_was_corrected(model: TinyModel, ask: Asking) -> None:
    """Latent and spectrum, through the waveform where the model has one."""
    scene = model.scene(ask.request())
    noise = tiny_noise(model, scene)
    latent, true = heard(model, scene, noise)
    surrogate = latent_of(model, scene, noise, FAR)
    assert (surrogate - latent).abs().max() > 0.1
    found = gaps(model, scene, noise)
    shifted, spectrum = corrected(model, scene, surrogate, found)
    torch.testing.assert_close(shifted, latent)
    torch.testing.assert_close(spectrum.power, true.power, rtol=1e-3, atol=1e-9)


def test_near_there_it_is_nearer_than_the_surrogate_alone(ask: Asking) -> None:
    """A step away the correction still helps more than not."""
    model = WithWaveform()
    scene = model.scene(ask.request())
    noise = tiny_noise(model, scene)
    found = gaps(model, scene, noise)
    moved = noise + 0.1 * torch.randn(noise.shape, generator=torch.Generator().manual_seed(1))
    surrogate = latent_of(model, scene, moved, FAR)
    wanted = heard(model, scene, moved)[1].power.log()
    mended = corrected(model, scene, surrogate, found)[1].power.log()
    plain = model.listen(surrogate, scene).power.log()
    assert (mended - wanted).abs().mean() < 0.5 * (plain - wanted).abs().mean()


def test_the_correction_carries_the_surrogates_gradient(ask: Asking) -> None:
    """Every noise value has a say."""
    model = WithWaveform()
    scene = model.scene(ask.request(bars=1))
    noise = tiny_noise(model, scene)
    found = gaps(model, scene, noise)
    moving = noise.clone().requires_grad_()
    spectrum = corrected(model, scene, latent_of(model, scene, moving, FAR), found)[1]
    (gradient,) = torch.autograd.grad(spectrum.power.log().sum(), moving)
    assert (gradient != 0).all()


def test_a_model_without_a_waveform_ear_is_heard_by_its_latent(tiny: TinyModel, ask: Asking) -> None:
    """Asking to listen through the waveform costs nothing where there is none to listen through."""
    scene = tiny.scene(ask.request())
    latent = tiny_noise(tiny, scene)
    powers = [listen(tiny, scene, latent, through_waveform=through).power for through in (True, False)]
    assert torch.equal(*powers)
