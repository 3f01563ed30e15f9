"""`ditto-live render`: make loops now, in this process or by the warm worker of a service on this computer."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from bridge.requests.targets import TargetRow
from engine.errors import BadInputError, EngineUnavailableError
from engine.events import Event, Run
from engine.models.catalogue import check
from engine.settings import Settings, control_files, refuse_missing_control_files

from ..follow import Outcome, follow_reading
from ..guard import INTERRUPTED, say
from ..options import loop_command, typed_settings
from ..output import TakeWriter, check_writable, named_files, take_writer
from ..progress import Display, display
from ..summary import as_json, in_words
from ..warm import warm_client
from .play import play

if TYPE_CHECKING:
    from engine.models.protocol import Model

    LoadModel = Callable[[str, Settings], Model]


def _place(sentence: str, *names: str) -> Any:
    return typer.Option(*names, help=sentence, rich_help_panel="Where it goes, and on what it runs")


@loop_command
@dataclass(kw_only=True)
class Render:
    """Make a loop from words, a curve, a melody, a rhythm, and write it as WAV.

    Beside it lie a .json with the request and the scores, and a .safetensors with the noise it came from.
    """

    out: Annotated[Path | None, _place("WAV to write; else a new take in the takes folder.")] = None
    overwrite: Annotated[bool, _place("Replace a take there; else it becomes loop-2.wav.", "--overwrite")] = False
    midi: Annotated[bool, _place("MIDI of what is heard: melody, chords, drums.", "--midi")] = False
    report: Annotated[Path | None, _place("PNG page about the best take.")] = None
    play: Annotated[bool, _place("Play the best take at once, round and round, until Ctrl-C.", "--play")] = False
    json: Annotated[bool, _place("Print one JSON object.", "--json")] = False
    device: Annotated[str, _place("auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    dtype: Annotated[str, _place("auto, float32, bfloat16 or float16.")] = "auto"
    here: Annotated[bool, _place("Make it in this process, even where a service has the model loaded.", "--here")] = (
        False
    )

    def run(self) -> int:
        """Read the request, make the loop, and say where it is."""
        started = time.monotonic()
        refuse_missing_control_files()
        settings = Settings(device=self.device, dtype=self.dtype)
        rows = rows_of(getattr(self, "controls", ()))
        typed = typed_settings(self)
        reading = read_request(typed, frontend=Frontend.COMMAND_LINE, takes=settings.takes, rows=rows)
        takes = take_writer(
            self.out, reading.request, settings, inputs=named_files(typed), overwrite=self.overwrite, midi=self.midi
        )
        report = None if self.report is None else as_png(self.report)
        outcome = make(reading, takes, settings, serviced=not self.here and self._is_ordinary())
        seconds = time.monotonic() - started
        if report is not None and takes.kept:
            report = takes.beside(report)
            draw(takes, report)
        written = as_json if self.json else in_words
        sys.stdout.write(written(takes, outcome, seconds, report))
        if outcome.interrupted:
            kept = "Stopped early; the best take so far is kept."
            say(kept if takes.kept else "Stopped before there was anything to keep.")
        sys.stdout.flush()
        say(takes.remark)
        if self.play and takes.kept and not outcome.interrupted:
            return play(str(takes.kept[0].path), times=None)
        return INTERRUPTED if outcome.interrupted else 0

    def _is_ordinary(self) -> bool:
        """Whether a service may make it: without code from elsewhere, which it does not have."""
        return not getattr(self, "controls", ()) and not control_files()


command = Render


def rows_of(files: Sequence[str] | None) -> Callable[[str], TargetRow | None]:
    """Load the producer's own Python files, and return what finds any control that is installed here, by its name."""
    if files:
        from engine.controls.registry import load_file

        for file in files:
            load_file(Path(file))

    def find(kind: str) -> TargetRow | None:
        from engine.controls.registry import rows  # here, because it loads torch, and few ask for such a control

        return rows().get(kind)

    return find


def as_png(report: Path) -> Path:
    """Return the file of the report page; raise `BadInputError` where it cannot be written or is no picture's name."""
    report = report.with_suffix(report.suffix or ".png")
    if report.suffix.lower() != ".png":
        raise BadInputError(f"{report} is not a .png file; the report is a picture.", remedy="Name it report.png.")
    check_writable(report, "--report")
    return report


def make(
    reading: Reading, takes: TakeWriter, settings: Settings, load: "LoadModel | None" = None, *, serviced: bool = False
) -> Outcome:
    """Make the loop and keep its takes; `load` opens the model if not the catalogue.

    Where `serviced` allows it and a service on this computer has the model loaded, its worker makes the loop; else this
    process does.
    """
    with display(reading.request.count) as shown:
        for remark in reading.remarks:
            shown.say(remark)
        if serviced and (made := _serviced(reading, takes, settings, shown)) is not None:
            return made
        if load is None:
            check(reading.request, settings)
        shown.begin(f"Loading {reading.request.model}")
        # Torch is loaded from here on: whatever could be wrong with the request was said before.
        model = (load or _load)(reading.request.model, settings)
        from engine.pipeline import make_loop

        events = cast(Run[Event], make_loop(reading.request, model, settings))
        return follow_reading(reading, events, shown, takes.keep)


def _load(name: str, settings: Settings) -> "Model":
    """Return the model of the catalogue, with as many threads as this computer does best with."""
    from engine.models.speed.garbage_collection import without_garbage_collection

    with without_garbage_collection():
        import engine.pipeline  # noqa: F401  # with all that a loop needs
        from engine.models import catalogue
        from engine.models.speed.threads import use_threads

        use_threads(settings)
        return catalogue.load(name, settings)


def _serviced(reading: Reading, takes: TakeWriter, settings: Settings, shown: Display) -> Outcome | None:
    """Have an idle service on this computer make the loop; None if there is none, or if it stops without a take."""
    client = warm_client(reading.request, settings, shown.say)
    if client is None:
        return None
    with client:
        shown.say("The service on this computer makes the loop; with --here this command makes it itself.")
        try:
            events = client.make(reading.request)
            return follow_reading(reading, events, shown, takes.keep)
        except EngineUnavailableError:
            if takes.kept:
                raise
    shown.say("The service has stopped; this command makes the loop itself.")
    return None


def draw(takes: TakeWriter, report: Path) -> None:
    """Draw the report page of the best take."""
    from bridge.report.page import write_report

    best = takes.kept[0]
    write_report(report, best.path, takes.request, best.take.scores, best.take.record)
