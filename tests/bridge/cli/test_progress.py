"""What is shown while a loop is made."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import TextColumn

from bridge.cli.progress import Bar, Lines, columns, display, losses_in_words, time_left
from engine.events import Phase, Progress


def step(number: int, steps: int = 10, take: int = 0) -> Progress:
    """Return a step."""
    return Progress(
        request_id="r", take=take, step=number, steps=steps, seconds_left=65.4, losses={"melody": 0.1234, "rhythm": 2}
    )


def decoding(done: int, takes: int, left: float) -> Progress:
    """Return what is told while takes are turned into sound."""
    return Progress(request_id="r", take=done, step=done, steps=takes, seconds_left=left, losses={}, phase=Phase.DECODE)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1, ""), (0.4, "1 s left"), (59.4, "59 s left"), (60, "1:00 left"), (65.4, "1:05 left")],
)
def test_time_left_is_read_at_a_glance(seconds: float, words: str) -> None:
    """Seconds up to a minute, then minutes and seconds; nothing where nobody knows."""
    assert time_left(seconds) == words


def test_each_control_says_how_far_off_it_is() -> None:
    """Three figures are enough."""
    assert losses_in_words({"melody": 0.12345, "intensity": 12.0}) == "melody 0.123  intensity 12"


def test_without_a_terminal_there_are_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """A log gets the first and the last step, no control codes, and nothing on stdout."""
    with display(takes=1) as shown:
        for number in range(1, 11):
            shown.step(step(number))
        shown.step(decoding(0, 1, -1.0))
        shown.say("A remark.")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err
    lines = captured.err.splitlines()
    assert "step 1 of 10, 1:05 left, melody 0.123" in lines[0]
    assert "step 10 of 10" in lines[-3]
    assert lines[-2:] == ["Turning it into sound …", "A remark."]
    assert len(lines) <= 5, "not a line a step"


def test_several_takes_are_made_in_turn_and_each_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Newcomer B11: no step stands twice, though all takes end at the same one, and each take has its own lines."""
    lines = Lines(takes=4)
    for done, left in enumerate((-1.0, 9.4, 6.0, 3.1)):
        for last in (step(1), step(10), step(10), replace(step(10), seconds_left=2.0)):
            lines.step(replace(last, take=done))
        lines.step(decoding(done, 4, left))
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith("Searching for take 1 of 4: step 1 of 10")
    assert [line.split(":")[0] for line in said if "step 10 of 10" in line] == [
        f"Searching for take {number} of 4" for number in range(1, 5)
    ]
    assert [line for line in said if line.startswith("Turning")] == [
        "Turning take 1 of 4 into sound …",
        "Turning take 2 of 4 into sound, 9 s left …",
        "Turning take 3 of 4 into sound, 6 s left …",
        "Turning take 4 of 4 into sound, 3 s left …",
    ]


def test_a_search_that_ends_early_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Within its tolerances at step 3 that step is the last: it has a line, and what follows it."""
    lines = Lines(takes=1)
    for one in (step(1), step(2), replace(step(3), steps=3), decoding(0, 1, -1.0)):
        lines.step(one)
    said = capsys.readouterr().err.splitlines()
    assert said[1].startswith("Searching: step 3 of 3, melody")
    assert said[2:] == ["Turning it into sound …"]


def test_what_comes_before_the_first_step_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A model that is loaded is named, and what an engine says of a step that is none makes no line."""
    with display(takes=1) as shown:
        shown.begin("Loading pocket")
        shown.step(replace(step(0), steps=0, seconds_left=-1.0, phase=Phase.STARTING))
    assert capsys.readouterr().err.splitlines() == ["Loading pocket …"]


def test_on_a_terminal_the_bar_moves_and_sentences_stand_above_it() -> None:
    """The bar knows step, steps, time left and losses."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100, highlight=False)
    with RichProgress(TextColumn("{task.description}"), console=console) as progress:
        bar = Bar(progress, takes=1)
        bar.begin("Loading pocket")
        assert (progress.tasks[0].description, progress.tasks[0].total) == ("Loading pocket", None)
        bar.step(step(4))
        bar.say("No [brackets] are eaten.")
        task = progress.tasks[0]
        assert (task.completed, task.total, task.fields["left"]) == (4, 10, "1:05 left")
        assert "melody 0.123" in task.fields["losses"]
    assert "No [brackets] are eaten." in console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_cuts_the_losses_alone(width: int) -> None:
    """How far a search is and how long it takes stay readable, however many controls it has."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=width, legacy_windows=False)
    with RichProgress(*columns(), console=console, expand=True, auto_refresh=False) as progress:
        Bar(progress, 2).step(replace(step(35, 96), losses=dict.fromkeys(("intensity", "melody", "brightness"), 0.123)))
        progress.refresh()
    assert "35/96" in shown.getvalue()
    assert "1:05 left" in shown.getvalue()
