"""Inpainting, outpainting and looping by every method of DITTO's tables 1 and 2, on one model, from the same noises.

    python -m benchmarks edits-papers --seeds 24 [--edits "loop, reference"] [--methods ditto2,freedom] [--publish]

The teacher's plain chain of 20 steps for all but `ditto2`. Each loop's known part is written into the finished latent
for every method, as the papers stitch it, so that joins are those of the music and not of the phases. *Overlap* is the
error before that; *clean joins* and *jump* are of the file: whether the join is heard as a click or as sound that is
cut off, and how far levels move across it over the 90 % quantile of such moves elsewhere. Frechet distances are between
the clips of all seeds and 96 held-out loops, in the judge's embedding; with few loops they are too large, for all
methods alike. Rows are `EDIT/METHOD/SEED` and `frechet/EDIT/METHOD`.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell, with_misses
from benchmarks.papers import baseline, doodl, edit_tasks
from benchmarks.papers.baselines import guided, masked
from benchmarks.papers.edit_tasks import EDITS, Edit, Task
from benchmarks.quality.control import judge_vector
from benchmarks.quality.evaluation import statistics
from benchmarks.quality.evaluation.material import Audio
from benchmarks.rows import WORK, Row, Rows, mean_interval
from engine.metrics import seam
from engine.metrics.framing import frames_of, mono
from engine.models.protocol import Model
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.model import Pocket
from engine.sampling import start_noise
from engine.search import methods

STEPS = 20
NOT_RUN = "not yet run"
HELD_OUT, FIRST_HELD_OUT = 96, 1_000
JUMP_WINDOW, JUMP_BANDS, EDGE_STEPS = 2048, 24, 12
BAR = (
    "Bar: `ditto2` nearer to true loops, and no more audible at its joins, than every baseline on the same seeds; the "
    "project's own. Small print: the Frechet distance that DITTO (Novack et al. 2024, tables 1 and 2) published, of "
    "another model, embedding and count of loops. The overlap of naive mask and MultiDiffusion is written, not found, "
    "so it cannot be beaten."
)
PUBLISHED = {
    "none": {},
    "naive mask": {"o=1": 0.722, "o=2": 0.716, "o=3": 0.712, "loop": 0.753, "gap 2": 0.697, "gap 3": 0.705,
                   "gap 4": 0.707},
    "multidiffusion": {"o=1": 0.733, "o=2": 0.716, "o=3": 0.710, "loop": 0.749, "gap 2": 0.690, "gap 3": 0.694,
                       "gap 4": 0.701},
    "multidiffusion, half": {"o=1": 0.718, "o=2": 0.714, "o=3": 0.705, "loop": 0.752, "gap 2": 0.701, "gap 3": 0.708,
                             "gap 4": 0.711},
    "guidance gradients": {"o=1": 0.754, "o=2": 0.738, "o=3": 0.719, "loop": 0.774, "gap 2": 0.700, "gap 3": 0.709,
                           "gap 4": 0.717},
    "freedom": {"o=1": 0.726, "o=2": 0.723, "o=3": 0.715, "loop": 0.758, "gap 2": 0.704, "gap 3": 0.709,
                "gap 4": 0.719},
    "doodl": {"o=1": 0.719, "o=2": 0.707, "o=3": 0.700, "loop": 0.750, "gap 2": 0.688, "gap 3": 0.693, "gap 4": 0.696},
    "ditto-paper": {"o=1": 0.716, "o=2": 0.703, "o=3": 0.698, "loop": 0.746, "gap 2": 0.686, "gap 3": 0.688,
                    "gap 4": 0.690},
    "ditto2": {},
}  # fmt: skip
Method = Callable[[Task, Tensor, int], Tensor]
"""From a task, its noise and its seed to a latent."""


def ditto2(task: Task, noise: Tensor, _: int) -> Tensor:
    """Return the latent that the delivered method finds."""
    return baseline.delivered(task.setting, noise)[1]


def searched(task: Task, noise: Tensor, _: int, *, search: str) -> Tensor:
    """Return the latent that the paper's search finds, through its own chain or through DOODL's."""
    model, scene = task.setting.model, task.setting.scene
    chain = doodl.searched_chain(search, model, scene, STEPS)
    steps = methods.plan(task.setting.request, model, task.setting.objective).steps
    return baseline.search(task.setting, chain, noise, steps=steps).latent


def free(task: Task, noise: Tensor, _: int) -> Tensor:
    """Return the latent that knows nothing of what is known."""
    with torch.no_grad():
        return doodl.plain(task.setting.model, task.setting.scene, STEPS)(noise)


METHODS: dict[str, Method] = {
    "none": free,
    "naive mask": lambda task, noise, _: masked.naive_mask(task.setting, noise, task.known, STEPS),
    "multidiffusion": lambda task, noise, _: masked.multidiffusion(task.setting, noise, task.known, STEPS),
    "multidiffusion, half": lambda task, noise, _: masked.multidiffusion(task.setting, noise, task.known, STEPS, 0.5),
    "guidance gradients": lambda task, noise, _: guided.guidance_gradients(task.setting, noise, STEPS),
    "freedom": lambda task, noise, seed: guided.freedom(task.setting, noise, STEPS, seed),
    doodl.DOODL: partial(searched, search=doodl.DOODL),
    doodl.DITTO: partial(searched, search=doodl.DITTO),
    "ditto2": ditto2,
}


def edge_profile(audio: Audio, second: float) -> NDArray[np.float64]:
    """Return how far the levels of 24 bands move at and around a place of a loop [2, samples], over usual large moves.

    Each is the mean absolute change in dB from the 46 ms before a time to the 46 ms after, over the 90 % quantile of
    those of the whole loop; the times are `EDGE_STEPS` steps of 23 ms before the place to as many after it.
    """
    signal = np.roll(mono(audio), -round(second * SAMPLE_RATE))
    count = max(8, round(2 * len(signal) / JUMP_WINDOW))
    frames = frames_of(np.roll(signal, -JUMP_WINDOW // 2), JUMP_WINDOW, count, circular=True) * np.hanning(JUMP_WINDOW)
    power = np.abs(np.fft.rfft(frames)) ** 2
    edges = np.geomspace(2, power.shape[1] - 1, JUMP_BANDS + 1).astype(int)
    bands = np.stack([power[:, a : max(b, a + 1)].sum(1) for a, b in zip(edges, edges[1:], strict=False)], 1)
    level = 10 * np.log10(bands + 1e-6 * bands.mean())
    moves = np.abs(level - np.roll(level, 2, 0)).mean(1)  # frame 0 is behind the place, frame -2 before it
    return np.asarray(np.roll(moves, EDGE_STEPS)[: 2 * EDGE_STEPS + 1] / np.quantile(moves[1:], 0.9))


def measured(edit: Edit, method: str, seed: int, model: Model, keep: Path | None = None) -> Row:
    """Make one clip, read its joins and keep its vector."""
    task = edit_tasks.task(edit, seed, model)
    noise = start_noise(task.setting.scene, seed).to(model.device)
    started = time.perf_counter()
    latent = METHODS[method](task, noise, seed)
    seconds = time.perf_counter() - started
    with torch.no_grad():
        distance = task.setting.evaluate(latent).farthest
    finished = task.cut(task.setting.objective.with_kept_frames(latent))
    audio = baseline.finished(task.delivered, finished)
    if keep is not None and isinstance(model, Pocket):
        keep.parent.mkdir(parents=True, exist_ok=True)
        np.save(keep, judge_vector(audio, model).numpy())
    places = [round(place * SAMPLE_RATE) for place in edit.joins]
    edges = np.stack([edge_profile(audio, place) for place in edit.joins])
    heard = [seam.measure(np.roll(audio, -place, axis=1), SAMPLE_RATE).ratio for place in places]
    return {
        "overlap_db": float(distance) * edit_tasks.TOLERANCE_DB, "clean": 100.0 * float(max(heard) <= 1),
        "seam": max(heard), "jump": float(edges[:, EDGE_STEPS].max()), "seconds": seconds,
        "edge": [float(f"{move:.3g}") for move in edges.mean(0)],
    }  # fmt: skip


def held_out(folder: Path, model: Pocket, count: int = HELD_OUT) -> NDArray[np.float32]:
    """Return the judge's vectors of held-out loops, kept in `folder`."""
    file = folder / f"held-out-{count}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        seeds = range(FIRST_HELD_OUT, FIRST_HELD_OUT + count)
        np.save(file, [judge_vector(edit_tasks.reference_of(seed).audio, model).numpy() for seed in seeds])
    return np.asarray(np.load(file))


