"""Samplers are exact where theory says what they do, and carry the gradient through every step."""

import math
from typing import Any

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.models.protocol import Sampler, Schedule
from engine.models.testing import TinyDiffusersModel, TinyModel, tiny_noise
from engine.sampling import (
    DETERMINISTIC,
    sample,
    sample_ddim,
    sample_dpmpp_2m,
    sample_renoise,
    start,
    start_noise,
    vary,
)


def flow(steps: int) -> Schedule:
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    return Schedule(times=times, alphas=1 - times, sigmas=times)


def cosine(steps: int) -> Schedule:
    times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
    angle = times * math.pi / 2
    return Schedule(times=times, alphas=angle.cos().where(times < 1, 0.0), sigmas=angle.sin())


def gaussian(schedule: Schedule, mean: float, spread: float) -> Any:
    """The exact denoiser of data N(mean, spread^2): E[x_0 | x_t]."""

    def clean(latent: Tensor, i: int) -> Tensor:
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        gain = alpha * spread**2 / (alpha**2 * spread**2 + sigma**2)
        return mean + gain * (latent - alpha * mean)

    return clean


def test_ddim_is_euler_on_a_rectified_flow(ask: Asking) -> None:
    """X + (r - t) v with v = (x - x_0) / t, on the same grid."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(ask.request())
    schedule, noise = model.schedule(7, scene), tiny_noise(model, scene)
    euler = noise
    for now, after in zip(schedule.times[:-1], schedule.times[1:], strict=True):
        velocity = (euler - model.denoise(euler, now, scene)) / now
        euler = euler + (after - now) * velocity
    torch.testing.assert_close(sample(model, scene, noise, schedule, Sampler.DDIM), euler, rtol=1e-12, atol=1e-12)


def test_every_sampler_has_its_function() -> None:
    """Whatever a model's card may name can be run, and is either deterministic or adds noises."""
    assert DETERMINISTIC.keys() == set(Sampler) - {Sampler.RENOISE}


@pytest.mark.parametrize("make", [flow, cosine])
@pytest.mark.parametrize("sampler", list(DETERMINISTIC))
def test_deterministic_samplers_reach_the_datas_gaussian(make: Any, sampler: Any) -> None:
    """With the exact denoiser of N(0.7, 0.5^2) the map of noise is the affine one: x_T -> 0.7 + 0.5 x_T."""
    schedule = make(200)
    noise = torch.randn(64, dtype=torch.float64)
    found = DETERMINISTIC[sampler](gaussian(schedule, 0.7, 0.5), start(noise, schedule), schedule)
    torch.testing.assert_close(found, 0.7 + 0.5 * noise, rtol=0, atol=0.02)


def test_the_second_order_sampler_is_nearer_with_the_same_steps() -> None:
    """DPM-Solver++(2M) with 12 steps misses by less than half of DDIM's error."""
    schedule, noise = cosine(12), torch.randn(512, dtype=torch.float64)
    errors = {
        run: (run(gaussian(schedule, 0.0, 0.3), start(noise, schedule), schedule) - 0.3 * noise).abs().max()
        for run in (sample_ddim, sample_dpmpp_2m)
    }
    assert errors[sample_dpmpp_2m] < 0.5 * errors[sample_ddim]


def test_ping_pong_forgets_where_it_began() -> None:
    """Frozen noises give the same data twice, and from another x_T, too."""
    schedule = cosine(60)
    draws = torch.Generator().manual_seed(0)
    noise = torch.randn(4000, dtype=torch.float64, generator=draws)
    noises = torch.randn(60, 4000, dtype=torch.float64, generator=draws)
    denoise = gaussian(schedule, 0.0, 0.5)
    found = [sample_renoise(denoise, start(noise, schedule), schedule, noises) for _ in range(2)]
    assert torch.equal(*found)
    other = sample_renoise(denoise, start(-noise, schedule), schedule, noises)
    assert (other - found[0]).abs().max() < 1e-6


def test_a_sampler_that_needs_noises_says_so(tiny: TinyModel, ask: Asking) -> None:
    """Without them there is no silent fresh draw, which no seed would replay."""
    scene = tiny.scene(ask.request())
    with pytest.raises(ValueError, match="noises"):
        sample(tiny, scene, tiny_noise(tiny, scene), tiny.schedule(3, scene), Sampler.RENOISE)


