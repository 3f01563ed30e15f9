"""Following a loop in the making: takes are kept as they come, and Ctrl-C keeps the best one so far."""

import signal
from collections.abc import Callable, Generator
from functools import partial

import pytest

from bridge.cli.follow import Outcome, RemoteError, follow
from engine.events import Accepted, Cancelled, Done, Event, Failed, Preview, Progress, Run, Sound, Stems, Take

SOUND = Sound(samples=bytes(80), sample_rate=44_100)


class Notebook:
    """A display that remembers, and may press Ctrl-C at a step, or send another signal."""

    def __init__(self, stop_at: int | None = None, number: signal.Signals = signal.SIGINT) -> None:
        self._number = number
        self.steps: list[int] = []
        self.said: list[str] = []
        self._stop_at = stop_at

    def step(self, step: Progress) -> None:
        """Remember the step."""
        self.steps.append(step.step)
        if step.step == self._stop_at:
            signal.raise_signal(self._number)

    def say(self, sentence: str) -> None:
        """Remember the sentence."""
        self.said.append(sentence)


def progress(step: int) -> Progress:
    """Return a step out of five."""
    return Progress(request_id="r", take=0, step=step, steps=5, seconds_left=1, losses={})


def take(number: int) -> Take:
    """Return an empty take."""
    return Take(request_id="r", take=number, sound=SOUND, scores={}, noise=b"", record={})


def loop(steps: int = 5) -> Run[Event]:
    """Behave like the pipeline: five steps, two takes, and the best so far when stopped."""
    return Run(partial(_loop, steps))


def _loop(steps: int, stopped: Callable[[], bool]) -> Generator[Event, None, None]:
    yield Accepted(request_id="r", notes=("Half time.",))
    for reached in range(steps):
        yield progress(reached + 1)
        if stopped():
            if reached:
                yield take(10 * reached)
            yield Cancelled(request_id="r", takes=int(reached > 0))
            return
    yield Preview(request_id="r", take=0, step=5, sound=SOUND)
    yield take(1)
    yield take(2)
    yield Done(request_id="r", takes=2)


def follow_reading(events: Run[Event], notebook: Notebook) -> tuple[Outcome, list[int]]:
    """Follow `events` and return the outcome and the takes that were kept."""
    kept: list[int] = []
    outcome = follow(events, notebook, lambda found, _stems: kept.append(found.take))
    return outcome, kept


def test_takes_are_kept_in_the_order_in_which_they_come() -> None:
    """The engine ranks them, the command line does not."""
    notebook = Notebook()
    outcome, kept = follow_reading(loop(), notebook)
    assert (kept, outcome.takes, outcome.interrupted) == ([1, 2], 2, False)
    assert notebook.steps == [1, 2, 3, 4, 5]
    assert notebook.said == ["Half time."]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_lets_the_step_finish_and_keeps_the_best_so_far(number: signal.Signals) -> None:
    """The pipeline hears of it, or of SIGTERM, between two steps, never in the middle of one."""
    notebook = Notebook(3, number)
    outcome, kept = follow_reading(loop(), notebook)
    assert (kept, outcome.interrupted) == ([20], True)
    assert notebook.steps == [1, 2, 3]
    assert "Ctrl-C again" in notebook.said[-1]


def test_ctrl_c_before_there_is_anything_keeps_nothing_and_ends() -> None:
    """At the first step there is no best yet; that is no fault."""
    outcome, kept = follow_reading(loop(), Notebook(stop_at=1))
    assert (kept, outcome.interrupted) == ([], True)


def test_ctrl_c_while_takes_are_written_loses_none() -> None:
    """Once the search is over, all of its takes are kept."""
    kept: list[int] = []

    def keep(found: Take, _stems: Stems | None) -> None:
        kept.append(found.take)
        signal.raise_signal(signal.SIGINT) if found.take == 1 else None

    outcome = follow(loop(), Notebook(), keep)
    assert (kept, outcome.interrupted) == ([1, 2], True)


def test_a_second_ctrl_c_stops_at_once() -> None:
    """Whoever presses twice means it; and the usual handler is back afterwards."""
    found = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores Ctrl-C

    def stuck(_stopped: Callable[[], bool]) -> Generator[Event, None, None]:
        yield progress(1)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        yield progress(2)

    try:
        with pytest.raises(KeyboardInterrupt):
            follow_reading(Run(stuck), Notebook())
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, found)


def test_a_failed_request_raises_what_the_engine_said() -> None:
    """Code, sentence and remedy stay its own."""

    def failing(_stopped: Callable[[], bool]) -> Generator[Event, None, None]:
        yield Failed(request_id="r", code="out_of_memory", sentence="It is full.", remedy="Fewer bars.")

    with pytest.raises(RemoteError) as error:
        follow_reading(Run(failing), Notebook())
    assert (error.value.code, error.value.sentence, error.value.remedy) == (
        "out_of_memory",
        "It is full.",
        "Fewer bars.",
    )


def test_the_pipeline_is_closed_when_a_take_cannot_be_kept() -> None:
    """A full disk ends the work instead of leaving it running."""
    closed: list[bool] = []

    def watched(_stopped: Callable[[], bool]) -> Generator[Event, None, None]:
        try:
            yield take(1)
            yield take(2)
        finally:
            closed.append(True)

    def full(_take: Take, _stems: Stems | None) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        follow(Run(watched), Notebook(), full)
    assert closed == [True]
