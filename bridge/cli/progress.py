"""The display while a loop is made: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn
from rich.table import Column

from engine.events import Phase
from engine.events import Progress as Step

SECONDS_BETWEEN_LINES = 2.0  # plain lines go into logs; more would bury what matters


class Display(Protocol):
    """Shows steps and sentences; both may come in any order."""

    def step(self, step: Step) -> None:
        """Show one step."""
        ...

    def begin(self, phase: str) -> None:
        """Show what is done before the first step, such as `Loading pocket`."""
        ...

    def say(self, sentence: str) -> None:
        """Show one sentence."""
        ...


@contextmanager
def display(takes: int) -> Iterator[Display]:
    """Yield what shows the making of `takes` takes on stderr, and clear it away at the end."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield Lines(takes)
        return
    with Progress(*columns(), console=console, transient=True, expand=True) as progress:
        yield Bar(progress, takes)


def columns() -> tuple[ProgressColumn, ...]:
    """Return what a line of the bar has; where the terminal is narrow the losses are cut, and nothing else."""
    counted = MofNCompleteColumn(table_column=Column(no_wrap=True))
    left = TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True))
    losses = TextColumn("[dim]{task.fields[losses]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1))
    return TextColumn("{task.description}"), BarColumn(bar_width=20), counted, left, losses


class Bar:
    """A bar on a terminal."""

    def __init__(self, progress: Progress, takes: int) -> None:
        self._progress = progress
        self._takes = takes
        self._task = progress.add_task("Getting ready", total=None, left="", losses="")

    def step(self, step: Step) -> None:
        """Move the bar; it only pulses where one thing is left to do, or none is known yet."""
        decodes = step.phase == Phase.DECODE
        self._progress.update(
            self._task,
            description=_title(step, self._takes),
            total=None if decodes and self._takes == 1 else step.steps or None,
            completed=step.step,
            left=time_left(step.seconds_left) if step.seconds_left > 0 else "",
            losses="" if decodes else losses_in_words(step.losses),
        )

    def begin(self, phase: str) -> None:
        """Let the bar pulse under another name."""
        self._progress.update(self._task, description=phase, total=None)

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._progress.console.print(sentence, markup=False)


class Lines:
    """Plain lines, at most one every two seconds, one where the search ends, and one for each take that is decoded."""

    def __init__(self, takes: int) -> None:
        self._takes = takes
        self._next_line_seconds = 0.0
        self._shown = ("", 0, 0, 0)

    def step(self, step: Step) -> None:
        """Print a line if it is time for one, where the search is over, and for each take that is decoded."""
        now, shown = time.monotonic(), (step.phase, step.take, step.step, step.steps)
        decodes, ends = step.phase == Phase.DECODE, 0 < step.steps <= step.step
        if not step.steps or shown == self._shown or not (decodes or ends or now >= self._next_line_seconds):
            return
        self._shown, self._next_line_seconds = shown, now + SECONDS_BETWEEN_LINES
        title, left = _title(step, self._takes), time_left(step.seconds_left)
        if decodes:
            self.say(", ".join(part for part in (title, left) if part) + " …")
        else:
            parts = (f"step {step.step} of {step.steps}", "" if ends else left, losses_in_words(step.losses))
            self.say(f"{title}: " + ", ".join(part for part in parts if part))

    def begin(self, phase: str) -> None:
        """Print what is done before the first step."""
        self.say(f"{phase} …")

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()


_PHASES = {Phase.OPTIMISE: "Searching", Phase.GUIDE: "Guiding"}


def _title(step: Step, takes: int) -> str:
    """Return what is being done, and for which of several takes."""
    if step.phase == Phase.DECODE:
        return "Turning it into sound" if takes == 1 else f"Turning take {step.take + 1} of {takes} into sound"
    phase = next((words for phase, words in _PHASES.items() if phase == step.phase), step.phase.capitalize())
    return phase if takes == 1 else f"{phase} for take {step.take + 1} of {takes}"


def time_left(seconds: float) -> str:
    """Return `12 s left` or `2:05 left`, nothing where that is not known; what is under way takes 1 s at least."""
    if seconds < 0:
        return ""
    whole = max(1, round(seconds))
    return f"{whole} s left" if whole < 60 else f"{whole // 60}:{whole % 60:02d} left"


def losses_in_words(losses: dict[str, float]) -> str:
    """Return each control with its loss."""
    return "  ".join(f"{name} {loss:.3g}" for name, loss in losses.items())
