"""`ditto-live bench`: how fast this computer makes a loop, as one line to keep and to compare."""

import json
import platform
import sys
import time
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

import typer

from engine.events import Progress, Take
from engine.request import Budget, Control, Curve, LoopRequest, Point
from engine.settings import Settings

from ..running import Device, Precision

if TYPE_CHECKING:
    from engine.models.protocol import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One measurement; times in seconds unless their name says milliseconds."""

    version: str
    computer: str
    model: str
    method: str
    loop_seconds: float
    load_seconds: float
    first_step_seconds: float
    step_milliseconds: float
    steps: int
    finish_seconds: float
    total_seconds: float
    intensity_mse: float | None


def bench(
    model: Annotated[str, typer.Option(help="A model's name or folder.")] = "pocket",
    steps: Annotated[int, typer.Option(min=2, help="Steps of the search.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    device: Device = "auto",
    dtype: Precision = "auto",
) -> int:
    """Time a loop of four bars at 120 BPM that follows a curve: loading, a step, turning it into sound."""
    settings = Settings(device=device, dtype=dtype)
    from engine.models import catalogue

    started = time.monotonic()
    loaded = catalogue.load(model, settings)
    figures = measure(loaded, settings, steps, time.monotonic() - started)
    sys.stdout.write(json.dumps(asdict(figures)) + "\n" if as_json else in_words(figures))
    return 0


def example(model: str, steps: int) -> LoopRequest:
    """Return the request that is timed: the same noise, curve and length everywhere."""
    curve = Curve(points=tuple(Point(Fraction(beat), level) for beat, level in ((0, -30.0), (8, -14.0), (16, -30.0))))
    budget = Budget(steps=steps, until_tolerance=False)
    controls = (Control(kind="intensity", target=curve),)
    return LoopRequest(prompt="deep house", controls=controls, model=model, seed=1, budget=budget)


def measure(model: "Model", settings: Settings, steps: int, load_seconds: float) -> Figures:
    """Return the figures of one loop."""
    from engine.pipeline import make_loop

    request = example(model.card.name, steps)
    started = time.monotonic()
    first_step: float | None = None
    take: Take | None = None
    for event in make_loop(request, model, settings):
        if isinstance(event, Progress) and first_step is None:
            first_step = time.monotonic() - started
        elif isinstance(event, Take):
            take = event
    total = time.monotonic() - started
    assert take is not None  # the pipeline ends with a take or with an error
    searching, done = (float(str(take.record[name])) for name in ("seconds_optimising", "steps"))
    return Figures(
        version=version("ditto-live"),
        computer=f"{platform.system()} {platform.machine()}, {settings.device}",
        model=model.card.name,
        method=request.method,
        loop_seconds=round(request.seconds, 3),
        load_seconds=round(load_seconds, 3),
        first_step_seconds=round(first_step or 0.0, 3),
        step_milliseconds=round(1e3 * searching / max(done, 1), 1),
        steps=int(done),
        finish_seconds=round(total - searching, 3),
        total_seconds=round(total, 3),
        intensity_mse=take.scores.get("intensity_mse"),
    )


def in_words(figures: Figures) -> str:
    """Return a line for each figure."""
    lines = (f"{name.replace('_', ' '):<20}{value}" for name, value in asdict(figures).items())
    return "\n".join(lines) + "\n"
