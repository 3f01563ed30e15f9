"""What new users tried at a terminal, and what they should have met.

| what they did | where it is tested |
| --- | --- |
| a number for a control of one's own | here, `test_controls_page.py` through the shell |
| `--from-take` of a take with a melody, with other words, of another length | `requests/test_parent.py` |
| tempo, key, metre and bars in the prompt | `requests/test_reader.py`, `test_every_way.py`, `test_words_kinds.py` |
| prompts in six languages, refusals, "only", what is not known | `test_words_prompts.py`, `test_words_kinds.py` |
| "lofi chill beat", `--chords`, drums alone | `test_what_plays.py` |
| no seed, by any way | `requests/test_reader.py`, `requests/test_every_way.py` |
| a curve and a melody in Python, wrong ones | `test_service_page.py` |
| a target that was missed | here, `test_verdict.py`, `test_report.py` |
| `--json` and sidecar keep what was said, the key stands in both | here |
| four takes: at once, time left, what follows the search; no step twice | `test_progress.py`, here |
| `takes show`, `takes favourite`, a take by its file | `takes/test_takes.py` |
| a wrong setting over OSC | `test_server.py` |
| `--report` with another ending than .png | here |
| `install-device FOLDER` | here |
| a client's key that is not there | here |
| one step, not "1 steps" | here |
| log lines among the sentences of `serve` | here |
| README's loop leaves nothing that git would take | here |
| every command of README and docs | `test_readme.py` |
"""

import json
import re
import subprocess
from collections.abc import Iterator
from importlib import metadata
from io import StringIO
from pathlib import Path

import pytest
import structlog

from bridge.cli.checks import EXTRAS
from bridge.cli.commands import render
from bridge.cli.commands.render import make, rows_of
from bridge.cli.follow import Outcome, follow
from bridge.cli.main import parse, run
from bridge.cli.options import typed_settings
from bridge.cli.output import TakeWriter, take_writer
from bridge.cli.summary import as_json, in_words
from bridge.osc.codec import decode
from bridge.osc.outgoing import take as osc_take
from bridge.page.cards import card
from bridge.requests.fields import Frontend
from bridge.requests.reader import read_request
from bridge.takes.delivery import delivered
from bridge.takes.library import find
from engine.events import Done, Event, Run, Sound, Take
from engine.models.testing import TinyModel
from engine.request import LoopRequest
from engine.service.logs import log_to_stderr
from engine.settings import Settings

ROOT = Path(__file__).parents[3]
OWN_CONTROL = """
from engine.controls import Term, control
from engine.request import Words

@control("share-of-test", Words, help="Share of power below 200 Hz.", unit="share", tolerance=0.01)
def share(target, scene, context):
    wanted = float(target.text)
    def loss(spectrum, latent):
        low = (spectrum.frequencies_hz < 200).to(spectrum.power)
        found = (spectrum.power * low[None, :, None]).sum((1, 2)) / spectrum.power.sum((1, 2))
        return (found - wanted).square()
    return Term(loss=loss, distance=loss)
"""


def rendered(settings: Settings, out: Path, *words: str) -> tuple[TakeWriter, dict[str, object], str]:
    """Return what `ditto-live render` keeps, its JSON and its lines, with the toy model."""
    command = parse("render", [*words, "--sample-rate", "8000"])
    rows = rows_of(getattr(command, "controls", ()))
    asked = read_request(typed_settings(command), frontend=Frontend.COMMAND_LINE, takes=settings.takes, rows=rows)  # type: ignore[arg-type]
    takes = take_writer(out, asked.request, settings)
    outcome = make(asked, takes, settings, load=lambda *_: TinyModel(sample_rate=8_000))
    return takes, json.loads(as_json(takes, outcome, 1.0, None)), in_words(takes, outcome, 1.0, None)


def test_a_number_steers_a_control_of_ones_own(tmp_path: Path, settings: Settings) -> None:
    """The control says that it takes words, so 0.1 is no curve; its own file is all that it needs."""
    (tmp_path / "bass.py").write_text(OWN_CONTROL, encoding="utf-8")
    words = ("--controls", str(tmp_path / "bass.py"), "--control", "share-of-test=0.1", "--steps", "2")
    takes, _, _ = rendered(settings, tmp_path / "loop.wav", "--prompt", "dub", *words)
    assert list(takes.kept[0].take.record["loss_curves"]) == ["share-of-test"]  # type: ignore[call-overload]


