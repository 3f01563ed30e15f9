"""Students of one small teacher: consistency (CM), consistency trajectory (CTM) and `pocket`'s own jumps.

A toy: `frames` numbers around a circle, two waves of random height and phase over a swell, and a flow
x_t = (1 - t) x_0 + t eps that a perceptron learns. All students have the teacher's network with a second time, begin
with the teacher's weights, and may spend the same number of passes through a network.

`cm` (Song et al. 2023, arXiv:2303.01469): f(x_t, t) is to equal the averaged f at the state one teacher's step nearer
to the data; it samples with more steps by fresh noise. `ctm` (Kim et al. 2024, arXiv:2310.02279): G(x_t, t, s) jumps
from any time to any other, and is compared, after a last jump to the data, with the averaged jump from where the
teacher's solver is. Its adversarial and denoising losses are left out. `jump` (shortcut models, Frans et al. 2024):
a jump is to equal two half jumps, and the shortest one the teacher's step, as `engine.training.flow` has it.
"""

from collections.abc import Callable
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn import functional

FRAMES, WIDTH = 32, 128
BATCH, RATE, AVERAGED = 128, 3e-3, 0.95
GRID = 32  # times of the teacher's solver
LEVELS = 5  # of dyadic jumps: 1/32 to 1


class Kind(StrEnum):
    """A way to distil."""

    CM = "cm"
    CTM = "ctm"
    JUMP = "jump"


PASSES = {Kind.CM: 5, Kind.CTM: 9, Kind.JUMP: 5}
"""Passes of a training step: 3 for a pass with its gradient to the weights, 2 for one to its input, 1 for any other."""


class Network(nn.Module):
    """From states [batch, frames] at time t, for a jump to s, to the velocity of that jump."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(FRAMES + 12, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width),
            nn.SiLU(), nn.Linear(width, FRAMES),
        )  # fmt: skip

    def forward(self, state: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """Return velocities [batch, frames]; times are [batch]."""
        powers = torch.tensor([1.0, 2.0, 4.0])
        waves = [wave(time[:, None] * powers) for time in (t, t - s) for wave in (torch.sin, torch.cos)]
        return torch.as_tensor(self.layers(torch.cat([state, *waves], 1)))

    def jump(self, state: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """Return the state at `s` from that at `t`: nothing moves where both are the same."""
        return state + (s - t)[:, None] * self(state, t, s)


def data(count: int, draws: torch.Generator) -> Tensor:
    """Return `count` toy loops [count, frames]."""
    place = torch.arange(FRAMES) / FRAMES * 2 * torch.pi
    height = 0.5 + 0.5 * torch.rand(3, count, 1, generator=draws)
    phase = 2 * torch.pi * torch.rand(3, count, 1, generator=draws)
    wave = torch.where(torch.rand(count, 1, generator=draws) < 0.5, 3.0, 5.0)  # two kinds of music
    slow = height[0] * torch.cos(place + phase[0])
    return slow * (1 + 0.5 * torch.cos(wave * place + phase[1])) + 0.3 * height[2] * torch.cos(7 * place + phase[2])


def teacher(steps: int, seed: int = 0) -> Network:
    """Return a network that has learned the flow's velocity in `steps` training steps."""
    torch.manual_seed(seed)
    network, draws = Network(), torch.Generator().manual_seed(seed)

    def loss() -> Tensor:
        clean, eps, t = data(BATCH, draws), *_noise_and_time(draws)
        mixed = (1 - t[:, None]) * clean + t[:, None] * eps
        return functional.mse_loss(network(mixed, t, t), eps - clean)

    return trained(network, loss, steps)


