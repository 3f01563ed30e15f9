"""Which sampler to optimise through: DDIM, DPM-Solver++(2M), Euler and a stochastic one, for each kind of prediction.

    python -m benchmarks samplers --seeds 24 [--chains 5,10,20,50] [--publish]

Three perceptrons learn the toy loops of `baselines/distillation.py` for as many steps: one answers with v, one with eps
(both on a cosine schedule), one with a flow's velocity. Each seed's noise is moved by 30 steps of Adam at 0.05 through
a chain, until a smoothed level fits a drawn one. A toy: it says how well the gradient travels, not how music sounds.
For a flow DDIM is Euler. *Ancestral* is DDIM with eta 1 and frozen noises, with the same noises in every step of the
search; *ancestral, fresh* draws them anew in each, as a stochastic sampler does.

Why one is harder: *gradient* is the length of the first gradient over that through DDIM with the same prediction and
chain; *rough* is how far the loss along that gradient, over one step of a standard deviation, leaves a parabola, over
how far it falls and rises; *same way* is the cosine between the first gradient and the one after other noises. Seed 0
keeps its line. Rows are `PREDICTION/SAMPLER/STEPS/SEED`.
"""

import math
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import students
from benchmarks.papers.baselines import distillation
from benchmarks.papers.baselines.distillation import BATCH, FRAMES, Network
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import Schedule
from engine.sampling import Denoise, sample_ddim, sample_dpmpp_2m

BAR = "No bar: the sampler that leaves the least loss after 30 steps of Adam at 0.05 is the one to optimise through."
FRESH = "ancestral, fresh"
SAMPLERS = ("ddim", "dpm++", "euler", "ancestral", FRESH)
PREDICTIONS = ("v", "eps", "flow")
CHAINS = (5, 10, 20, 50)
TRAINING, STEPS, RATE = 3_000, 30, 0.05
LATEST_EPS = math.acos(0.05) * 2 / math.pi  # where a twentieth is signal: eps says nothing of the data at 1
OTHER_STREAM = 0x85EBCA6B  # of random numbers, for the noises that are added: not those of the start
LINE = 21  # places along the gradient
PLACES = np.linspace(-0.5, 0.5, LINE)


