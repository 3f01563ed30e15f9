"""Which sampler to optimise through: DDIM, DPM-Solver++(2M), Euler and a stochastic one, on v-prediction and cosine.

    python -m benchmarks samplers --seeds 8 --steps 30 [--publish]

The model is the package's toy of real diffusers classes (v-prediction, cosine schedule, random weights): it says how
well the gradient travels through each sampler, not how music sounds. For the flow of `pocket` DDIM is Euler.
"""

from fractions import Fraction
from functools import partial

import numpy as np
import torch

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.rows import Rows
from engine.models.protocol import Sampler, Schedule
from engine.models.testing import TinyDiffusersModel, tiny_noise
from engine.request import Control, Curve, LoopRequest, Point
from engine.sampling import sample, step_noises
from engine.search import objective as targets

BAR = "No bar: the sampler that leaves the least loss after 30 steps of Adam at 0.05 is the one to optimise through."
SAMPLERS = ("ddim", "dpm++", "euler", "ancestral")


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


def optimised(model: TinyDiffusersModel, request: LoopRequest, sampler: str, steps: int, chain: int) -> list[float]:
    """Return the loss per step of Adam at 0.05 through `chain` steps of `sampler`."""
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    goal = objective.goals[0]
    schedule = model.schedule(chain, scene)
    noise = tiny_noise(model, scene, request.seed).requires_grad_()
    frozen = step_noises(scene, request.seed, chain).to(noise) if sampler == Sampler.ANCESTRAL else None
    adam, losses = torch.optim.Adam([noise], 0.05), []
    for _ in range(steps + 1):
        if sampler == "euler":
            latent = euler(model, scene, noise, schedule)
        else:
            latent = sample(model, scene, noise, schedule, Sampler(sampler), renoise=frozen)
        loss = goal.term.loss(model.listen(latent, scene), latent).sum()
        losses.append(float(loss.detach()))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return losses


def losses(model: TinyDiffusersModel, seed: int, sampler: str, steps: int, chain: int) -> dict[str, float]:
    """Return the first and the least loss of one seed."""
    swell = Curve(points=tuple(Point(Fraction(beat), value) for beat, value in ((0, -24.0), (4, -18.0), (8, -24.0))))
    request = LoopRequest(bars=2, controls=(Control(kind="intensity", target=swell),), loop=False, seed=seed)
    found = optimised(model, request, sampler, steps, chain)
    return {"first": found[0], "least": min(found)}


def table(rows: Rows) -> Table:
    """Return the share of the loss that is left for each sampler and length of the chain."""
    body = []
    for group in dict.fromkeys(key.rpartition("/")[0] for key in rows):
        found = list(rows.below(group).values())
        first, least = (float(np.mean([row[name] for row in found])) for name in ("first", "least"))
        body.append([*group.split("/"), f"{first:.3f}", f"{least:.3f}", f"{least / first:.2f}"])
    return Table(head=("sampler", "steps of the chain", "loss at the start", "at the end", "share"), body=body, bar=BAR)


def main() -> None:
    """Read the command line; optimise and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--chains", default="5,20")
    add_rows(options, "samplers")
    chosen = options.parse_args()
    rows, model = open_rows(chosen, f"tiny, {chosen.steps} steps"), TinyDiffusersModel()
    for chain in map(int, chosen.chains.split(",")):
        for sampler in SAMPLERS:
            for seed in range(chosen.seeds):
                rows.get(f"{sampler}/{chain}/{seed}", partial(losses, model, seed, sampler, chosen.steps, chain))
    print(table(rows).markdown())
