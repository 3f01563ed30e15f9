"""Which sampler to optimise through: DDIM, DPM-Solver++(2M), Euler and a stochastic one, for each kind of prediction.

    python -m benchmarks samplers --seeds 24 --steps 30 [--chains 5,10,20,50] [--publish]

The model is the package's toy of real diffusers classes with random weights, whose answer is read as v, as eps (both on
a cosine schedule) or as a flow's velocity: it says how well the gradient travels through each sampler, not how music
sounds. For a flow DDIM is Euler. Why one is harder: *gradient* is the length of the first gradient over that of v with
DDIM and the same chain; *rough* is how far the loss along that gradient, over one step of a standard deviation, leaves
a parabola, over how far it falls and rises; seed 0 keeps that line. Rows are `PREDICTION/SAMPLER/STEPS/SEED`.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.rows import Row, Rows
from engine.models.protocol import Sampler, Scene, Schedule
from engine.models.testing import TinyDiffusersModel, tiny_noise
from engine.request import Control, Curve, LoopRequest, Point
from engine.sampling import Denoise, estimate, sample, start
from engine.search import objective as targets

BAR = "No bar: the sampler that leaves the least loss after 30 steps of Adam at 0.05 is the one to optimise through."
SAMPLERS = ("ddim", "dpm++", "euler", "ancestral")
PREDICTIONS = ("v", "eps", "flow")
CHAINS = (5, 10, 20, 50)
LEAST_SIGNAL = 0.05
OTHER_STREAM = 0x85EBCA6B  # of random numbers, for the noises that are added: not those of the start
LINE = 21  # places along the gradient
PLACES = np.linspace(-0.5, 0.5, LINE)


def euler(model: TinyDiffusersModel, scene: object, noise: torch.Tensor, schedule: Schedule) -> torch.Tensor:
    """Return x_0 by Euler steps of the probability flow in sigma / alpha (Karras et al. 2022), the start as DDIM's."""
    latent = noise
    for i in range(schedule.steps):
        clean = model.denoise(latent, schedule.times[i], scene)  # type: ignore[arg-type]
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        if alpha == 0:
            latent = after * clean + spread / sigma * latent
            continue
        scaled, slope = latent / alpha, (latent / alpha - clean) / (sigma / alpha)
        latent = after * (scaled + (spread / after - sigma / alpha) * slope)
    return latent


def sample_ddim_ancestral(denoise: Denoise, latent: Tensor, schedule: Schedule, noises: Tensor) -> Tensor:
    """DDIM with eta 1: as much frozen noise [steps, ...] as the forward process would add."""
    for i in range(schedule.steps):
        clean = denoise(latent, i)
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        fresh = spread**2 * (1 - (alpha * spread / (after * sigma)) ** 2)
        eps = (latent - alpha * clean) / sigma
        kept = math.sqrt(max(spread**2 - fresh, 0))
        latent = after * clean + kept * eps + math.sqrt(max(fresh, 0)) * noises[i]
    return latent


class Predicting(TinyDiffusersModel):
    """The toy with its network's answer read as another prediction than v."""

    def __init__(self, prediction: str) -> None:
        super().__init__()
        self.prediction = prediction

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the cosine grid, from a signal of 5 % for eps, which says nothing without one; straight for a flow."""
        found = super().schedule(steps, scene)
        if self.prediction == "v":
            return found
        if self.prediction == "flow":
            return Schedule(times=found.times, alphas=1 - found.times, sigmas=found.times)
        alphas = found.alphas.clamp_min(LEAST_SIGNAL)
        return Schedule(times=found.times, alphas=alphas, sigmas=(1 - alphas.square()).clamp_min(0).sqrt())

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 by what the network's answer is read as."""
        clean = super().denoise(latent, time, scene)
        if self.prediction == "v":
            return clean
        angle = float(time) * math.pi / 2
        answer = (math.cos(angle) * latent - clean) / math.sin(angle)
        if self.prediction == "flow":
            return latent - float(time) * answer
        alpha = max(math.cos(angle), LEAST_SIGNAL)
        return (latent - math.sqrt(1 - alpha**2) * answer) / alpha