def student(kind: Kind, of: Network, passes: int, seed: int = 0) -> Network:
    """Return a student of `kind` after training steps that take `passes` passes in all."""
    torch.manual_seed(seed)
    draws, network, averaged = torch.Generator().manual_seed(seed + 1), Network(), Network()
    network.load_state_dict(of.state_dict())
    averaged.load_state_dict(of.state_dict())
    loss = {Kind.CM: _cm, Kind.CTM: _ctm, Kind.JUMP: _jump}[kind]

    def step() -> Tensor:
        with torch.no_grad():
            for own, other in zip(averaged.parameters(), network.parameters(), strict=True):
                own.lerp_(other, 1 - AVERAGED)
        return loss(network, averaged, of, draws)

    return trained(network, step, passes // PASSES[kind])


def sampled(kind: Kind, network: Network, noise: Tensor, steps: int, seed: int = 0) -> Tensor:
    """Return what `steps` steps make of `noise` [batch, frames], carrying the gradient.

    CM goes to the data and back by fresh noise; the others jump from time to time, without any.
    """
    draws, latent = torch.Generator().manual_seed(seed), noise
    times = torch.linspace(1, 0, steps + 1)
    for now, after in zip(times, times[1:], strict=False):
        t = now.expand(len(noise))
        if kind == Kind.CM:
            clean = network.jump(latent, t, torch.zeros_like(t))
            latent = (1 - after) * clean + after * torch.randn(noise.shape, generator=draws)
        else:
            latent = network.jump(latent, t, after.expand(len(noise)))
    return latent


class Euler(Network):
    """A teacher as its solver uses it: the velocity is that of the moment, however far the jump goes."""

    def __init__(self, of: Network) -> None:
        super().__init__()
        self.layers = of.layers

    def forward(self, state: Tensor, t: Tensor, s: Tensor) -> Tensor:
        """Return the velocity at `t`."""
        return super().forward(state, t, t)


def _noise_and_time(draws: torch.Generator) -> tuple[Tensor, Tensor]:
    return torch.randn(BATCH, FRAMES, generator=draws), torch.rand(BATCH, generator=draws)


def _start(draws: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return states and times of the teacher's grid, above 0."""
    clean, (eps, _) = data(BATCH, draws), _noise_and_time(draws)
    t = torch.randint(1, GRID + 1, (BATCH,), generator=draws) / GRID
    return (1 - t[:, None]) * clean + t[:, None] * eps, t


def _stepped(of: Network, state: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the state and time after one step of the teacher's solver."""
    after = t - 1 / GRID
    return state - of(state, t, t) / GRID, after


def _cm(network: Network, averaged: Network, of: Network, draws: torch.Generator) -> Tensor:
    state, t = _start(draws)
    end = torch.zeros_like(t)
    with torch.no_grad():
        nearer, after = _stepped(of, state, t)
        wanted = averaged.jump(nearer, after, end)
    return functional.mse_loss(network.jump(state, t, end), wanted)


def _ctm(network: Network, averaged: Network, of: Network, draws: torch.Generator) -> Tensor:
    state, t = _start(draws)
    end = torch.zeros_like(t)
    s = (torch.rand(BATCH, generator=draws) * t * GRID).floor() / GRID
    with torch.no_grad():
        nearer, after = _stepped(of, state, t)
        wanted = averaged.jump(averaged.jump(nearer, after, s), s, end)
    for parameter in averaged.parameters():
        parameter.requires_grad_(False)
    return functional.mse_loss(averaged.jump(network.jump(state, t, s), s, end), wanted)


def _jump(network: Network, averaged: Network, of: Network, draws: torch.Generator) -> Tensor:
    clean, (eps, _) = data(BATCH, draws), _noise_and_time(draws)
    length = 0.5 ** torch.randint(0, LEVELS + 1, (BATCH,), generator=draws)
    t = length * (1 + (torch.rand(BATCH, generator=draws) / length).floor().clamp_max(1 / length - 1))
    state = (1 - t[:, None]) * clean + t[:, None] * eps
    with torch.no_grad():
        half = averaged.jump(averaged.jump(state, t, t - length / 2), t - length / 2, t - length)
        shortest = state - length[:, None] * of(state, t, t)
        wanted = torch.where((length <= 1 / GRID)[:, None], shortest, half)
    return functional.mse_loss((network.jump(state, t, t - length) - wanted) / length[:, None], torch.zeros_like(state))


def trained(network: Network, loss: Callable[[], Tensor], steps: int) -> Network:
    """Return the network after so many steps of Adam down the loss that `loss` draws, frozen."""
    adam = torch.optim.Adam(network.parameters(), RATE)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(steps, 1))
    for _ in range(steps):
        adam.zero_grad()
        loss().backward()
        adam.step()
        falling.step()
    return network.eval().requires_grad_(False)
