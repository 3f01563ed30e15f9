"""What x_T fixes: how alike loops of one noise are under other prompts (DITTO, Novack et al. 2024, appendix J).

    python -m benchmarks fixed-noise --seeds 24 [--chain 4] [--publish]

Batches of ten loops with ten prompts: all of one noise, and each of its own. Of each batch the variance over the ten of
the level, of the chroma, of the self-similarity and of the finest motion of the bands; the table has the mean of one
over the other. 1 is a feature that x_T says nothing of, which no search over x_T alone can hope to set. The paper drew
5,000 batches; here a batch is a seed, and a loop has two bars, 4 s. Rows are `SEED`.
"""

from functools import partial

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline
from benchmarks.quality import tasks
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import Model
from engine.sampling import sample, start_noise
from engine.spectrum import Spectrum

LOOPS, BARS, SECTIONS, FLOOR = 10, 2, 16, 1e-8
FEATURES = {
    "level": "level over time, dB", "chroma": "chroma over time", "structure": "self-similarity of sections",
    "texture": "finest motion of the bands, dB",
}  # fmt: skip
BAR = (
    "No bar. Novack et al. 2024, appendix J: a fixed x_T significantly lowers the variance of intensity, melody and "
    "self-similarity; without figures."
)


def features(spectrum: Spectrum) -> dict[str, NDArray[np.float64]]:
    """Return the features of one loop, each flat: the papers' three, and one that is high in frequency."""
    power = spectrum.power[0].double()
    level = 10 * torch.log10(power + FLOOR)
    pitch = (12 * torch.log2(spectrum.frequencies_hz.double().clamp_min(20) / 440) + 69).round().long() % 12
    chroma = torch.zeros(12, power.shape[1], dtype=power.dtype).index_add(0, pitch, power.cpu().sqrt())
    coarse = torch.nn.functional.adaptive_avg_pool1d(level[None], SECTIONS)[0]
    shaped = coarse - coarse.mean(1, keepdim=True)
    unit = shaped / shaped.norm(dim=0).clamp_min(FLOOR)
    fast = level - torch.nn.functional.avg_pool1d(level[None], 5, 1, 2)[0]
    return {
        "level": (10 * torch.log10(power.sum(0) + FLOOR)).numpy(),
        "chroma": (chroma / chroma.sum(0).clamp_min(FLOOR)).numpy().ravel(),
        "structure": (unit.T @ unit).numpy().ravel(), "texture": fast.numpy().ravel(),
    }  # fmt: skip


def variance(model: Model, seed: int, chain: int, *, fixed: bool) -> Row:
    """Return the mean variance of each feature over ten loops with ten prompts, of one noise or of ten."""
    heard: list[dict[str, NDArray[np.float64]]] = []
    for number in range(LOOPS):
        prompt = tasks.PROMPTS[number % len(tasks.PROMPTS)]
        request = msgspec.structs.replace(tasks.base(seed * LOOPS + number), prompt=prompt, key="C minor", bars=BARS)
        scene = model.scene(request)
        noise = start_noise(scene, seed * LOOPS + (0 if fixed else number)).to(model.device)
        with torch.no_grad():
            steps = model.schedule(chain, scene)
            latent = sample(model, scene, noise, steps, model.card.sampler, checkpoint=False)
            heard.append(features(model.listen(latent, scene)))
    return {name: float(np.stack([one[name] for one in heard]).var(0).mean()) for name in heard[0]}


def measured(model: Model, seed: int, chain: int) -> Row:
    """Return for each feature the variance with one noise over that with ten."""
    one, ten = (variance(model, seed, chain, fixed=fixed) for fixed in (True, False))
    return {name: one[name] / ten[name] for name in one}


def table(rows: Rows) -> Table:
    """Return the mean share of variance that is left when x_T is fixed."""
    found = [rows[key] for key in rows]
    means = {name: mean_interval([row[name] for row in found]) for name in FEATURES}
    body = [
        [label, str(len(found)), "not yet run" if (one := means[name]) is None else cell(one[0], 3, span=one[1:])]
        for name, label in FEATURES.items()
    ]
    return Table(head=("feature", "batches of ten", "variance with one x_T over that with ten"), body=body, bar=BAR)


def main() -> None:
    """Read the command line; make and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--chain", type=int, default=4, help="steps of the model's own sampler")
    add_rows(options, "fixed-noise", seeds=24)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for seed in range(chosen.seeds):
        rows.get(str(seed), partial(measured, model, seed, chosen.chain))
    print(table(rows).markdown())
