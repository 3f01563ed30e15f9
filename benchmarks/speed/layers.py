"""Seconds from a text to 8 s of sound, as one full mix and in three and four layers, warm.

    python -m benchmarks layer-seconds --label "two cores, bfloat16" --seeds 8 [--dtype float32] [--publish]

Beside the time on the clock, for which nothing else may run, stands the processor's time of all threads, which tells
under load, too, and how many times that of the full mix it is. Rows are `LABEL/LAYERS/SEED`.
"""

import time
from fractions import Fraction
from functools import partial

import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality.control import weights_of
from benchmarks.rows import Row, Rows, mean_interval
from engine import pipeline
from engine.events import Take
from engine.models import catalogue
from engine.models.protocol import Model
from engine.models.speed.threads import use_threads
from engine.request import MIX, Layer, LoopRequest, Method
from engine.settings import Settings

LAYERS = {
    "full mix": (MIX,),
    "three layers": (Layer.DRUMS, Layer.BASS, Layer.CHORDS),
    "four layers": (Layer.DRUMS, Layer.BASS, Layer.CHORDS, Layer.LEAD),
}
MAX_SECONDS = {True: Bar(1.2), False: Bar(1.6)}  # with bfloat16 and without
BAR = "On two CPU cores with bfloat16 at most 1.2 s, without at most 1.6 s; bold misses it. `benchmarks layer-seconds`."


def measured(model: Model, settings: Settings, layers: tuple[str, ...], seed: int) -> Row:
    """Make one loop without a search; return its seconds."""
    request = LoopRequest(
        prompt="house, warm",
        tempo_bpm=Fraction(120),
        bars=4,
        seed=seed,
        layers=layers,
        key="A minor",
        method=Method.NONE,
    )
    started, used = time.perf_counter(), time.process_time()
    made = [event for event in pipeline.make_loop(request, model, settings) if isinstance(event, Take)]
    assert len(made) == 1
    return {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - used}


def table(rows: Rows) -> Table:
    """Return seconds for each label and number of layers."""
    body = []
    for label in dict.fromkeys(key.split("/")[0] for key in rows):
        plain = _mean(rows, f"{label}/full mix", "processor_seconds")
        for name in LAYERS:
            found = [row["seconds"] for row in rows.below(f"{label}/{name}").values()]
            used = _mean(rows, f"{label}/{name}", "processor_seconds")
            bar = MAX_SECONDS["bfloat16" in label] if name != "full mix" else None
            share = used / plain if used and plain else None
            span = (min(found), max(found)) if found else None
            seconds = cell(float(np.mean(found)) if found else None, 3, bar, span=span)
            body.append([label, name, seconds, cell(used, 3), cell(share, 3)])
    return Table(head=("", "", "mean (range), s", "processor, s", "of the full mix"), body=body, bar=BAR)


def _mean(rows: Rows, prefix: str, figure: str) -> float | None:
    found = mean_interval([row[figure] for row in rows.below(prefix).values()])
    return found[0] if found else None


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--label", required=True)
    options.add_argument("--dtype", default="auto", help="auto, float32 or bfloat16")
    add_rows(options, "layer-seconds", seeds=8)
    chosen = options.parse_args()
    settings, rows = Settings(dtype=chosen.dtype), open_rows(chosen, weights_of("pocket"))
    use_threads(settings)
    model = catalogue.load("pocket", settings)
    for seed in range(chosen.seeds):
        for name, layers in LAYERS.items():
            if not seed:
                measured(model, settings, layers, 1000)  # compiled kernels and caches are warm
            rows.get(f"{chosen.label}/{name}/{seed}", partial(measured, model, settings, layers, seed))
    print(table(rows).markdown())


if __name__ == "__main__":
    main()
