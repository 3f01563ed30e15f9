"""When a search begins to hack its reward: quality beside control at 10 to 150 steps, with and without our guards.

    python -m benchmarks hacking --seeds 12 [--tasks intensity,melody] [--publish]

One search of 150 steps that no tolerance ends, read at 10, 30, 50, 70, 100 and 150: *bare* is Adam at 0.05 through the
delivered student's one step, with the paper's loss and nothing else; `ditto2` has its anchor, its shell and its
verifications. Of the best noise so far: the error in the file, how well the judge's tower fits the prompt, the distance
to the seed's own loop in that tower, and how far the noise is from white. A seed takes minutes, so twelve are a table.
Rows are `TASK/WAY/STEPS/SEED`.
"""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import torch
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline
from benchmarks.papers.baseline import Setting
from benchmarks.quality import tasks
from benchmarks.quality.control import judge_vector
from benchmarks.rows import Row, Rows, mean_interval
from engine.pocket import words
from engine.pocket.condition import WORD_SLOTS
from engine.pocket.model import Pocket
from engine.request import Budget, Method
from engine.sampling import start_noise
from engine.search import methods
from engine.search.minimize import minimize
from engine.search.shell import flatness
from engine.search.surrogate import Chain, latent_of

COUNTS = (10, 30, 50, 70, 100, 150)
WAYS = ("bare", "ditto2")
RATE = 0.05
ERRORS = {"intensity": "intensity_mse", "melody": "melody_accuracy"}
BAR = (
    "No bar: the stopping rule is to end at the tolerances, which `ditto2` does. Novack et al. 2024 stop at 70 or 150 "
    "steps, and say of DOODL that it goes on to worse music; without figures by step."
)


def searched(model: Pocket, task: str, way: str, seed: int) -> Iterator[tuple[int, Setting, Tensor]]:
    """Yield the best noise after each count of steps, with the setting it is searched in."""
    request = msgspec.structs.replace(
        tasks.request(task, seed), method=Method.DITTO2, budget=Budget(steps=COUNTS[-1], until_tolerance=False)
    )
    setting = baseline.setting_of(request, model)
    noise = start_noise(setting.scene, seed).to(model.device)
    objective = methods.objective_of(request, setting.scene, model)
    plan = methods.plan(request, model, objective)
    if way == "bare":
        bare = methods.plan(setting.request, model, setting.objective)
        size = replace(bare.step_size, learning_rate=RATE)
        plan = replace(bare, chain=plan.chain, decode=plan.decode, step_size=size, until_tolerance=False)
        objective = setting.objective
    for step in minimize(plan, objective, model, setting.scene, noise):
        if step.index in COUNTS:
            yield step.index, setting, step.best_noise


def measured(setting: Setting, noise: Tensor, seed: int) -> Row:
    """Return error and quality of the loop of a noise."""
    model, chain = setting.model, Chain(steps=setting.model.card.decode_steps, sampler=setting.model.card.sampler)
    assert isinstance(model, Pocket)
    assert model.towers is not None
    said = torch.zeros(1, WORD_SLOTS, device=model.device)
    said[0, list(words.parse(setting.request.prompt).ids)] = 1
    own = start_noise(setting.scene, seed).to(model.device)
    with torch.no_grad():
        latent = latent_of(model, setting.scene, noise, chain, checkpoint=False)
        fits = float(judge_vector(baseline.finished(setting, latent), model) @ model.towers.judge.embed_words(said)[0])
    flat = [float(flatness(one, setting.scene.time_axis)) for one in (noise, own)]
    return baseline.scored(setting, latent, own) | {"text": fits, "flatness": flat[0] / flat[1]}


def table(rows: Rows) -> Table:
    """Return error and quality at each count of steps."""
    body = []
    for task, error in ERRORS.items():
        for way in WAYS:
            for count in COUNTS:
                found = list(rows.below(f"{task}/{way}/{count}").values())
                cells = []
                for name in (error, "text", "embedding_distance", "flatness"):
                    mean = mean_interval([row.get(name) for row in found])
                    cells.append("" if mean is None else cell(mean[0], 3, span=mean[1:]))
                body.append([task, way, str(count), str(len(found)), cells[0] or "not yet run", *cells[1:]])
    head = ("control", "search", "steps", "seeds", "error in the file", "prompt's score by the judge",
            "distance to the seed's loop", "noise's flatness over the seed's")  # fmt: skip
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; search and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--tasks", default=",".join(ERRORS))
    add_rows(options, "hacking", seeds=12)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for seed in range(chosen.seeds):
        for task in chosen.tasks.split(","):
            for way in WAYS:
                if f"{task}/{way}/{COUNTS[-1]}/{seed}" in rows:
                    continue
                for count, setting, noise in searched(model, task, way, seed):
                    rows.put(f"{task}/{way}/{count}/{seed}", measured(setting, noise, seed))
    print(table(rows).markdown())