@pytest.mark.parametrize("sampler", [Sampler.DDIM, Sampler.DPMPP_2M])
def test_the_gradient_is_the_finite_difference(ask: Asking, sampler: Any) -> None:
    """Through four checkpointed steps in float64, against central differences in random directions."""
    model = TinyModel(dtype=torch.float64)
    scene = model.scene(ask.request(bars=1))
    schedule, noise = model.schedule(4, scene), tiny_noise(model, scene).requires_grad_()

    def energy(x: Tensor) -> Tensor:
        return sample(model, scene, x, schedule, sampler).square().mean()

    (gradient,) = torch.autograd.grad(energy(noise), noise)
    for seed in range(3):
        way = torch.randn(noise.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            slope = (energy(noise + 1e-5 * way) - energy(noise - 1e-5 * way)) / 2e-5
        assert float((gradient * way).sum()) == pytest.approx(float(slope), rel=1e-6)


@pytest.mark.parametrize("model", [TinyModel(dtype=torch.float64), TinyDiffusersModel(dtype=torch.float64)])
def test_recomputing_changes_nothing(model: Any, ask: Asking) -> None:
    """The checkpointed gradient equals the plain one to the last bits."""
    scene = model.scene(ask.request(bars=1))
    schedule, gradients = model.schedule(5, scene), []
    for checkpoint in (True, False):
        noise = tiny_noise(model, scene).requires_grad_()
        latent = sample(model, scene, noise, schedule, Sampler.DDIM, checkpoint=checkpoint)
        gradients.append(torch.autograd.grad(latent.square().sum(), noise)[0])
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-12)


def saved_bytes(steps: int, *, checkpoint: bool, model: TinyModel, ask: Asking) -> int:
    """Bytes of distinct tensors that one chain keeps for its backward pass."""
    scene = model.scene(ask.request())
    noise = tiny_noise(model, scene).requires_grad_()
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        latent = sample(model, scene, noise, model.schedule(steps, scene), Sampler.DDIM, checkpoint=checkpoint)
        assert latent.requires_grad
    return sum(kept.values())


def test_memory_grows_by_the_latents_alone(tiny: TinyModel, ask: Asking) -> None:
    """Each further step keeps a few latents for the backward pass, and no activation."""
    latent_bytes = 4 * math.prod(tiny.scene(ask.request()).noise_shape)
    few, many = (saved_bytes(steps, checkpoint=True, model=tiny, ask=ask) for steps in (5, 25))
    plain = saved_bytes(25, checkpoint=False, model=tiny, ask=ask)
    assert (many - few) / 20 <= 3 * latent_bytes
    assert many < plain / 2


@pytest.mark.parametrize("circular", [True, False])
def test_only_a_model_that_knows_no_circle_is_rolled(circular: bool, ask: Asking) -> None:
    """A circular scene turns its latent between steps, and what is seen comes back turned to its place."""
    model = TinyModel(circular=circular, dtype=torch.float64)
    scene = model.scene(ask.request())
    seen: list[Tensor] = []
    inner = model.denoise

    def watching(latent: Tensor, *rest: Any, **named: Any) -> Tensor:
        seen.append(latent)
        return inner(latent, *rest, **named)

    model.denoise = watching  # type: ignore[method-assign]
    schedule, noise = model.schedule(4, scene), tiny_noise(model, scene)
    turned = sample(model, scene, noise, schedule, Sampler.DDIM)
    plain = sample(TinyModel(dtype=torch.float64), scene, noise, schedule, Sampler.DDIM)
    # This toy's convolutions do wrap, so rolling must leave no trace.
    torch.testing.assert_close(turned, plain, rtol=1e-9, atol=1e-9)
    assert len(seen) == 4


def test_a_seed_means_the_same_noise_in_any_batch(tiny: TinyModel, ask: Asking) -> None:
    """The second of three takes of seed 5 is the first of seed 6; the values are pinned."""
    scene = tiny.scene(ask.request())
    batch = start_noise(scene, 5, 3)
    torch.testing.assert_close(batch[1], start_noise(scene, 6)[0], rtol=0, atol=0)
    assert float(start_noise(scene, 0)[0, 0, 0]) == pytest.approx(-1.1258398, abs=1e-6)
    assert not torch.equal(start_noise(scene, 5 + 2**40), batch[:1])


def test_a_varied_noise_is_as_loud_as_noise(tiny: TinyModel, ask: Asking) -> None:
    """Amount 0 is the same, 1 is unrelated, and the deviation stays 1."""
    noise = start_noise(tiny.scene(ask.request()), 1)
    assert torch.equal(vary(noise, 0.0, 9), noise)
    for amount in (0.3, 0.7, 1.0):
        varied = vary(noise, amount, 9)
        assert varied.std() == pytest.approx(1, abs=0.03)
        likeness = float((varied * noise).mean())
        assert likeness == pytest.approx(math.sqrt(1 - amount**2), abs=0.05)