class Toy:
    """A perceptron over toy loops [batch, frames] whose answer is read as `prediction`."""

    def __init__(self, prediction: str, training: int = TRAINING) -> None:
        self.prediction = prediction
        self._latest = LATEST_EPS if prediction == "eps" else 1.0
        torch.manual_seed(0)
        self.network, draws = Network(), torch.Generator().manual_seed(0)

        def loss() -> Tensor:
            clean, eps = distillation.data(BATCH, draws), torch.randn(BATCH, FRAMES, generator=draws)
            t = self._latest * torch.rand(BATCH, generator=draws)
            alpha, sigma = (one[:, None] for one in self._shares(t))
            answers = {"v": alpha * eps - sigma * clean, "eps": eps, "flow": eps - clean}
            return functional.mse_loss(self.network(alpha * clean + sigma * eps, t, t), answers[prediction])

        distillation.trained(self.network, loss, training)

    def _shares(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha and sigma: straight for a flow, else of the cosine schedule."""
        if self.prediction == "flow":
            return 1 - t, t
        angle = t * math.pi / 2
        return angle.cos().where(t < 1, 0.0), angle.sin()

    def schedule(self, steps: int) -> Schedule:
        """Return the grid of a chain."""
        times = torch.linspace(self._latest, 0, steps + 1, dtype=torch.float64)
        alphas, sigmas = self._shares(times)
        return Schedule(times=times, alphas=alphas, sigmas=sigmas)

    def denoiser(self, schedule: Schedule) -> Denoise:
        """Return x_0 by what the network's answer is read as."""

        def clean(latent: Tensor, i: int) -> Tensor:
            t = schedule.times[i].to(latent).expand(len(latent))
            answer = self.network(latent, t, t)
            alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
            if self.prediction == "flow":
                return latent - float(schedule.times[i]) * answer
            return alpha * latent - sigma * answer if self.prediction == "v" else (latent - sigma * answer) / alpha

        return clean


def sample_euler(denoise: Denoise, latent: Tensor, schedule: Schedule) -> Tensor:
    """Euler steps of the probability flow in sigma / alpha (Karras et al. 2022), the start as DDIM's."""
    for i in range(schedule.steps):
        clean = denoise(latent, i)
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        if alpha == 0:
            latent = after * clean + spread / sigma * latent
            continue
        scaled, slope = latent / alpha, (latent / alpha - clean) / (sigma / alpha)
        latent = after * (scaled + (spread / after - sigma / alpha) * slope)
    return latent


def sample_ddim_ancestral(denoise: Denoise, latent: Tensor, schedule: Schedule, noises: Tensor) -> Tensor:
    """DDIM with eta 1: as much noise [steps, ...] as the forward process would add."""
    for i in range(schedule.steps):
        clean = denoise(latent, i)
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        fresh = spread**2 * (1 - (alpha * spread / (after * sigma)) ** 2)
        eps = (latent - alpha * clean) / sigma
        kept = math.sqrt(max(spread**2 - fresh, 0))
        latent = after * clean + kept * eps + math.sqrt(max(fresh, 0)) * noises[i]
    return latent


DETERMINISTIC = {"ddim": sample_ddim, "dpm++": sample_dpmpp_2m, "euler": sample_euler}


class Problem:
    """The losses of the noises of `seeds` through a chain: each seed's level is to fit a drawn one."""

    def __init__(self, toy: Toy, seeds: Sequence[int], sampler: str, chain: int) -> None:
        self._sampler, self._schedule = sampler, toy.schedule(chain)
        self._denoise = toy.denoiser(self._schedule)
        self._wanted = torch.cat([students.drawn(seed) for seed in seeds])
        self.noise = torch.cat([torch.randn(1, FRAMES, generator=_dice(seed)) for seed in seeds])
        self._dice = [_dice(seed ^ OTHER_STREAM) for seed in seeds]
        self._added = torch.zeros(0)
        self.renew()

    def renew(self) -> None:
        """Draw the noises that a stochastic sampler adds anew: [steps, seeds, frames]."""
        drawn = [torch.randn(self._schedule.steps, 1, FRAMES, generator=one) for one in self._dice]
        self._added = torch.cat(drawn, 1)

    def loss(self, noise: Tensor) -> Tensor:
        """Return the loss of each noise: [seeds]."""
        if self._sampler in DETERMINISTIC:
            latent = DETERMINISTIC[self._sampler](self._denoise, noise, self._schedule)
        else:
            latent = sample_ddim_ancestral(self._denoise, noise, self._schedule, self._added)
        return (students.level(latent) - self._wanted).square().mean(1)

    def gradient(self, noise: Tensor) -> Tensor:
        """Return the gradient of each loss at each noise: [seeds, frames]."""
        moved = noise.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.loss(moved).sum(), moved)
        return gradient


