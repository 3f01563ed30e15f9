"""Which student to optimise through: consistency, trajectory and jump students of one teacher under one budget.

    python -m benchmarks students --seeds 24 [--passes 27000] [--publish]

A toy of 32 numbers round a circle with a perceptron as teacher (`baselines/distillation.py`): it says how far the
sound that a search hears is from the one that is delivered, not how music sounds. The noise of each seed is moved by 60
steps of Adam at 0.05 through one step of the student, until a smoothed level fits a drawn one (DITTO-2, Novack et al.
2024); the same noise is then sampled with T steps. *Quality* is the Frechet distance of 400 free samples to true ones;
the teacher's own is that of 32 steps. Rows are `STUDENT/T/SEED` and `quality/STUDENT/T`.
"""

import time
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.papers.baselines import distillation
from benchmarks.papers.baselines.distillation import FRAMES, Kind, Network
from benchmarks.quality.evaluation import statistics
from benchmarks.rows import Row, Rows, mean_interval

LENGTHS = (1, 2, 4, 8)
TEACHER_STEPS, PASSES = 3_000, 27_000
SEARCH_STEPS, SEARCH_RATE = 60, 0.05
SAMPLES = 400
SMOOTHED = 5
BAR = (
    "Bar: the student whose T steps are nearest to what the search heard in one, with no worse quality. DITTO-2 chose "
    "CTM for that; its tables could not be had. A toy, so only the order counts."
)


def level(latent: Tensor) -> Tensor:
    """Return the level of a loop [batch, frames], smoothed round the circle."""
    energy = functional.pad(latent.square()[:, None], (SMOOTHED // 2, SMOOTHED // 2), mode="circular")
    return functional.avg_pool1d(energy, SMOOTHED, 1)[:, 0]


def drawn(seed: int) -> Tensor:
    """Return a level that another true loop has: [1, frames]."""
    return level(distillation.data(1, torch.Generator().manual_seed(10_000 + seed)))


def searched(kind: Kind, network: Network, seed: int) -> tuple[Tensor, float, float]:
    """Return the noise that a search through one step finds, what it heard at the end, and seconds."""
    noise = torch.randn(1, FRAMES, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    adam, wanted, started = torch.optim.Adam([noise], SEARCH_RATE), drawn(seed), time.perf_counter()
    for _ in range(SEARCH_STEPS):
        adam.zero_grad()
        functional.mse_loss(level(distillation.sampled(kind, network, noise, 1)), wanted).backward()
        adam.step()
    found = noise.detach()
    return found, error(kind, network, found, 1, seed), time.perf_counter() - started


def error(kind: Kind, network: Network, noise: Tensor, steps: int, seed: int) -> float:
    """Return the error of the level that `steps` steps make of a noise."""
    with torch.no_grad():
        made = distillation.sampled(kind, network, noise, steps, seed)
    return float(functional.mse_loss(level(made), drawn(seed)))


def quality(kind: Kind, network: Network, steps: int) -> Row:
    """Return the Frechet distance of free samples to true loops."""
    draws = torch.Generator().manual_seed(77)
    noise, true = torch.randn(SAMPLES, FRAMES, generator=draws), distillation.data(SAMPLES, draws)
    with torch.no_grad():
        made = distillation.sampled(kind, network, noise, steps)
    return {"distance": statistics.frechet(made.numpy(), true.numpy())}


class Students:
    """The teacher and its students, each trained when it is first needed."""

    def __init__(self, teacher_steps: int, passes: int) -> None:
        self._steps, self._passes, self._found = teacher_steps, passes, dict[str, Network]()

    def teacher(self) -> Network:
        """Return the teacher."""
        known = self._found.get("teacher")
        return known or self._kept("teacher", distillation.teacher(self._steps))

    def of(self, kind: Kind) -> Network:
        """Return a student."""
        known = self._found.get(kind)
        return known or self._kept(kind, distillation.student(kind, self.teacher(), self._passes))

    def _kept(self, name: str, network: Network) -> Network:
        self._found[name] = network
        return network

    def row(self, kind: Kind, steps: int, seed: int) -> Row:
        """Search with one step and read with `steps`."""
        noise, heard, seconds = searched(kind, self.of(kind), seed)
        return {"heard": heard, "error": error(kind, self.of(kind), noise, steps, seed), "seconds": seconds}

    def quality(self, name: str, steps: int) -> Row:
        """Return the quality of a student, or of the teacher."""
        if name == "teacher":
            return quality(Kind.JUMP, distillation.Euler(self.teacher()), steps)
        return quality(Kind(name), self.of(Kind(name)), steps)


def table(rows: Rows) -> Table:
    """Return the gap and the quality of each student at each T."""
    body = []
    for kind in Kind:
        for steps in LENGTHS:
            found = list(rows.below(f"{kind}/{steps}").values())
            means = [mean_interval([row[name] for row in found]) for name in ("heard", "error")]
            gap = mean_interval([row["error"] - row["heard"] for row in found])
            cells = ["" if one is None else cell(one[0], 2, span=one[1:]) for one in (*means, gap)]
            own = rows.find(f"quality/{kind}/{steps}").get("distance")
            body.append([kind.upper() if kind != Kind.JUMP else "jump, ours", str(steps), str(len(found)), *cells,
                         cell(own, 2)])  # fmt: skip
    best = rows.find(f"quality/teacher/{distillation.GRID}").get("distance")
    body.append(["teacher", str(distillation.GRID), "", "", "", "", cell(best, 2)])
    head = ("student", "T", "searches", "error heard in one step", "error at T", "gap", "quality")
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; train, search and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--teacher", type=int, default=TEACHER_STEPS, help="training steps of the teacher")
    options.add_argument("--passes", type=int, default=PASSES, help="passes that each student may spend")
    add_rows(options, "students", seeds=24)
    chosen = options.parse_args()
    rows = open_rows(chosen, f"toy, {chosen.teacher} steps, {chosen.passes} passes")
    study = Students(chosen.teacher, chosen.passes)
    rows.get(f"quality/teacher/{distillation.GRID}", partial(study.quality, "teacher", distillation.GRID))
    for kind in Kind:
        for steps in LENGTHS:
            rows.get(f"quality/{kind}/{steps}", partial(study.quality, kind, steps))
            for seed in range(chosen.seeds):
                rows.get(f"{kind}/{steps}/{seed}", partial(study.row, kind, steps, seed))
    print(table(rows).markdown())