def test_what_was_said_is_kept(
    tmp_path: Path, settings: Settings, melody: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seed, the key, the prompt's tempo: on stderr, in the JSON object and in the take's own file."""
    words = ("--prompt", "house at 133 bpm", "--melody", melody, "--method", "none")
    takes, said, _ = rendered(settings, tmp_path / "loop.wav", *words)
    errors = capsys.readouterr().err
    sidecar = json.loads((tmp_path / "loop.json").read_text(encoding="utf-8"))
    for part in ("133 BPM", "the notes suggest A minor", f"Seed {takes.request.seed} was chosen"):
        assert part in errors
        assert any(part in note for note in said["notes"])  # type: ignore[attr-defined]
        assert any(part in note for note in sidecar["notes"])
    assert said["key"] == sidecar["request"]["key"] == "A minor"


def test_a_missed_target_is_said_wherever_a_take_is(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Newcomer B3: one verdict, word for word, on stderr, in the JSON object and the sidecar, over OSC, on the page."""
    words = ("--prompt", "house", "--bars", "1", "--intensity", "0:-3 4:-3", "--steps", "1")
    takes, said, _ = rendered(settings, tmp_path / "loop.wav", *words)
    (verdict,) = said["takes"][0]["verdicts"]  # type: ignore[index]
    sentence = verdict["sentence"]
    assert verdict["grade"] == "miss"
    assert re.fullmatch(r"intensity: missed by \d+\.\d dB throughout\.", sentence)
    assert sentence in capsys.readouterr().err.splitlines()
    sidecar = json.loads((tmp_path / "loop.json").read_text(encoding="utf-8"))
    assert sentence in sidecar["notes"]
    assert sidecar["verdicts"] == [verdict]
    kept = takes.kept[0]
    told = osc_take("r", delivered(kept.path, takes.request, kept.take, "id"))
    assert sentence in str(decode(told, "bridge")[0].values[9])
    assert card(find(tmp_path, str(kept.path)))["verdicts"] == [verdict]


def test_a_loop_is_played_at_once(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newcomer's wish: one option more and the best take is heard, without typing its name."""
    played: list[str] = []
    monkeypatch.setattr(render, "_load", lambda *_: TinyModel(sample_rate=8_000))

    def play(path: str, times: int | None) -> int:
        played.append(path)
        return 0

    monkeypatch.setattr(render, "play", play)
    line = ["render", "--prompt", "dub", "--bars", "1", "--method", "none", "--sample-rate", "8000", "--here"]
    assert run([*line, "--count", "2", "--out", str(tmp_path / "loop.wav"), "--play"]) == 0
    assert played == [str(tmp_path / "loop-1.wav")]


SOUND = Sound(samples=bytes(8), sample_rate=44_100)


def test_the_key_that_a_seed_chose_is_in_the_json(tmp_path: Path, settings: Settings) -> None:
    """Newcomer B10: nobody has to read sentences for it; the list of takes has it from the sidecar."""
    takes = take_writer(tmp_path / "loop.wav", LoopRequest(prompt="house", bars=1), settings)
    takes.keep(Take(request_id="r", take=0, sound=SOUND, scores={}, noise=b"", record={"key": "G dorian"}), None)
    assert json.loads(as_json(takes, Outcome(takes=1), 1.0, None))["key"] == "G dorian"
    assert find(tmp_path, str(tmp_path / "loop.wav")).key == "G dorian"


@pytest.mark.parametrize(
    ("line", "sentence", "remedy"),
    [
        (["rendr"], "There is no command 'rendr'.", "Did you mean render?"),
        (["render", "house"], "‘house’ is not expected here.", '--prompt "dusty boom bap"'),
        (["send", "deep", "house"], "‘deep house’ is not expected here.", "go behind --prompt"),
        (["doctor", "house"], "‘house’ is not expected here.", "Add --help"),
        (["render", "--promt", "x"], "No such option: --promt", "Add --help"),
        (["takes", "shwo"], "No such command", "Add --help"),
    ],
)
def test_a_slip_of_the_hand_is_answered_with_what_was_meant(
    line: list[str], sentence: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Newcomer C's kind: commands, options and words without an option; none of them is a parser's jargon."""
    assert run(line) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert remedy in said
    assert "argument(s)" not in said


def test_verdicts_of_several_takes_name_their_take() -> None:
    """Newcomer B11's kind: two verdicts in a row are of two takes, and it is said of which."""
    said: list[str] = []

    class Shown:
        def say(self, sentence: str) -> None:
            said.append(sentence)

    def events(_stopped: object) -> Iterator[Event]:
        for number in (1, 0):
            notes = (f"intensity: missed by {number} dB.",)
            yield Take(request_id="r", take=number, sound=SOUND, scores={}, noise=b"", record={}, notes=notes)
        yield Done(request_id="r", takes=2)

    for several, first in ((True, "Take 1, intensity: missed by 1 dB."), (False, "intensity: missed by 1 dB.")):
        said.clear()
        follow(Run(events), Shown(), lambda *_: None, several=several)  # type: ignore[arg-type]
        assert said[0] == first
        assert len(said) == 2


class Screen(StringIO):
    """Standard error where a person looks at it."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """Give back how log lines were written before."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("stream", [Screen(), StringIO()])
def test_a_terminal_is_told_what_is_amiss_in_words(
    stream: StringIO, plain_logs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newcomer C: no key=value among the sentences of `serve`; a file or a journal keeps every line with its fields."""
    monkeypatch.setattr("sys.stderr", stream)
    log_to_stderr()
    log = structlog.get_logger("test")
    log.info("bridge.ready", port=47111)
    log.warning("journal.set_aside", path="/tmp/j")
    said = stream.getvalue().splitlines()
    if stream.isatty():
        assert [line.partition(" ")[2] for line in said] == ["Warning: journal set aside (path /tmp/j)"]
    else:
        assert "event='bridge.ready' port=47111" in said[0]
        assert "event='journal.set_aside' path='/tmp/j'" in said[1]


def test_every_extra_says_what_it_is_for() -> None:
    """No line of doctor ends in nothing: each extra of the package has a purpose."""
    extras = metadata.metadata("ditto-live").get_all("Provides-Extra") or []
    assert {"mcp", "models"} <= set(extras)
    assert [extra for extra in extras if not EXTRAS.get(extra)] == []


def test_a_report_is_a_png(tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """Another ending is refused before any work, as --out refuses what is no WAV."""
    assert run(["render", "--prompt", "house", "--out", str(tmp_path / "a"), "--report", str(tmp_path / "z.pdf")]) == 2
    assert "z.pdf is not a .png file" in capsys.readouterr().err
    assert list(tmp_path.glob("*.*")) == []


def test_one_step_is_one_step(
    tmp_path: Path, settings: Settings, curve: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Newcomer C: a number and its noun agree, and the steps that are counted at the end are those that were shown."""
    for steps in (1, 3):
        takes, said, _ = rendered(settings, tmp_path / f"{steps}.wav", "--intensity", curve, "--steps", str(steps))
        errors = capsys.readouterr().err
        assert takes.kept
        assert said["steps"] == steps
        assert f"step {steps} of {steps}" in errors
        assert f"with {steps} step{'' if steps == 1 else 's'}." in errors


def test_a_loop_that_is_made_again_is_not_searched_for(
    tmp_path: Path, settings: Settings, curve: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is changed there is no step to show, and none is counted."""
    rendered(settings, tmp_path / "a.wav", "--intensity", curve, "--steps", "2")
    capsys.readouterr()
    _, said, _ = rendered(settings, tmp_path / "b.wav", "--from-take", str(tmp_path / "a.wav"))
    assert said["steps"] == 0
    assert "Searching" not in capsys.readouterr().err


def test_the_device_is_said_to_be_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the User Library by its place in the browser; in a folder of one's own by that folder."""
    assert run(["install-device", str(tmp_path)]) == 0
    assert f"choose {tmp_path / 'Ditto Live'}" in capsys.readouterr().out
    (tmp_path / "User Library").mkdir()
    assert run(["install-device", str(tmp_path / "User Library")]) == 0
    assert "User Library, Presets, Audio Effects" in capsys.readouterr().out


def test_a_key_that_is_not_there_is_said_to_be_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not to be no key."""
    missing = str(tmp_path / "client.key")
    assert run(["engine", "--listen", "0.0.0.0", "--allow", missing, "--home", str(tmp_path / "home")]) == 2
    assert "client.key is not there." in capsys.readouterr().err


def test_the_readmes_loop_is_ignored_by_git() -> None:
    """Who tries it in a clone has a clean tree afterwards."""
    if not (ROOT / ".git").exists():
        return
    made = [f"loop{ending}" for ending in (".wav", ".json", ".png", ".safetensors", "-1.wav")]
    done = subprocess.run(
        ["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.stdout.split() == made
