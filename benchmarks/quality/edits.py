"""What is done to a take that is there: redraw, variation, inpaint, outpaint; all read from finished audio.

    python -m benchmarks edits --seeds 12 [--only redraw,inpaint] [--publish]

A redraw moves one point of a reached intensity curve by 6 dB and starts from the take's noise. Variations are judged in
the judge's tower against fresh seeds. Inpaint and outpaint keep beats of a rendered, held-out loop: the kept part is
compared with what the codec alone makes of it, the joins with the seam's measures.
"""

import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial

import msgspec
import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality import tasks
from benchmarks.quality.control import judge_vector
from benchmarks.quality.evaluation import machine, material, sound
from benchmarks.quality.pocket import full_mix_weights
from benchmarks.rows import Rows
from engine import controls, metrics, pipeline
from engine.events import Take
from engine.metrics import seam
from engine.models.protocol import Model
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.layered import LayeredPocket
from engine.pocket.model import Pocket, load_pocket
from engine.request import Audio, Control, Curve, LoopRequest, Point, Start
from engine.settings import Settings

MOVED_DB = -6.0
VARIANTS, AMOUNT = 10, 0.9
Row = dict[str, float]
BARS = {
    "redraw, s": Bar(0.8),
    "within 1.5 times the take's loss, %": Bar(100, least=True),
    "distance over that of fresh seeds": Bar(0.5, least=True),
    "inpaint: clean joins, %": Bar(99, least=True),
    "outpaint: clean joins, %": Bar(99, least=True),
}
BAR = (
    "Bars: the project's own, set before anything was measured; a kept part may be as far from its original as the "
    "codec alone brings it. Bold misses its bar."
)


def made(request: LoopRequest, model: Model) -> tuple[Take, material.Audio, float]:
    """Return a take, its audio [2, samples] and the seconds that it took."""
    started = time.perf_counter()
    take = next(event for event in pipeline.make_loop(request, model, Settings()) if isinstance(event, Take))
    seconds = time.perf_counter() - started
    return take, np.frombuffer(take.sound.samples, "<f4").reshape(-1, take.sound.channels).T, seconds


def redraw(seed: int, model: Pocket | LayeredPocket) -> Row:
    """Move the middle point of a reached curve; return time, steps and scores of the second search."""
    control = tasks.intensity(seed)
    take, _, first_seconds = made(tasks.base(seed, control), model)
    curve = control.target
    assert isinstance(curve, Curve)
    middle = len(curve.points) // 3
    points = list(curve.points)
    points[middle] = Point(points[middle].beat, points[middle].value + MOVED_DB)
    moved = Control(kind="intensity", target=Curve(points=tuple(points)))
    request = msgspec.structs.replace(tasks.base(seed, moved), start=Start(noise=take.noise))
    again, audio, seconds = made(request, model)
    scores = metrics.score(audio, SAMPLE_RATE, request, controls.metrics())
    return {
        "first, s": first_seconds, "redraw, s": seconds, "redraw, steps": float(str(again.record["steps"])),
        "MSE, dB^2": float(scores["intensity_mse"] or 0), "rho": float(scores["intensity_rho"] or 0),
    }  # fmt: skip


def variation(seed: int, model: Pocket) -> Row:
    """Vary a take; return the worst loss over the take's, and the distance over that of fresh seeds."""
    request = tasks.base(seed, tasks.intensity(seed))
    take, audio, _ = made(request, model)
    varied, fresh, errors = [], [], []
    for number in range(1, VARIANTS + 1):
        start = Start(noise=take.noise, variation=AMOUNT)
        asked = msgspec.structs.replace(request, seed=seed + 1000 * number)
        _, variant, _ = made(msgspec.structs.replace(asked, start=start), model)
        _, other, _ = made(asked, model)
        varied.append(_apart(audio, variant, model))
        fresh.append(_apart(audio, other, model))
        errors.append(metrics.score(variant, SAMPLE_RATE, request, controls.metrics())["intensity_mse"] or 0.0)
    # A take well inside its bar has a loss so small that 1.5 times it says nothing: the bar counts instead.
    own = max(metrics.score(audio, SAMPLE_RATE, request, controls.metrics())["intensity_mse"] or 0.0, 0.6)
    return {
        "within 1.5 times the take's loss, %": 100 * float(np.mean(np.array(errors) <= 1.5 * own)),
        "distance over that of fresh seeds": float(np.mean(varied) / np.mean(fresh)),
    }


