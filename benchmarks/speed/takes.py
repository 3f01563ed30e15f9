"""Eight takes of one request: searched for in turn, as on a processor, and all at once, as on an accelerator.

    python -m benchmarks takes --seeds 4 [--tasks intensity,melody] [--publish]

All in one process, one after the other, by the processor's time, so that other programs count little. The full mix,
8 s at 120 BPM. Rows are `TASK/MANNER/SEED`.
"""

import time
from collections.abc import Iterator
from enum import StrEnum
from functools import partial
from unittest.mock import patch

import msgspec
import numpy as np

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.quality import tasks
from benchmarks.quality.control import UNHURRIED
from benchmarks.quality.pocket import full_mix_weights
from benchmarks.rows import Row, Rows
from engine import pipeline
from engine.events import Take
from engine.models import catalogue
from engine.models.protocol import Model
from engine.request import MIX, LoopRequest, Method
from engine.settings import Settings
from engine.takes.prepared import Prepared

TAKES = 8
SHARE = Bar(0.7)
BAR = (
    "Bar: in turn at most 0.7 of the time of before, when all were searched for at once and from a plain start: no "
    "learned step, no tune shown to the network. Bold misses it."
)


class Manner(StrEnum):
    """How the takes of one request are searched for."""

    ONE = "one take"
    IN_TURN = "in turn"
    AT_ONCE = "at once"
    BEFORE = "at once, plain start"


def at_once(ready: Prepared) -> Iterator[Prepared]:
    """Yield all takes as one group, on every device."""
    yield ready


def made(model: Model, settings: Settings, request: LoopRequest) -> list[Take]:
    """Return all takes of `request`."""
    takes = [event for event in pipeline.make_loop(request, model, settings) if isinstance(event, Take)]
    assert len(takes) == request.count
    return takes


def measured(model: Model, task: str, manner: Manner, seed: int) -> Row:
    """Make the takes; return the processor's seconds, and the error of the worst."""
    count = 1 if manner is Manner.ONE else TAKES
    asked = tasks.request(task, seed)
    budget = msgspec.structs.replace(UNHURRIED, plain_start=manner is Manner.BEFORE)
    request: LoopRequest = msgspec.structs.replace(
        asked, method=Method.DITTO2, layers=(MIX,), count=count, budget=budget
    )
    groups = at_once if manner in (Manner.AT_ONCE, Manner.BEFORE) else Prepared.groups
    started = time.process_time()
    with patch.object(Prepared, "groups", groups):
        takes = made(model, Settings(), request)
    seconds = time.process_time() - started
    errors = [float(value) for take in takes if (value := take.scores.get("intensity_mse")) is not None]
    in_tune = [float(value) for take in takes if (value := take.scores.get("melody_accuracy")) is not None]
    row: Row = {"seconds": seconds}
    return row | ({"worst_error": max(errors)} if errors else {}) | ({"least_in_tune": min(in_tune)} if in_tune else {})


def table(rows: Rows) -> Table:
    """Return the seconds of both manners beside those of one take, task by task."""
    body = []
    for task in dict.fromkeys(key.split("/")[0] for key in rows):
        found = {manner: list(rows.below(f"{task}/{manner}").values()) for manner in Manner}
        seconds = {manner: float(np.mean([row["seconds"] for row in of])) for manner, of in found.items() if of}
        for manner in Manner:
            before = seconds.get(Manner.BEFORE)
            share = seconds[manner] / before if before and manner in seconds else None
            body.append([
                task, manner, str(len(found[manner])), cell(seconds.get(manner), 3),
                cell(share, 2, SHARE if manner is Manner.IN_TURN else None),
                cell(max((row["worst_error"] for row in found[manner] if "worst_error" in row), default=None), 2),
                cell(min((row["least_in_tune"] for row in found[manner] if "least_in_tune" in row), default=None), 3),
            ])  # fmt: skip
    head = ("task", "eight takes", "requests", "processor, s", "of before", "worst error, dB²", "least in tune")
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--tasks", default="intensity,melody")
    add_rows(options, "takes", seeds=4)
    chosen = options.parse_args()
    rows, model = open_rows(chosen, full_mix_weights()), catalogue.load("pocket", Settings())
    measured(model, "intensity", Manner.ONE, 1000)  # compiled kernels are warm
    for seed in range(chosen.seeds):
        for task in chosen.tasks.split(","):
            for manner in Manner:
                rows.get(f"{task}/{manner}/{seed}", partial(measured, model, task, manner, seed))
    print(table(rows).markdown())
