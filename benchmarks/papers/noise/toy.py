"""What x_T fixes, over as many batches as the paper drew: a small conditional flow (Novack et al. 2024, appendix J).

    python -m benchmarks toy-noise --batches 5000 [--publish]

A toy of eight bands over 32 frames in ten styles (a style has its bands, its register and its density of notes; level,
tune, form and fine motion are drawn), of which a perceptron learns the flow. Batches of ten loops in ten styles, all of
one noise, and each of its own, by ten steps of Euler: of each batch the variance over the ten of four features. Rows
are the means of a hundred batches each, `FIRST BATCH`.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers.baselines.distillation import trained
from benchmarks.rows import Row, Rows, mean_interval

BANDS, FRAMES, STYLES, NOTES, SECTIONS = 8, 32, 10, 8, 4
WIDTH, BATCH, TRAINING, STEPS = 384, 128, 4_000, 10
GROUP = 100  # batches in a row
FEATURES = {
    "level": "level over time", "melody": "strongest band over time", "structure": "self-similarity of sections",
    "texture": "finest motion of the bands",
}  # fmt: skip
BAR = (
    "No bar. The paper drew 5,000 batches of ten from its own model and gives no figures. A toy: only the order counts."
)


class Flow(nn.Module):
    """From states [batch, bands, frames], times [batch] and styles [batch] to the flow's velocity."""

    def __init__(self) -> None:
        super().__init__()
        size = BANDS * FRAMES
        self.style = nn.Embedding(STYLES, 32)
        self.layers = nn.Sequential(
            nn.Linear(size + 32 + 6, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH), nn.SiLU(), nn.Linear(WIDTH, WIDTH),
            nn.SiLU(), nn.Linear(WIDTH, size),
        )  # fmt: skip

    def forward(self, state: Tensor, t: Tensor, style: Tensor) -> Tensor:
        """Return the velocity [batch, bands, frames]."""
        powers = t[:, None] * torch.tensor([1.0, 2.0, 4.0])
        told = [state.flatten(1), self.style(style), torch.sin(powers), torch.cos(powers)]
        return torch.as_tensor(self.layers(torch.cat(told, 1))).view(-1, BANDS, FRAMES)


def loops(style: Tensor, draws: torch.Generator) -> Tensor:
    """Return a toy loop of each style [batch]: levels [batch, bands, frames] of about unit variance."""
    count = len(style)
    profiles = torch.randn(STYLES, BANDS, 1, generator=torch.Generator().manual_seed(1))
    place = torch.arange(FRAMES) / FRAMES * 2 * torch.pi
    height, phase = (torch.rand(count, 1, 1, generator=draws) for _ in range(2))
    swell = (0.4 + 0.6 * height) * torch.cos(place + 2 * torch.pi * phase)
    sections = torch.randint(0, 2, (count, SECTIONS), generator=draws)  # a form of two parts
    tunes = torch.randint(0, 4, (count, 2, NOTES // SECTIONS), generator=draws) + (style % 5)[:, None, None]
    notes = tunes.gather(1, sections[..., None].expand(-1, -1, NOTES // SECTIONS)).flatten(1)  # [batch, notes]
    sounding = torch.rand(count, NOTES, generator=draws) < 0.5 + 0.05 * style[:, None]
    tune = functional.one_hot(notes, BANDS) * sounding[..., None]
    tune = tune.repeat_interleave(FRAMES // NOTES, 1).transpose(1, 2)
    motion = torch.randn(count, BANDS, FRAMES, generator=draws)
    return 0.6 * profiles[style] + 0.7 * swell + 1.5 * tune + 0.3 * motion


def trained_flow(steps: int = TRAINING) -> Flow:
    """Return a flow that has learned the toy's loops in all styles."""
    torch.manual_seed(0)
    network, draws = Flow(), torch.Generator().manual_seed(0)

    def loss() -> Tensor:
        style, t = torch.randint(0, STYLES, (BATCH,), generator=draws), torch.rand(BATCH, generator=draws)
        clean = loops(style, draws)
        eps = torch.randn(clean.shape, generator=draws)
        mixed = (1 - t)[:, None, None] * clean + t[:, None, None] * eps
        return functional.mse_loss(network(mixed, t, style), eps - clean)

    return trained(network, loss, steps)


@torch.no_grad()
def sampled(network: Flow, noise: Tensor, style: Tensor) -> Tensor:
    """Return the loops of noises [batch, bands, frames] in their styles."""
    latent = noise
    for i in range(STEPS):
        t = torch.full((len(noise),), 1 - i / STEPS)
        latent = latent - network(latent, t, style) / STEPS
    return latent


def features(latent: Tensor) -> dict[str, Tensor]:
    """Return the features of loops [..., bands, frames], each flat: [..., numbers]."""
    parts = latent.unflatten(-1, (SECTIONS, -1)).transpose(-2, -3)  # [..., sections, bands, frames]
    parts = (parts - parts.mean((-1, -2), keepdim=True)).flatten(-2)
    parts = functional.normalize(parts, dim=-1)
    around = functional.avg_pool1d(functional.pad(latent.flatten(0, -2)[:, None], (2, 2), mode="circular"), 5, 1)
    return {
        "level": latent.mean(-2), "melody": functional.softmax(4 * latent, -2).flatten(-2),
        "structure": (parts @ parts.transpose(-1, -2)).flatten(-2),
        "texture": (latent - around.view(latent.shape)).flatten(-2),
    }  # fmt: skip


def measured(network: Flow, first: int) -> Row:
    """Return the mean variances over ten styles of `GROUP` batches: with one noise, and with ten."""
    draws = torch.Generator().manual_seed(first)
    noise = torch.randn(GROUP, STYLES, BANDS, FRAMES, generator=draws)
    style = torch.arange(STYLES).repeat(GROUP)
    row: Row = {}
    for name, own in (("fixed", noise[:, :1].expand_as(noise)), ("free", noise)):
        made = sampled(network, own.flatten(0, 1), style).view(noise.shape)
        row |= {f"{feature} {name}": float(one.var(1).mean()) for feature, one in features(made).items()}
    return row


def shares(rows: Rows, name: str) -> Sequence[float]:
    """Return the share of a feature's variance that is left with one noise, group by group."""
    return [rows[key][f"{name} fixed"] / rows[key][f"{name} free"] for key in rows]


def table(rows: Rows) -> Table:
    """Return the mean share of variance that is left when x_T is fixed."""
    batches = f"{GROUP * len(list(rows)):,}"
    means = {name: mean_interval(shares(rows, name)) for name in FEATURES}
    body = [
        [label, batches, "not yet run" if (one := means[name]) is None else cell(one[0], 3, span=one[1:])]
        for name, label in FEATURES.items()
    ]
    return Table(head=("feature", "batches of ten", "variance with one x_T over that with ten"), body=body, bar=BAR)


def main() -> None:
    """Read the command line; train, draw and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--batches", type=int, default=5_000)
    add_rows(options, "toy-noise")
    chosen = options.parse_args()
    rows, network = open_rows(chosen, f"toy, {TRAINING} steps"), trained_flow()
    for first in range(0, chosen.batches, GROUP):
        rows.get(str(first), partial(measured, network, first))
    print(table(rows).markdown())
