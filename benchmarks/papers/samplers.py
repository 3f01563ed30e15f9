"""Which sampler to optimise through: DDIM, DPM-Solver++(2M), Euler and a stochastic one, on v-prediction and cosine.

    python -m benchmarks samplers --seeds 8 --steps 30

The model is the package's toy of real diffusers classes (v-prediction, cosine schedule, random weights): it says how
well the gradient travels through each sampler, not how music sounds. For the flow of `pocket` DDIM is Euler.
"""

import argparse
import json
from fractions import Fraction
from pathlib import Path

import msgspec
import numpy as np
import torch

from engine.models.protocol import Schedule
from engine.models.testing import TinyDiffusersModel, tiny_noise
from engine.request import Control, Curve, LoopRequest, Point
from engine.sampling import sample, step_noises
from engine.search import objective as targets

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
    frozen = step_noises(scene, request.seed, chain).to(noise) if sampler == "ancestral" else None
    adam, losses = torch.optim.Adam([noise], 0.05), []
    for _ in range(steps + 1):
        if sampler == "euler":
            latent = euler(model, scene, noise, schedule)
        else:
            latent = sample(model, scene, noise, schedule, sampler, renoise=frozen)  # type: ignore[arg-type]
        loss = goal.term.loss(model.listen(latent, scene), latent).sum()
        losses.append(float(loss.detach()))
        adam.zero_grad()
        loss.backward()
        adam.step()
    return losses


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=8)
    options.add_argument("--steps", type=int, default=30)
    options.add_argument("--chains", default="5,20")
    options.add_argument("--out", type=Path, default=Path("samplers.json"))
    chosen = options.parse_args()
    model, found = TinyDiffusersModel(), {}
    swell = Curve(points=tuple(Point(Fraction(beat), value) for beat, value in ((0, -24.0), (4, -18.0), (8, -24.0))))
    request = LoopRequest(bars=2, controls=(Control(kind="intensity", target=swell),), loop=False)
    print("| sampler | steps of the chain | loss at the start | loss at the end | share left |\n|---|---|---|---|---|")
    for chain in map(int, chosen.chains.split(",")):
        for sampler in SAMPLERS:
            curves = np.array(
                [
                    optimised(model, _with_seed(request, seed), sampler, chosen.steps, chain)
                    for seed in range(chosen.seeds)
                ]
            )
            found[f"{sampler}/{chain}"] = curves.tolist()
            first, last = curves[:, 0].mean(), curves.min(1).mean()
            print(f"| {sampler} | {chain} | {first:.3f} | {last:.3f} | {last / first:.2f} |", flush=True)
    chosen.out.write_text(json.dumps(found))


def _with_seed(request: LoopRequest, seed: int) -> LoopRequest:

    return msgspec.structs.replace(request, seed=seed)
