"""Finding the noise of a recording: by chance, by DDIM backwards, and by DITTO's search (Novack et al. 2024, table 7).

    python -m benchmarks inversion --seeds 24 [--methods chance,ditto] [--publish]

The teacher's flow of 20 steps with its guidance. *DDIM backwards* solves each step for its beginning with the estimate
at its end (Song et al. 2021); the search begins there, or at chance, and takes 70 steps of Adam at 0.005. The error is
the mean square of the latent. Null-text inversion is left out: `pocket` has no text that could be moved. Rows are
`METHOD/SEED`.
"""

from functools import partial

import torch
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline, doodl, edit_tasks
from benchmarks.papers.baseline import Setting
from benchmarks.rows import Row, Rows, mean_interval
from engine.controls import Term
from engine.models.protocol import Model, Sampler
from engine.sampling import estimate, start_noise
from engine.search import methods
from engine.search.objective import Goal, Objective
from engine.spectrum import Spectrum

STEPS = 20
NOT_RUN = "not yet run"
CHANCE, BACKWARDS, SEARCHED, BOTH = "chance", "ddim backwards", "ditto", "ditto from ddim"
METHODS = {CHANCE: ".0668", BACKWARDS: ".0072", SEARCHED: ".0010", BOTH: ""}
HEAD = ("method", "recordings", "mean square error", "of chance's", "deviation of the noise")
BAR = (
    "No bar. Small print: mean squares of mel pictures between -1 and 1 at a guidance of 1 (Novack et al. 2024, table "
    "7); here they are of latents, at a guidance of 2. A recording with silent bands is far from every loop of the "
    "model, so that means hang on few recordings: read the share of chance's error."
)


def matching(setting: Setting, wanted: Tensor) -> Setting:
    """Return the setting whose only goal is to be the latent `wanted` [1, *noise_shape]."""

    def squared(_: Spectrum, latent: Tensor) -> Tensor:
        return (latent - wanted.to(latent)).square().flatten(1).mean(1)

    goal = Goal(name="recording", kind="inpaint", weight=1.0, tolerance=1e-6, term=Term(loss=squared, distance=squared))
    return setting._replace(objective=Objective((goal,)))


@torch.no_grad()
def backwards(setting: Setting, latent: Tensor, steps: int) -> Tensor:
    """Return the noise from which DDIM nearly makes `latent`, its estimates taken at the end of each step.

    At the very end of a flow no estimate is needed: the clean latent is known.
    """
    schedule = setting.model.schedule(steps, setting.scene)
    clean, state = latent, latent
    for i in reversed(range(steps)):
        alpha, sigma = float(schedule.alphas[i]), float(schedule.sigmas[i])
        after, spread = float(schedule.alphas[i + 1]), float(schedule.sigmas[i + 1])
        if spread > 0:
            clean = estimate(setting.model, setting.scene, state, schedule, Sampler.DDIM, i + 1, checkpoint=False)
            eps = (state - after * clean) / spread
        else:
            # The first estimate of eps comes from the state a step earlier, so it is the model's at the clean latent.
            guess = alpha * latent + sigma * torch.randn(latent.shape, generator=torch.Generator().manual_seed(0))
            eps = (guess - alpha * estimate(setting.model, setting.scene, guess, schedule, Sampler.DDIM, i,
                                            checkpoint=False)) / sigma  # fmt: skip
        state = alpha * clean + sigma * eps
    return state


def measured(model: Model, method: str, seed: int) -> Row:
    """Return how far the loop of the noise that a method finds is from its recording."""
    task = edit_tasks.task(edit_tasks.EDITS["inpaint, gap 2 s"], seed, model)
    loop = edit_tasks.reference_of(seed).audio
    audio = torch.from_numpy(loop).repeat(1, 4)[None, :, : task.setting.scene.loop_samples]
    wanted = model.encode(audio, task.setting.scene)
    setting = matching(task.setting, wanted)
    chain = doodl.plain(model, setting.scene, STEPS, checkpoint=False)
    chance = start_noise(setting.scene, seed).to(model.device)
    noise = backwards(setting, wanted, STEPS) if method in (BACKWARDS, BOTH) else chance
    if method in (SEARCHED, BOTH):
        noise = baseline.search(setting, chain, noise, steps=methods.PAPER_STEPS).noise
    with torch.no_grad():
        return {"error": float(setting.loss(chain(noise))), "noise_std": float(noise.std())}


def table(rows: Rows) -> Table:
    """Return the error of each method, and its share of chance's, recording by recording."""
    body, chance = [], rows.below(CHANCE)
    for method, theirs in METHODS.items():
        by_seed = rows.below(method)
        found = list(by_seed.values())
        share = mean_interval([row["error"] / chance[seed]["error"] for seed, row in by_seed.items() if seed in chance])
        error, deviation = (mean_interval([row[name] for row in found]) for name in ("error", "noise_std"))
        small = f" <small>{theirs}</small>" if theirs else ""
        body.append([
            method, str(len(found)), (NOT_RUN if error is None else cell(error[0], 3, span=error[1:])) + small,
            "" if share is None or method == CHANCE else cell(share[0], 2, span=share[1:]),
            "" if deviation is None else cell(deviation[0], 3, span=deviation[1:]),
        ])  # fmt: skip
    return Table(head=HEAD, body=body, bar=BAR)


def main() -> None:
    """Read the command line; find and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--methods", default=",".join(METHODS))
    add_rows(options, "inversion", seeds=24)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for seed in range(chosen.seeds):
        for method in chosen.methods.split(","):
            rows.get(f"{method}/{seed}", partial(measured, model, method, seed))
    print(table(rows).markdown())