def vectors_of(folder: Path, edit: str, method: str) -> list[NDArray[np.float32]]:
    """Return the judge's vectors that are kept of one edit by one method; a name may begin with another's."""
    begins = f"{edit},{method},"
    files = [file for file in sorted(folder.glob(f"{begins}*.npy")) if file.stem.removeprefix(begins).isdigit()]
    return [np.load(file) for file in files]


def table(rows: Rows) -> Table:
    """Return the figures of each edit and method, published Frechet distances beside them; first who beats `ditto2`."""
    body = []
    for name, edit in EDITS.items():
        known = [method for method in METHODS if rows.below(f"{name}/{method}")]
        body += [_line(rows, name, method) for method in (METHODS if known else ())]
        if not known:
            theirs = [f"{method} {found:.3f}" for method in METHODS if (found := PUBLISHED[method].get(edit.published))]
            small = f" <small>{', '.join(theirs)}</small>" if theirs else ""
            body.append([name, NOT_RUN, "0", small.strip(), "", "", "", ""])
    head = ("edit", "method", "loops", "Frechet distance", "overlap, dB", "clean joins, %", "jump", "s")
    return Table(head=head, body=body, bar=with_misses(BAR, beaten(rows)))


def beaten(rows: Rows) -> list[str]:
    """Return a sentence on each column in which the mean of a baseline is better than that of `ditto2`.

    A mean is over the seeds that both have; Frechet distances are compared where they are of equally many loops.
    """
    found = []
    for name, label in (("distance", "Frechet distance"), ("overlap_db", "overlap"), ("clean", "clean joins"),
                        ("jump", "jump")):  # fmt: skip
        where = []
        for edit in EDITS:
            ahead = [method for method in METHODS if method != "ditto2" and _ahead(rows, edit, method, name)]
            where += [f"{edit} ({', '.join(ahead)})"] if ahead else []
        found += [f"**`ditto2` is not the best by {label}: {'; '.join(where)}.**"] if where else []
    return found


