"""Tiles leave no trace: the parts are the whole, round the circle too."""

from typing import Any

import torch
from asking import Asking
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.models.decode import tiled, to_audio
from engine.models.testing import TinyDiffusersModel, TinyModel, tiny_noise

HOP, REACH = 3, 2


def decoder(latent: Tensor) -> Tensor:
    """A convolution that hears two latents either side, with zeros beyond its ends."""
    kernel = torch.linspace(-1, 1, 2 * latent.shape[1] * 5, dtype=latent.dtype).view(2, latent.shape[1], 5)
    return torch.nn.functional.conv1d(latent, kernel, padding=2).repeat_interleave(HOP, -1)


@given(frames=st.integers(1, 40), tile=st.integers(1, 12), seed=st.integers(0, 9))
@settings(max_examples=60)
def test_tiles_are_the_whole(frames: int, tile: int, seed: int) -> None:
    """For any length and tile, the open decode is exactly the decode in one piece."""
    latent = torch.randn(2, 3, frames, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    found = tiled(decoder, latent, hop=HOP, context=REACH, circular=False, tile=tile)
    torch.testing.assert_close(found, decoder(latent), rtol=1e-12, atol=1e-12)


@given(frames=st.integers(1, 40), tile=st.integers(1, 12), turn=st.integers(-50, 50))
@settings(max_examples=60)
def test_a_circle_has_no_beginning(frames: int, tile: int, turn: int) -> None:
    """Turning the latent turns the sound, even where the context goes round more than once."""
    latent = torch.randn(1, 3, frames, dtype=torch.float64, generator=torch.Generator().manual_seed(frames))
    options: Any = {"hop": HOP, "context": REACH, "circular": True, "tile": tile}
    turned = tiled(decoder, latent.roll(turn, -1), **options)
    torch.testing.assert_close(turned, tiled(decoder, latent, **options).roll(turn * HOP, -1), rtol=1e-12, atol=1e-12)


def test_tiles_carry_the_gradient_of_the_whole() -> None:
    """Recomputed tile by tile, it is the same gradient."""
    gradients = []
    for decode in (decoder, lambda x: tiled(decoder, x, hop=HOP, context=REACH, circular=False, tile=4)):
        latent = torch.randn(1, 3, 21, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
        gradients.append(torch.autograd.grad(decode(latent).square().sum(), latent)[0])
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


def test_oobleck_round_the_circle(ask: Asking) -> None:
    """Diffusers' own decoder, in tiles round the circle: a turned latent is a turned loop."""
    model = TinyDiffusersModel(dtype=torch.float64)
    scene = model.scene(ask.request(bars=1))
    latent = tiny_noise(model, scene)
    plain = to_audio(model, scene, latent)
    turned = to_audio(model, scene, latent.roll(7, -1))
    torch.testing.assert_close(turned, plain.roll(7 * model.HOP, -1), rtol=0, atol=1e-6)


def test_sound_comes_back_as_float32_without_a_graph(ask: Asking) -> None:
    """Whatever type the model works in."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(ask.request(bars=1))
    audio = to_audio(model, scene, tiny_noise(model, scene).requires_grad_())
    assert audio.dtype == torch.float32
    assert not audio.requires_grad
    assert audio.shape == (1, 2, scene.model_samples)
