"""What is shown while a loop is made: a bar with the time left on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

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
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"), TextColumn("[dim]{task.fields[losses]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        yield Bar(progress, takes)


class Bar:
    """A bar on a terminal."""

    def __init__(self, progress: Progress, takes: int) -> None:
        self._progress = progress
        self._takes = takes
        self._task = progress.add_task("Getting ready", total=None, left="", losses="")

    def step(self, step: Step) -> None:
        """Move the bar; where the search is over it only pulses."""
        over = _is_over(step)
        self._progress.update(
            self._task,
            description=_finishing(self._takes) if over else _title(step, self._takes),
            total=None if over or not step.steps else step.steps,
            completed=step.step,
            left=time_left(step.seconds_left) if step.seconds_left > 0 else "",
            losses=losses_in_words(step.losses),
        )

    def begin(self, phase: str) -> None:
        """Let the bar pulse under another name."""
        self._progress.update(self._task, description=phase, total=None)

    def say(self, sentence: str) -> None:
        """Print a sentence above the bar."""
        self._progress.console.print(sentence, markup=False)


class Lines:
    """Plain lines, at most one every two seconds and one at each end."""

    def __init__(self, takes: int) -> None:
        self._takes = takes
        self._next_line_seconds = 0.0
        self._shown = (0, 0)
        self._is_over = False

    def step(self, step: Step) -> None:
        """Print a line if it is time for one, and one more where the search is over."""
        now, over = time.monotonic(), _is_over(step)
        if (step.step, step.steps) != self._shown and (now >= self._next_line_seconds or over):
            self._shown = (step.step, step.steps)
            self._next_line_seconds = now + SECONDS_BETWEEN_LINES
            left = "" if over else time_left(step.seconds_left)
            parts = (f"step {step.step} of {step.steps}", left, losses_in_words(step.losses))
            self.say(f"{_title(step, self._takes)}: " + ", ".join(part for part in parts if part))
        if over and not self._is_over:
            self.say(f"{_finishing(self._takes)} …")
        self._is_over = over

    def begin(self, phase: str) -> None:
        """Print what is done before the first step."""
        self.say(f"{phase} …")

    def say(self, sentence: str) -> None:
        """Print a sentence."""
        sys.stderr.write(sentence + "\n")
        sys.stderr.flush()


_PHASES = {"optimise": "Searching", "guide": "Guiding"}


def _title(step: Step, takes: int) -> str:
    """Return what is being done; takes of one request are searched for together."""
    phase = _PHASES.get(step.phase, step.phase.capitalize())
    return phase if takes == 1 else f"{phase} for {takes} takes at once"


def _is_over(step: Step) -> bool:
    """Whether this was the search's last step; before the first one there are none."""
    return 0 < step.steps <= step.step


def _finishing(takes: int) -> str:
    return "Turning it into sound" if takes == 1 else f"Turning {takes} takes into sound"


def time_left(seconds: float) -> str:
    """Return `12 s left` or `2:05 left`."""
    whole = max(0, round(seconds))
    return f"{whole} s left" if whole < 60 else f"{whole // 60}:{whole % 60:02d} left"


def losses_in_words(losses: dict[str, float]) -> str:
    """Return each control with its loss."""
    return "  ".join(f"{name} {loss:.3g}" for name, loss in losses.items())
