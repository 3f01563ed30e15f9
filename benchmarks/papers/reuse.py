"""Ten more loops from one optimised noise: DITTO's reuse of a latent (appendix I, table 10) beside our variation.

    python -m benchmarks reuse --seeds 12 [--tasks intensity,melody,structure] [--publish]

`ditto-paper` finds a noise x_T* for each seed; ten loops are made of it by stochastic DDPM (DDIM with eta 1, twenty
steps of the teacher's flow), with the seed's prompt or with others, and with or without FreeDoM's guidance. Ours is a
variation of `ditto2`'s noise (0.9 of the way to another), searched again, beside the loss of that take. The loss is
that of the paper in the finished latent; *apart* is the mean distance of the ten in the judge's embedding, over that of
ten fresh seeds: 1 is as varied as the prompt itself. A seed takes minutes, so twelve are a table. Rows are
`TASK/METHOD/SEED`.
"""

from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import numpy as np
import torch
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline, doodl
from benchmarks.papers.baseline import Setting
from benchmarks.papers.baselines import guided
from benchmarks.quality import tasks
from benchmarks.quality.control import judge_vector
from benchmarks.quality.edits import AMOUNT
from benchmarks.quality.evaluation import statistics
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import Model, Sampler
from engine.pocket.model import Pocket
from engine.request import Method
from engine.sampling import estimate, start_noise, vary
from engine.search import methods

STEPS, LOOPS = 20, 10
SAME, RANDOM, GUIDED_SAME, GUIDED_RANDOM, OURS = (
    "ddpm, same prompt", "ddpm, random prompts", "ddpm + freedom, same prompt", "ddpm + freedom, random prompts",
    "variation, ours",
)  # fmt: skip
METHODS = (SAME, RANDOM, GUIDED_SAME, GUIDED_RANDOM, OURS)
PUBLISHED = {  # losses of table 10
    "intensity": (13.83, 24.51, 11.25, 16.98), "melody": (2.744, 2.797, 1.871, 1.848),
    "structure": (0.264, 0.295, 0.024, 0.025),
}  # fmt: skip
BAR = (
    "Bar: ten variations within 1.5 times the take's loss, the project's own. Small print: the losses of Novack et al. "
    "2024, table 10, of another model and in other units."
)


@torch.no_grad()
def ddpm(setting: Setting, noise: Tensor, seed: int, *, guides: bool, steps: int = STEPS) -> Tensor:
    """Return the latent of `noise` by DDIM with eta 1 and the fresh noises of `seed`, its steps guided by FreeDoM."""
    schedule, fresh = setting.model.schedule(steps, setting.scene), torch.Generator().manual_seed(seed)
    latent, way = noise, torch.zeros_like(noise)
    for i in range(steps):
        if guides:
            clean, way = guided.slope(setting, latent, schedule, i)
        else:
            clean = estimate(setting.model, setting.scene, latent, schedule, Sampler.DDIM, i, checkpoint=False)
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        share = max(spread**2 * (1 - (alpha * spread / (after * sigma)) ** 2), 0.0)
        eps, drawn = (latent - alpha * clean) / sigma, torch.randn(latent.shape, generator=fresh).to(latent)
        moved = after * clean + max(spread**2 - share, 0.0) ** 0.5 * eps + share**0.5 * drawn
        length = guided.RHO * float((moved - latent).norm()) if guides else 0.0
        latent = moved - length * way
    return latent


def found_noise(model: Model, task: str, seed: int) -> tuple[Tensor, float]:
    """Return the noise of `ditto-paper` and its loss."""
    setting = baseline.setting_of(tasks.request(task, seed), model)
    steps = methods.plan(setting.request, model, setting.objective).steps
    noise = start_noise(setting.scene, seed).to(model.device)
    chain = doodl.plain(model, setting.scene, STEPS, checkpoint=False)
    found = baseline.search(setting, chain, noise, steps=steps)
    return found.noise, _loss(setting, found.latent)


def _loss(setting: Setting, latent: Tensor) -> float:
    """Return the paper's loss of a latent, in the control's own unit."""
    with torch.no_grad():
        (loss,) = setting.objective.losses(setting.model.listen(latent, setting.scene), latent).values()
    return float(loss)