def _ahead(rows: Rows, edit: str, method: str, name: str) -> bool:
    if name == "distance":
        other, own = (rows.find(f"frechet/{edit}/{one}") for one in (method, "ditto2"))
        same = other.get("loops") == own.get("loops")
        return bool(other and own and same and other[name] < own[name])
    others, owns = (rows.below(f"{edit}/{one}") for one in (method, "ditto2"))
    gains = [others[seed][name] - owns[seed][name] for seed in others if seed in owns]
    return bool(gains) and (-1 if name == "clean" else 1) * float(np.mean(gains)) < 0


def _line(rows: Rows, edit: str, method: str) -> list[str]:
    found = list(rows.below(f"{edit}/{method}").values())
    small = PUBLISHED[method].get(EDITS[edit].published)
    distance = rows.find(f"frechet/{edit}/{method}").get("distance")
    return [
        edit, method, str(len(found)),
        (cell(distance, 3) if found else NOT_RUN) + (f" <small>{small:.3f}</small>" if small else ""),
        *(_interval(found, name, digits) for name, digits in (("overlap_db", 2), ("clean", 3), ("jump", 2))),
        cell(float(np.mean([row["seconds"] for row in found])), 2) if found else "",
    ]  # fmt: skip


def _interval(found: Sequence[Row], name: str, digits: int) -> str:
    mean = mean_interval([row[name] for row in found])
    return "" if mean is None else cell(mean[0], digits, span=mean[1:])


def main() -> None:
    """Read the command line; make and keep what is missing, seed by seed."""
    options = parser(__doc__)
    options.add_argument("--edits", default=";".join(EDITS), help="names with semicolons between")
    options.add_argument("--methods", default=";".join(METHODS), help="names with semicolons between")
    options.add_argument("--work", type=Path, default=WORK / "edits-papers", help="where vectors are kept")
    add_rows(options, "edits-papers", seeds=24)
    chosen = options.parse_args()
    weights = baseline.full_mix_weights()
    rows, model = open_rows(chosen, weights), baseline.full_mix()
    folder: Path = chosen.work / weights.replace(" ", "-")
    edits, names = chosen.edits.split(";"), chosen.methods.split(";")
    for seed in range(chosen.seeds):
        for edit in edits:
            for method in names:
                keep = folder / f"{edit},{method},{seed}.npy"
                rows.get(f"{edit}/{method}/{seed}", partial(measured, EDITS[edit], method, seed, model, keep))
    true = held_out(folder, model)
    for edit in edits:
        for method in names:
            vectors = vectors_of(folder, edit, method)
            if len(vectors) > 1:
                distance = statistics.frechet(np.stack(vectors), true)
                rows.put(f"frechet/{edit}/{method}", {"distance": distance, "loops": len(vectors)})
    print(table(rows).markdown())