def _apart(one: material.Audio, other: material.Audio, model: Pocket | LayeredPocket) -> float:
    return float((judge_vector(one, model) - judge_vector(other, model)).norm())


def kept(seed: int, model: Pocket, kind: str) -> Row:
    """Keep the first half of a true loop; return its error beside the codec's, and whether both joins are clean."""
    recipe = material.same_tempo(material.GENRE_NAMES[seed % len(material.GENRE_NAMES)], 3_000_000 + 50 * seed, 1)[0]
    loop = material.rendered(recipe, None)
    bars = recipe.bars if kind == "inpaint" else 2 * recipe.bars
    request = LoopRequest(prompt=_prompt(loop), tempo_bpm=Fraction(120), bars=min(bars, 8), seed=seed)
    end = request.beats / 2
    half = round(float(end) * 60 / 120 * SAMPLE_RATE)
    reference = loop.audio if kind == "inpaint" else loop.audio[:, :half]
    target = Audio(
        samples=reference.T.astype("<f4").tobytes(), sample_rate=SAMPLE_RATE,
        keep=((Fraction(0), end),) if kind == "inpaint" else (),
    )  # fmt: skip
    take, audio, seconds = made(msgspec.structs.replace(request, controls=(Control(kind=kind, target=target),)), model)
    coded = machine.through_codec(model)(loop.audio)
    own = 10 ** (float(str(take.record["gain_db"])) / 20)
    errors = [
        sound.log_mel_error_db(heard[:, :half], loop.audio[:, :half], SAMPLE_RATE) for heard in (audio / own, coded)
    ]
    joins = [seam.measure(np.roll(audio, -place, axis=1), SAMPLE_RATE).ratio for place in (0, half)]
    return {
        f"{kind}: kept part, log-mel dB": errors[0], f"{kind}: codec alone, log-mel dB": errors[1],
        f"{kind}: clean joins, %": 100 * float(np.mean(np.array(joins) <= 1)), f"{kind}, s": seconds,
    }  # fmt: skip


def _prompt(loop: material.Loop) -> str:
    assert loop.labels is not None
    return material.request_for(loop.labels, 0).prompt


KINDS: dict[str, Callable[[int, Pocket], Row]] = {
    "redraw": redraw,
    "variation": variation,
    "inpaint": partial(kept, kind="inpaint"),
    "outpaint": partial(kept, kind="outpaint"),
}


def table(rows: Rows) -> Table:
    """Return means and worst values of everything that is done to a take."""
    body = [line for kind in KINDS for line in lines(list(rows.below(kind).values()))]
    return Table(head=("figure", "seeds", "mean", "range", "bar"), body=body, bar=BAR)


def lines(found: Sequence[Row]) -> list[tuple[str, ...]]:
    """Return a line for each figure of rows."""
    columns = {name: [row[name] for row in found] for name in (found[0] if found else ())}
    return [
        (name, str(len(values)), cell(float(np.mean(values)), 3, BARS.get(name)),
         f"{np.min(values):.3g} to {np.max(values):.3g}", str(BARS.get(name, "")))
        for name, values in columns.items()
    ]  # fmt: skip


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--only", default=",".join(KINDS))
    options.add_argument("--dtype", default="auto", help="auto, float32 or bfloat16")
    add_rows(options, "edits", seeds=8)
    chosen = options.parse_args()
    rows = open_rows(chosen, full_mix_weights())
    model = load_pocket(Settings(dtype=chosen.dtype))  # recordings go through the full mix
    for kind in chosen.only.split(","):
        for seed in range(chosen.seeds):
            rows.get(f"{kind}/{seed}", partial(KINDS[kind], seed, model))
    print(table(rows).markdown())
