"""`ditto-live render`: make loops here and now, without bridge or engine process."""

import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from engine.events import Event
from engine.settings import Settings

from ...requests.asked import Asked, build_request
from ..follow import Outcome, follow
from ..guard import INTERRUPTED, say
from ..options import LoopOptions, takes_loop_options
from ..output import Shelf, check_writable, shelf
from ..progress import display
from ..starts import read_start
from ..told import as_json, in_words

if TYPE_CHECKING:
    from engine.models.protocol import Model

    LoadModel = Callable[[str, Settings], Model]


def _place(sentence: str, *names: str) -> Any:
    return typer.Option(*names, help=sentence, rich_help_panel="Where it goes, and on what it runs")


@takes_loop_options
def render(
    options: LoopOptions,
    out: Annotated[Path | None, _place("WAV to write; else a new take in the takes folder.")] = None,
    report: Annotated[Path | None, _place("PNG page about the best take.")] = None,
    json: Annotated[bool, _place("Print one JSON object.", "--json")] = False,
    device: Annotated[str, _place("auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    dtype: Annotated[str, _place("auto, float32, bfloat16 or float16.")] = "auto",
) -> int:
    """Make a loop from words, a curve, a melody, a rhythm, and write it as WAV.

    Beside it lie a .json with the request and the scores, and a .safetensors with the noise it came from.
    """
    started = time.monotonic()
    settings = Settings(device=device, dtype=dtype)
    load_controls(options.controls)
    asked = build_request(options, read_start(options, settings))
    takes = shelf(out, asked.request, settings)
    if report is not None:
        check_writable(report, "--report")
    outcome = make(asked, takes, settings)
    seconds = time.monotonic() - started
    if report is not None and takes.kept:
        draw(takes, report)
    if json:
        sys.stdout.write(as_json(takes, outcome, seconds, report))
    else:
        sys.stdout.write(in_words(takes, seconds, report))
    if outcome.interrupted:
        kept = "Stopped early; the best take so far is kept, where it was to go."
        say(kept if takes.kept else "Stopped before there was anything to keep.")
        return INTERRUPTED
    return 0


def load_controls(files: Sequence[Path]) -> None:
    """Let the producer's own Python files add their controls."""
    if files:
        from engine.controls.registry import load_file

        for file in files:
            load_file(file)


def make(asked: Asked, takes: Shelf, settings: Settings, load: "LoadModel | None" = None) -> Outcome:
    """Make the loop in this process and keep its takes; `load` opens the model if not the catalogue."""
    with display(asked.request.count) as shown:
        for remark in asked.remarks:
            shown.say(remark)
        from engine.models import catalogue

        # Torch is loaded from here on: whatever could be wrong with the request was said before.
        model = (load or catalogue.load)(asked.request.model, settings)
        from engine.pipeline import make_loop

        events = cast(Generator[Event, None, None], make_loop(asked.request, model, settings))
        return follow(events, shown, takes.keep)


def draw(takes: Shelf, report: Path) -> None:
    """Draw the report page of the best take."""
    from bridge.report import write_report

    best = takes.kept[0]
    curves = cast(dict[str, list[float]], best.take.record.get("loss_curves", {}))
    write_report(report, best.path, takes.request, best.take.scores, curves)