def optimised(model: Predicting, request: LoopRequest, sampler: str, steps: int, chain: int) -> Row:
    """Return what Adam at 0.05 leaves of the loss through a chain of `sampler`, and what its first gradient is."""
    loss_of, noise = _loss(model, request, sampler, chain)
    noise.requires_grad_()
    adam, losses, first, line = torch.optim.Adam([noise], 0.05), [], 0.0, np.zeros(LINE)
    for step in range(steps + 1):
        loss = loss_of(noise)
        losses.append(float(loss.detach()))
        adam.zero_grad()
        loss.backward()
        if step == 0:
            assert noise.grad is not None
            first = float(noise.grad.norm())
            line = _line(loss_of, noise.detach(), noise.grad.detach())
        adam.step()
    row: Row = {"first": losses[0], "least": min(losses), "gradient": first, "rough": _roughness(line)}
    return row | ({"line": [float(f"{height:.4g}") for height in line]} if request.seed == 0 else {})


def _loss(
    model: Predicting, request: LoopRequest, sampler: str, chain: int
) -> tuple[Callable[[Tensor], Tensor], Tensor]:
    """Return the loss of a noise through a chain, and the noise of the request's seed."""
    scene = model.scene(request)
    goal = targets.build(request, scene, model).goals[0]
    schedule, noise = model.schedule(chain, scene), tiny_noise(model, scene, request.seed)
    dice = torch.Generator().manual_seed(request.seed ^ OTHER_STREAM)
    frozen = torch.randn((chain, 1, *scene.noise_shape), generator=dice).to(noise)

    def denoise(latent: Tensor, i: int) -> Tensor:
        return estimate(model, scene, latent, schedule, Sampler.DDIM, i, checkpoint=True)

    def loss(noise: Tensor) -> Tensor:
        if sampler == "euler":
            latent = euler(model, scene, noise, schedule)
        elif sampler == "ancestral":
            latent = sample_ddim_ancestral(denoise, start(noise, schedule), schedule, frozen)
        else:
            latent = sample(model, scene, noise, schedule, Sampler(sampler))
        return goal.term.loss(model.listen(latent, scene), latent).sum()

    return loss, noise


@torch.no_grad()
def _line(loss: Callable[[Tensor], Tensor], noise: Tensor, gradient: Tensor) -> NDArray[np.float64]:
    """Return the loss along the gradient, at `LINE` places over one standard deviation."""
    way = gradient / gradient.norm().clamp_min(1e-12) * noise.numel() ** 0.5
    return np.array([float(loss(noise - place * way)) for place in PLACES])


def _roughness(heights: NDArray[np.float64]) -> float:
    """Return how far a line of losses leaves a parabola, over its range."""
    left = heights - np.polyval(np.polyfit(PLACES, heights, 2), PLACES)
    return float(np.abs(left).mean() / max(np.ptp(heights), 1e-12))


def losses(model: Predicting, seed: int, sampler: str, steps: int, chain: int) -> Row:
    """Return the figures of one seed."""
    swell = Curve(points=tuple(Point(Fraction(beat), value) for beat, value in ((0, -24.0), (4, -18.0), (8, -24.0))))
    request = LoopRequest(bars=2, controls=(Control(kind="intensity", target=swell),), loop=False, seed=seed)
    return optimised(model, request, sampler, steps, chain)


def table(rows: Rows) -> Table:
    """Return the share of the loss that is left for each prediction, sampler and length of the chain, and why."""
    body = []
    for prediction, sampler, chain in product(PREDICTIONS, SAMPLERS, CHAINS):
        found = list(rows.below(f"{prediction}/{sampler}/{chain}").values())
        if not found:
            body.append([prediction, sampler, str(chain), "0", "not yet run", "", ""])
            continue
        first, least, gradient, rough = (
            float(np.mean([row[name] for row in found])) for name in ("first", "least", "gradient", "rough")
        )
        usual = [row["gradient"] for row in rows.below(f"v/ddim/{chain}").values()]
        share = f"{gradient / np.mean(usual):.2g}" if usual else ""
        body.append([prediction, sampler, str(chain), str(len(found)), f"{least / first:.2f}", share, f"{rough:.3f}"])
    head = (
        "prediction",
        "sampler",
        "steps of the chain",
        "seeds",
        "share of the loss that is left",
        "gradient",
        "rough",
    )
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; optimise and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--chains", default=",".join(map(str, CHAINS)))
    options.add_argument("--predictions", default=",".join(PREDICTIONS))
    add_rows(options, "samplers", seeds=8)
    chosen = options.parse_args()
    rows = open_rows(chosen, f"tiny, {chosen.steps} steps")
    for prediction in chosen.predictions.split(","):
        model = Predicting(prediction)
        for chain in map(int, chosen.chains.split(",")):
            for sampler in SAMPLERS:
                for seed in range(chosen.seeds):
                    measure = partial(losses, model, seed, sampler, chosen.steps, chain)
                    rows.get(f"{prediction}/{sampler}/{chain}/{seed}", measure)
    print(table(rows).markdown())
