"""The network: exact where music is Gaussian, and its sense of time is the musical phase alone."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.pocket import condition, musical_time
from engine.pocket.layers import CONTEXT_CHANNELS, LAYERS
from engine.pocket.network import Block, PocketNetwork, _rotated


def gaussian_network(deviation: list[float]) -> PocketNetwork:
    """Return a network that has learned nothing, in float64, for latents of these deviations."""
    torch.manual_seed(0)
    network = PocketNetwork(channels=len(deviation), width=32, depth=1, heads=2, condition_channels=condition.CHANNELS)
    network.deviation.copy_(torch.tensor(deviation))
    return network.double().eval()


def inputs(frames: int, channels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return a latent, a condition and phases."""
    generator = torch.Generator().manual_seed(1)
    latent = torch.randn(1, frames, channels, generator=generator, dtype=torch.float64)
    told = torch.zeros(1, condition.CHANNELS, dtype=torch.float64)
    return latent, told, musical_time.phases(frames, 2, Fraction(4))[None].double()


@settings(max_examples=40)
@given(st.floats(0.01, 1.0), st.floats(0.0, 1.0), st.floats(0.05, 3.0))
def test_an_untrained_jump_is_the_exact_one_of_gaussian_latents(start: float, share: float, deviation: float) -> None:
    """It scales x_t by s_r / s_t, whatever the length of the jump: the probability flow of a Gaussian."""
    network = gaussian_network([deviation, deviation])
    latent, told, phases = inputs(16, 2)
    end = start * share
    times = torch.tensor([start], dtype=torch.float64), torch.tensor([end], dtype=torch.float64)
    with torch.no_grad():
        landed = latent - (start - end) * network(latent, *times, told, phases)
    before, after = ((t**2 + (1 - t) ** 2 * deviation**2) ** 0.5 for t in (start, end))
    assert torch.allclose(landed, latent * after / before, atol=1e-5)


def test_many_small_jumps_land_where_one_does() -> None:
    """Untrained, one step and fifty give the same latent of the right deviation."""
    network = gaussian_network([0.3, 1.0, 2.0])
    noise, told, phases = inputs(400, 3)
    ends = []
    for steps in (1, 50):
        latent, times = noise, torch.linspace(1, 0, steps + 1, dtype=torch.float64)
        with torch.no_grad():
            for start, end in zip(times[:-1], times[1:], strict=True):
                latent = latent - (start - end) * network(latent, start[None], end[None], told, phases)
        ends.append(latent)
    assert torch.allclose(*ends, atol=1e-6)
    assert torch.allclose(ends[0].std((0, 1)), torch.tensor([0.3, 1.0, 2.0]).double(), rtol=0.1)


def layered_network(channels: int) -> PocketNetwork:
    """Return a network in layers that answers something, in float64."""
    torch.manual_seed(2)
    network = PocketNetwork(
        channels=channels, width=32, depth=1, heads=2, condition_channels=condition.CHANNELS, layered=True
    )
    for weight in (network.latent_out.weight, network.final_modulation.weight, network.context_in):
        torch.nn.init.normal_(weight, std=0.1)
    return network.double().eval()


@pytest.mark.parametrize("steps", [1, 4])
def test_a_layer_at_another_level_is_the_same_loop_at_that_level(steps: int) -> None:
    """Whatever moves a layer's latents moves where its noise ends by exactly that, and other layers not at all."""
    network, (noise, told, phases) = layered_network(3), inputs(16, 3)
    times, ends = torch.linspace(1, 0, steps + 1, dtype=torch.float64), []
    for level in (0.0, -0.7):
        network.layer_level[1] = level
        for row in (1, 2):
            layer, latent = torch.eye(len(LAYERS)).double()[row, None], noise
            with torch.no_grad():
                for start, end in zip(times[:-1], times[1:], strict=True):
                    answer = network(latent, start[None], end[None], told, phases, layer=layer)
                    latent = latent - (start - end) * answer
            ends.append(latent)
    torch.testing.assert_close(ends[2], ends[0] - 0.7)
    assert torch.equal(ends[3], ends[1])


def test_what_a_layer_is_told_for_its_first_jump_is_heard_in_no_other() -> None:
    """A jump from noise hears it; later ones answer to the bit as if nothing had been told besides."""
    network, (noise, told, phases) = layered_network(3), inputs(16, 3)
    context, layer = torch.ones(1, 16, CONTEXT_CHANNELS).double(), torch.eye(len(LAYERS)).double()[1, None]
    answers = []
    for told_first in (0.0, 0.1):
        torch.nn.init.constant_(network.context_first, told_first)
        for start in (1.0, 0.75):
            times = torch.tensor([[start], [start - 0.25]]).double()
            with torch.no_grad():
                answers.append(network(noise, *times, told, phases, layer=layer, context=context))
    assert not torch.allclose(answers[0], answers[2])
    assert torch.equal(answers[1], answers[3])


@pytest.mark.parametrize("turn", [1, 7, 30])
def test_attention_knows_only_how_far_frames_are_apart(turn: int) -> None:
    """Scores between frames stay when all frames move on round the loop (of whole beats)."""
    angles = musical_time.rotations(musical_time.phases(64, 2, Fraction(5)).double())[:, None, None]
    generator = torch.Generator().manual_seed(2)
    query, key = torch.randn(2, 1, 1, 1, 64, generator=generator, dtype=torch.float64).expand(2, 1, 1, 64, 64)
    scores = _rotated(query, angles) @ _rotated(key, angles).transpose(-1, -2)
    assert torch.allclose(scores.roll((turn, turn), (-2, -1)), scores, atol=1e-6)
    assert float(scores.std()) > 0.1


def test_small_heads_take_the_slow_angles_only() -> None:
    """A head with fewer channels than angles is turned by as many as it has pairs."""
    angles = musical_time.rotations(musical_time.phases(8, 1, Fraction(4)))[:, None, None]
    heads = torch.ones(1, 1, 8, 16)
    turned = _rotated(heads, angles)
    assert turned.shape == heads.shape
    assert torch.allclose(turned.norm(dim=-1), heads.norm(dim=-1))
    assert Block(32, 2)(torch.ones(1, 8, 32), torch.zeros(1, 32), angles).shape == (1, 8, 32)


def test_attention_is_not_spread_thin_in_a_long_loop() -> None:
    """What a frame gathers from seven times as many others varies half as much again as without the law, or more."""
    torch.manual_seed(3)
    block = Block(64, 2).requires_grad_(False)
    block.qkv.weight.mul_(6)
    spreads = []
    for power in (0.0, 2.0):
        block.length_power.fill_(power)
        rotations = [
            musical_time.rotations(musical_time.phases(frames, 1, Fraction(4)))[:, None, None] for frames in (96, 672)
        ]
        gathered = [block._attend(torch.randn(1, each.shape[-2], 64), each) for each in rotations]
        spreads.append(float(gathered[1].std() / gathered[0].std()))
    assert spreads[0] < 0.9
    assert spreads[1] > 1.5 * spreads[0]