def reused(model: Model, task: str, seed: int, noise: Tensor, own: float, method: str) -> Row:
    """Make ten loops of an optimised noise by one method; return their losses and how varied they are."""
    asked, losses, heard = tasks.request(task, seed), [], []
    if method == OURS:
        noise, own = _taken(baseline.setting_of(asked, model), seed)
    for number in range(LOOPS):
        prompt = asked.prompt if "random" not in method else tasks.PROMPTS[(seed + 1 + number) % len(tasks.PROMPTS)]
        setting = baseline.setting_of(msgspec.structs.replace(asked, prompt=prompt), model)
        if method == OURS:
            latent = _varied(setting, noise, seed + 1000 * (number + 1))
        else:
            latent = ddpm(setting, noise, 100 * seed + number, guides="freedom" in method)
        losses.append(_loss(setting, latent))
        heard.append(baseline.finished(setting, latent))
    row: Row = {"own": own, "mean": float(np.mean(losses)), "worst": max(losses)}
    if isinstance(model, Pocket):
        row["apart"] = statistics.mean_distance(np.stack([judge_vector(one, model).numpy() for one in heard]))
    return row


def _ours(setting: Setting) -> Setting:
    """Return the setting with the objective of `ditto2`."""
    asked = msgspec.structs.replace(setting.request, method=Method.DITTO2)
    return setting._replace(request=asked, objective=methods.objective_of(asked, setting.scene, setting.model))


def _taken(setting: Setting, seed: int) -> tuple[Tensor, float]:
    """Return the noise that `ditto2` finds and the paper's loss of its loop."""
    noise, latent = baseline.delivered(_ours(setting), start_noise(setting.scene, seed).to(setting.model.device))
    return noise, _loss(setting, latent)


def _varied(setting: Setting, taken: Tensor, seed: int) -> Tensor:
    """Return the latent of a variation: the noise that `ditto2` found, moved and searched again."""
    return baseline.delivered(_ours(setting), vary(taken, AMOUNT, seed))[1]


def fresh(model: Model, task: str, seed: int) -> Row:
    """Return how varied ten free loops of the seed's prompt are."""
    asked = tasks.request(task, seed)
    setting = baseline.setting_of(asked, model)
    heard = []
    for number in range(LOOPS):
        with torch.no_grad():
            latent = doodl.plain(model, setting.scene, STEPS)(start_noise(setting.scene, 50_000 + 100 * seed + number))
        heard.append(baseline.finished(setting, latent))
    vectors = [judge_vector(one, model).numpy() for one in heard] if isinstance(model, Pocket) else []
    return {"apart": statistics.mean_distance(np.stack(vectors))} if vectors else {}


def table(rows: Rows) -> Table:
    """Return the losses of ten loops over the noise's own, and how varied they are."""
    body = []
    for task in PUBLISHED:
        for place, method in enumerate(METHODS):
            found = rows.below(f"{task}/{method}")
            small = f" <small>{PUBLISHED[task][place]:g}</small>" if place < len(PUBLISHED.get(task, ())) else ""
            varied = [row["apart"] / rows[f"{task}/fresh/{seed}"]["apart"] for seed, row in found.items()
                      if "apart" in row and "apart" in rows.find(f"{task}/fresh/{seed}")]  # fmt: skip
            body.append([
                task, method, str(len(found)), _interval([row["own"] for row in found.values()]) or "not yet run",
                _interval([row["mean"] for row in found.values()]) + small,
                _interval([row["worst"] for row in found.values()]), _interval(varied),
            ])  # fmt: skip
    head = ("control", "method", "noises", "loss of the noise's own loop", "of ten more, mean", "worst of ten", "apart")
    return Table(head=head, body=body, bar=BAR)


def _interval(values: Sequence[float]) -> str:
    mean = mean_interval(list(values))
    return "" if mean is None else cell(mean[0], 3, span=mean[1:])


def main() -> None:
    """Read the command line; make what is missing, seed by seed."""
    options = parser(__doc__)
    options.add_argument("--tasks", default="intensity,melody,structure")
    add_rows(options, "reuse", seeds=12)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for seed in range(chosen.seeds):
        for task in chosen.tasks.split(","):
            missing = [method for method in METHODS if f"{task}/{method}/{seed}" not in rows]
            noise, own = found_noise(model, task, seed) if missing else (torch.empty(0), 0.0)
            rows.get(f"{task}/fresh/{seed}", partial(fresh, model, task, seed))
            for method in missing:
                measure: Callable[[], Row] = partial(reused, model, task, seed, noise, own, method)
                rows.get(f"{task}/{method}/{seed}", measure)
    print(table(rows).markdown())