def _dice(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def optimised(toy: Toy, seeds: Sequence[int], sampler: str, chain: int, steps: int = STEPS) -> list[Row]:
    """Return what Adam at 0.05 leaves of each seed's loss through a chain of `sampler`, and its first gradient.

    The seeds are one batch: Adam moves each number of a noise by its own gradient, so that none meets another. Through
    fresh noises the loss that is left is the mean over eight draws of what the search ends at.
    """
    problem = Problem(toy, seeds, sampler, chain)
    first = problem.gradient(problem.noise)
    lines = _lines(problem.loss, problem.noise, first)
    noise = problem.noise.clone().requires_grad_()
    adam, losses = torch.optim.Adam([noise], RATE), []
    for _ in range(steps):
        loss = problem.loss(noise)
        losses.append(loss.detach())
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
        if sampler == FRESH:
            problem.renew()
    with torch.no_grad():
        losses.append(problem.loss(noise))
    least = torch.stack(losses).amin(0)
    if sampler == FRESH:
        least = _mean_loss(problem, noise)
    problem.renew()
    way = functional.cosine_similarity(first, problem.gradient(problem.noise))
    return [
        {"first": float(losses[0][i]), "least": float(least[i]), "gradient": float(first[i].norm()),
         "rough": _roughness(lines[i]), "way": float(way[i])}
        | ({"line": [float(f"{height:.4g}") for height in lines[i]]} if seed == 0 else {})
        for i, seed in enumerate(seeds)
    ]  # fmt: skip


@torch.no_grad()
def _mean_loss(problem: Problem, noise: Tensor, draws: int = 8) -> Tensor:
    """Return the mean loss of each noise over draws of the noises that are added."""
    found = []
    for _ in range(draws):
        problem.renew()
        found.append(problem.loss(noise))
    return torch.stack(found).mean(0)


@torch.no_grad()
def _lines(loss: Callable[[Tensor], Tensor], noise: Tensor, gradient: Tensor) -> NDArray[np.float64]:
    """Return each loss along its gradient, at `LINE` places over one standard deviation: [seeds, LINE]."""
    way = gradient / gradient.norm(dim=1, keepdim=True).clamp_min(1e-12) * noise[0].numel() ** 0.5
    return np.stack([loss(noise - place * way).numpy() for place in PLACES], 1).astype(np.float64)


def _roughness(heights: NDArray[np.float64]) -> float:
    """Return how far a line of losses leaves a parabola, over its range."""
    left = heights - np.polyval(np.polyfit(PLACES, heights, 2), PLACES)
    return float(np.abs(left).mean() / max(np.ptp(heights), 1e-12))


def table(rows: Rows) -> Table:
    """Return the share of the loss that is left for each prediction, sampler and length of the chain, and why."""
    ends = (min(CHAINS), max(CHAINS))
    body = []
    for prediction, sampler in product(PREDICTIONS, SAMPLERS):
        found = {chain: rows.below(f"{prediction}/{sampler}/{chain}") for chain in CHAINS}
        plain = {chain: rows.below(f"{prediction}/ddim/{chain}") for chain in CHAINS}
        left = [_interval([row["least"] / row["first"] for row in found[chain].values()]) for chain in CHAINS]
        lengths = [
            _interval([row["gradient"] / plain[chain][seed]["gradient"] for seed, row in found[chain].items()])
            for chain in ends
        ]
        rough, way = (_interval([row[name] for row in found[20].values()]) for name in ("rough", "way"))
        body.append([
            prediction, sampler, str(min(map(len, found.values()))), *(one or "not yet run" for one in left),
            *(lengths if sampler != "ddim" else ["1"] * 2), rough, way if sampler not in DETERMINISTIC else "1",
        ])  # fmt: skip
    head = ("prediction", "sampler", "seeds", *(f"left, {chain} steps" for chain in CHAINS),
            *(f"gradient, {chain}" for chain in ends), "rough, 20", "same way, 20")  # fmt: skip
    return Table(head=head, body=body, bar=BAR)


def _interval(values: Sequence[float]) -> str:
    mean = mean_interval(values)
    return "" if mean is None else cell(mean[0], 2, span=mean[1:])


def main() -> None:
    """Read the command line; train the three, optimise and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--chains", default=",".join(map(str, CHAINS)))
    options.add_argument("--predictions", default=",".join(PREDICTIONS))
    add_rows(options, "samplers", seeds=24)
    chosen = options.parse_args()
    rows = open_rows(chosen, f"toy, {TRAINING} steps")
    for prediction in chosen.predictions.split(","):
        toy = Toy(prediction)
        for chain, sampler in product(map(int, chosen.chains.split(",")), SAMPLERS):
            keys = {seed: f"{prediction}/{sampler}/{chain}/{seed}" for seed in range(chosen.seeds)}
            seeds = [seed for seed, key in keys.items() if key not in rows]
            found = optimised(toy, seeds, sampler, chain) if seeds else []
            for seed, row in zip(seeds, found, strict=True):
                rows.put(keys[seed], row)
    print(table(rows).markdown())
