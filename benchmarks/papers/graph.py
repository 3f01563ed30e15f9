"""The vocoder inside the gradient's graph or outside: cost of a step, error in the file, artefacts.

    python -m benchmarks graph --seeds 24 [--publish]

DITTO's gradient goes through its vocoder. `pocket`'s latent holds levels of bands, so that a loss can hear the latent
itself (*outside*), or the spectrum of the waveform that is made of it, with its phases taken for constant (*inside*).
Twenty steps of Adam at 0.05 through the delivered chain of four steps, the papers' squared error of an intensity, the
same seeds. *Heard* is what the loss says at the end, *file* the file; *artefacts* is how far the file's bands are from
those that the latent says, in dB: what the gradient has put between the bands. Rows are `WAY/SEED`.
"""

import time

import torch
from torch import Tensor

from benchmarks.command import run_ways
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline
from benchmarks.papers.baseline import Setting
from benchmarks.quality import tasks
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import ListensThrough, Model
from engine.sampling import start_noise
from engine.search.surrogate import Chain, latent_of
from engine.spectrum import Spectrum

OUTSIDE, INSIDE = "outside", "inside"
WAYS = (OUTSIDE, INSIDE)
STEPS, RATE, FLOOR = 20, 0.05, 1e-8
COLUMNS = {
    "seconds": "processor's s a step", "heard": "heard, dB", "intensity_mse": "file, dB²", "intensity_rho": "rho",
    "artefacts": "artefacts, dB", "embedding_distance": "distance to the seed's loop",
}  # fmt: skip
BAR = "No bar. DITTO (Novack et al. 2024) has its vocoder inside and says nothing of the other way."


def heard(setting: Setting, latent: Tensor, way: str) -> Spectrum:
    """Return the spectrum that the loss hears."""
    model = setting.model
    if way == OUTSIDE:
        return model.listen(latent, setting.scene)
    assert isinstance(model, ListensThrough)
    return model.listen_through(latent, setting.scene)


def measured(model: Model, way: str, seed: int) -> Row:
    """Search with the vocoder inside or outside; return cost, error and artefacts."""
    setting = baseline.setting_of(tasks.request("intensity", seed), model)
    own = start_noise(setting.scene, seed).to(model.device)
    noise = own.clone().requires_grad_()
    adam, chain = torch.optim.Adam([noise], RATE), Chain(steps=model.card.decode_steps, sampler=model.card.sampler)
    started = time.process_time()
    for _ in range(STEPS):
        latent = latent_of(model, setting.scene, noise, chain, checkpoint=False)
        spectrum = heard(setting, latent, way)
        adam.zero_grad()
        setting.objective.total(setting.objective.losses(spectrum, latent), spectrum).sum().backward()
        adam.step()
    seconds = (time.process_time() - started) / STEPS
    with torch.no_grad():
        latent = latent_of(model, setting.scene, noise, chain, checkpoint=False)
        far = setting.objective.evaluate(heard(setting, latent, way), latent).farthest
        says, sounds = (heard(setting, latent, one).power for one in WAYS)
    apart = 10 * torch.log10((says + FLOOR) / (sounds + FLOOR))
    row: Row = {"seconds": seconds, "heard": float(far) * setting.objective.goals[0].tolerance}
    return baseline.scored(setting, latent, own) | row | {"artefacts": float(apart.square().mean().sqrt())}


def table(rows: Rows) -> Table:
    """Return cost, error and artefacts of both ways."""
    body = []
    for way in WAYS:
        found = list(rows.below(way).values())
        means = [mean_interval([row.get(name) for row in found]) for name in COLUMNS]
        cells = ["" if one is None else cell(one[0], 3, span=one[1:]) for one in means]
        body.append([way, str(len(found)), cells[0] or "not yet run", *cells[1:]])
    outside, inside = (rows.below(way) for way in WAYS)
    both = sorted(outside.keys() & inside.keys(), key=int)
    if both:
        apart = [mean_interval([inside[seed][name] - outside[seed][name] for seed in both]) for name in COLUMNS]
        body.append([
            "inside less outside", str(len(both)),
            *(f"{one[0]:.2g} ({one[1]:.2g} to {one[2]:.2g})" if one else "" for one in apart),
        ])  # fmt: skip
    return Table(head=("vocoder", "seeds", *COLUMNS.values()), body=body, bar=BAR)


def main() -> None:
    """Read the command line; make and keep what is missing."""
    rows = run_ways(__doc__, "graph", baseline.full_mix_weights(), WAYS, baseline.full_mix, measured)
    print(table(rows).markdown())
