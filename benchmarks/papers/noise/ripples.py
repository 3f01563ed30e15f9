"""The break condition: a ripple of levels, from slow and broad to fast and fine, that a search over x_T is to write.

    python -m benchmarks ripples --seeds 24 [--publish]

The target is the seed's own loop of one bar (2 s) with a ripple of 6 dB in the levels of its bands: so many cycles a
second over time, so many cycles over all bands, or both. Thirty steps of Adam at 0.05 through the delivered chain of
four, the squared error of all levels within 50 dB of the loudest. *Written* is how much of the ripple the latent has at
the end, 1 all of it; *in the waveform* how much of it the sound has. DITTO (Novack et al. 2024, appendix J) says that
x_T fixes what is slow; a target that is high in frequency, micro-timbre, is where its control ought to end. Rows are
`CYCLES A SECOND/CYCLES OVER BANDS/SEED`.
"""

import math
from functools import partial

import torch
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers import baseline
from benchmarks.quality import tasks
from benchmarks.rows import Row, Rows, mean_interval
from engine.models.protocol import ListensThrough, Model
from engine.request import LoopRequest
from engine.sampling import start_noise
from engine.search.surrogate import Chain, latent_of
from engine.spectrum import Spectrum

RIPPLE_DB, AUDIBLE_DB, FLOOR = 6.0, 50.0, 1e-12
STEPS, RATE = 30, 0.05
RIPPLES = ((0.5, 0), (2, 0), (8, 0), (16, 0), (0, 1), (0, 4), (0, 16), (0, 32), (2, 4), (16, 32))
"""Cycles a second and over all bands; the last of both is micro-timbre."""
COLUMNS = {"written": "written", "sounding": "in the waveform", "left": "error left, dB", "moved": "noise moved"}
BAR = "No bar. Novack et al. 2024 name the limit (appendix J: x_T fixes what is low in frequency) and measure nothing."


def ripple(spectrum: Spectrum, a_second: float, over_bands: float) -> Tensor:
    """Return the ripple in dB that is asked of a spectrum: [bands, frames]."""
    bands, frames = spectrum.power.shape[1:]
    seconds = torch.arange(frames) / spectrum.frame_rate_hz
    turns = a_second * seconds[None] + over_bands * torch.arange(bands)[:, None] / bands
    return RIPPLE_DB * torch.cos(2 * math.pi * turns)


def level_db(spectrum: Spectrum) -> Tensor:
    """Return the level of each band and frame: [bands, frames]."""
    return 10 * torch.log10(spectrum.power[0] + FLOOR)


def written(level: Tensor, own: Tensor, wanted: Tensor, heard: Tensor) -> float:
    """Return the share of a ripple that levels have over their `own`, where they are `heard`: its least squares."""
    there = wanted[heard]
    return float(((level - own)[heard] * there).sum() / there.square().sum())


def measured(model: Model, a_second: float, over_bands: float, seed: int) -> Row:
    """Search for a ripple; return how much of it is written, and what error is left."""
    assert isinstance(model, ListensThrough)
    prompt = tasks.PROMPTS[seed % len(tasks.PROMPTS)]
    scene = model.scene(LoopRequest(prompt=prompt, tempo_bpm=tasks.TEMPO_BPM, bars=1, seed=seed))
    chain = Chain(steps=model.card.decode_steps, sampler=model.card.sampler)
    own = start_noise(scene, seed).to(model.device)
    with torch.no_grad():
        free = latent_of(model, scene, own, chain, checkpoint=False)
        spectrum = model.listen(free, scene)
        before, sounded = level_db(spectrum), level_db(model.listen_through(free, scene))
    wanted = ripple(spectrum, a_second, over_bands)
    heard = before > before.max() - AUDIBLE_DB
    noise = own.clone().requires_grad_()
    adam = torch.optim.Adam([noise], RATE)
    for _ in range(STEPS):
        level = level_db(model.listen(latent_of(model, scene, noise, chain, checkpoint=False), scene))
        adam.zero_grad()
        (level - before - wanted)[heard].square().mean().backward()
        adam.step()
    with torch.no_grad():
        latent = latent_of(model, scene, noise, chain, checkpoint=False)
        level, sound = level_db(model.listen(latent, scene)), level_db(model.listen_through(latent, scene))
    return {
        "written": written(level, before, wanted, heard), "sounding": written(sound, sounded, wanted, heard),
        "left": float((level - before - wanted)[heard].square().mean().sqrt()),
        "moved": float((noise.detach() - own).square().mean().sqrt()),
    }  # fmt: skip


def table(rows: Rows) -> Table:
    """Return how much of each ripple is written."""
    body = []
    for a_second, over_bands in RIPPLES:
        found = list(rows.below(f"{a_second:g}/{over_bands:g}").values())
        means = [mean_interval([row[name] for row in found]) for name in COLUMNS]
        cells = ["" if one is None else cell(one[0], 2, span=one[1:]) for one in means]
        body.append([f"{a_second:g}", f"{over_bands:g}", str(len(found)), cells[0] or "not yet run", *cells[1:]])
    return Table(head=("cycles a second", "cycles over all bands", "seeds", *COLUMNS.values()), body=body, bar=BAR)


def main() -> None:
    """Read the command line; search and keep what is missing."""
    options = parser(__doc__)
    add_rows(options, "ripples", seeds=24)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    for seed in range(chosen.seeds):
        for a_second, over_bands in RIPPLES:
            rows.get(f"{a_second:g}/{over_bands:g}/{seed}", partial(measured, model, a_second, over_bands, seed))
    print(table(rows).markdown())
