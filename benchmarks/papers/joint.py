"""Two controls at once: an intensity with a recording to go on from, with a structure, with a melody (table 9).

    python -m benchmarks joint --seeds 24 [--pairs intensity+structure] [--methods guidance,ditto2] [--publish]

The pairs of DITTO (Novack et al. 2024), table 9, on `pocket`'s full mix, read back from the file. *Going on* keeps the
first second of a held-out loop, which is set to the curve's mean level there: no search can change a kept recording, so
one at another level would only add the same error to every method. A pair with `ditto-paper` takes minutes a loop. Rows
are `PAIR/METHOD/SEED`; those of an intensity with a melody are of `control`.
"""

from fractions import Fraction
from functools import partial

import msgspec
import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell, with_misses
from benchmarks.papers import baseline, edit_tasks
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED, run
from benchmarks.rows import Row, Rows, mean_interval, published
from engine.models.protocol import Model
from engine.pocket.bands import SAMPLE_RATE
from engine.request import Audio, Control, Curve, LoopRequest, Method
from engine.settings import Settings

OUTPAINT, STRUCTURE, MELODY = "intensity+outpaint", "intensity+structure", "intensity+melody"
METHODS: tuple[Method, ...] = (Method.GUIDANCE, Method.DITTO_PAPER, Method.DITTO2)
KEPT_BEATS = 2
SECOND = {STRUCTURE: "structure_mse", MELODY: "melody_accuracy"}
PUBLISHED = {  # MSE in dB² and the other control's figure: FreeDoM, DITTO
    OUTPAINT: {Method.GUIDANCE: ("23.945", ""), Method.DITTO_PAPER: ("5.783", "")},
    STRUCTURE: {Method.GUIDANCE: ("21.033", "0.304"), Method.DITTO_PAPER: ("6.802", "0.092")},
    MELODY: {Method.GUIDANCE: ("21.185", "0.198"), Method.DITTO_PAPER: ("7.833", "0.436")},
}
KEPT = ("intensity_mse", "intensity_rho", "structure_mse", "melody_accuracy", "embedding_distance", "steps", "seconds")
BAR = (
    "Bar: `ditto2` nearer by both controls than the others, the project's own. Small print: Novack et al. 2024, "
    "table 9 (FreeDoM and DITTO), another model."
)


def request_of(pair: str, seed: int) -> LoopRequest:
    """Return the request of a pair and a seed, without its method."""
    if pair != OUTPAINT:
        return tasks.request(pair, seed)
    curve = tasks.intensity(seed)
    assert isinstance(curve.target, Curve)
    loop = edit_tasks.reference_of(seed).audio[:, : round(KEPT_BEATS * SAMPLE_RATE * 60 / tasks.TEMPO_BPM)]
    level_db = np.mean([point.value for point in curve.target.points if point.beat <= KEPT_BEATS])
    loop = loop * (10 ** (level_db / 20) / np.sqrt(np.mean(np.square(loop.mean(0)))))
    keep = ((Fraction(0), Fraction(KEPT_BEATS)),)
    target = Audio(samples=loop.T.astype("<f4").tobytes(), sample_rate=SAMPLE_RATE, channels=2, keep=keep)
    return tasks.base(seed, curve, Control(kind="outpaint", target=target))


def measured(model: Model, pair: str, method: Method, seed: int) -> Row:
    """Make one loop and score its file."""
    row = run(model, msgspec.structs.replace(request_of(pair, seed), method=method, budget=UNHURRIED), Settings())
    return {name: row.get(name) for name in KEPT}


def table(rows: Rows) -> Table:
    """Return both controls' errors of each pair and method."""
    body = []
    for pair, theirs in PUBLISHED.items():
        for method in METHODS:
            found = _found(rows, pair, method)
            mse, other = theirs.get(method, ("", ""))
            columns = {"intensity_mse": mse, "intensity_rho": "", SECOND.get(pair, ""): other, "embedding_distance": ""}
            cells = []
            for name, small in columns.items():
                mean = mean_interval([row.get(name) for row in found])
                text = "" if mean is None else cell(mean[0], 3, span=mean[1:])
                cells.append(text + (f" <small>{small}</small>" if small else ""))
            first = cells[0] if found else f"not yet run {cells[0]}"
            body.append([pair, method, str(len(found)), first, *cells[1:]])
    head = ("controls", "method", "seeds", "MSE, dB²", "rho", "self-similarity's MSE; share in tune",
            "distance to the seed's loop")  # fmt: skip
    return Table(head=head, body=body, bar=with_misses(BAR, beaten(rows)))


def beaten(rows: Rows) -> list[str]:
    """Return a sentence on each pair and column in which the mean of another method is better than `ditto2`'s."""
    said = []
    for pair in PUBLISHED:
        columns = {"intensity_mse": 1, "intensity_rho": -1, SECOND.get(pair, "intensity_mse"): 1}
        columns |= {"melody_accuracy": -1} if pair == MELODY else {}
        for name, sign in columns.items():
            means = {method: _mean(_found(rows, pair, method), name) for method in METHODS}
            own = means.pop(Method.DITTO2)
            ahead = [method for method, one in means.items() if one is not None and own and sign * (one - own) < 0]
            said += [f"**`ditto2` is not the best by {name} in {pair}: {', '.join(ahead)}.**"] if ahead else []
    return said


def _found(rows: Rows, pair: str, method: str) -> list[Row]:
    """Return the rows of a pair and method; those of an intensity with a melody are of `control`."""
    control = published("control") if pair == MELODY else None
    return list((control or rows).below(f"{pair}/{method}").values())


def _mean(found: list[Row], name: str) -> float | None:
    values = [row[name] for row in found if row.get(name) is not None]
    return float(np.mean(values)) if values else None


def main() -> None:
    """Read the command line; make and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--pairs", default=f"{OUTPAINT},{STRUCTURE}")
    options.add_argument("--methods", default=",".join(METHODS))
    add_rows(options, "joint", seeds=24)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, baseline.full_mix_weights()), baseline.full_mix()
    methods: list[Method] = [method for method in METHODS if method in chosen.methods.split(",")]
    for seed in range(chosen.seeds):
        for pair in chosen.pairs.split(","):
            for method in methods:
                rows.get(f"{pair}/{method}/{seed}", partial(measured, model, pair, method, seed))
    print(table(rows).markdown())
