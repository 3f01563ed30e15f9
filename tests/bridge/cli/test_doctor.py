"""`doctor`: every line that is not well says what to do."""

import io
import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bridge.cli import checks
from bridge.cli.checks import Finding, Level
from bridge.cli.commands.doctor import show
from bridge.cli.main import run
from engine.models import catalogue
from engine.settings import Settings


def free_port(kind: socket.SocketKind) -> socket.socket:
    """Return a socket that holds a port."""
    holder = socket.socket(socket.AF_INET, kind)
    holder.bind(("127.0.0.1", 0))
    return holder


def test_every_line_that_is_not_well_has_a_remedy(settings: Settings) -> None:
    """And every check says something."""
    findings = list(checks.all_findings(settings))
    assert {"Python", "Packages", "Engine port", "OSC port", "Takes", "Device", "Model pocket"} <= {
        finding.what for finding in findings
    }
    for finding in findings:
        assert finding.sentence
        assert finding.level == "ok" or finding.remedy, finding


def test_a_port_that_is_taken_is_noticed_and_a_free_one_too() -> None:
    """TCP for the engine, UDP for the bridge; a note, not a fault, as the next one is used."""
    with free_port(socket.SOCK_STREAM) as tcp, free_port(socket.SOCK_DGRAM) as udp:
        ports = {"engine_port": tcp.getsockname()[1], "osc_port": udp.getsockname()[1]}
        assert [finding.level for finding in checks.ports(Settings(**ports))] == ["note", "note"]
    assert [finding.level for finding in checks.ports(Settings(**ports))] == ["ok", "ok"]


def test_a_folder_that_cannot_be_written_is_to_be_fixed(tmp_path: Path) -> None:
    """A file stands where takes should go; the others are fine, and none of them was made."""
    (tmp_path / "file").touch()
    settings = Settings(takes=tmp_path / "file" / "takes", home=tmp_path / "home", models=tmp_path / "models")
    takes, journal, models = checks.folders(settings)
    assert (takes.level, journal.level, models.level) == ("fix", "ok", "ok")
    assert "DITTO_TAKES" in takes.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("option", ["device", "dtype"])
def test_an_unknown_device_or_precision_is_to_be_fixed(option: str) -> None:
    """With what may be given instead; nobody has to install anything again for it."""
    (finding,) = checks.device(Settings(**{option: "abacus"}))
    assert finding.level == "fix"
    assert "abacus" in finding.sentence
    assert f"--{option} auto" in finding.remedy


def test_the_precision_is_the_one_that_pocket_computes_in() -> None:
    """Whatever others would get on the same processor."""
    for asked in ("auto", "float32"):
        settings = Settings(device="cpu", dtype=asked)
        (finding,) = checks.device(settings)
        own = str(catalogue.load("pocket", settings).dtype).removeprefix("torch.")
        assert finding.sentence.startswith(f"cpu in {own}")


def test_device_and_precision_are_named(settings: Settings) -> None:
    """Which device will compute, in which precision, with how much memory."""
    (finding,) = checks.device(Settings(device="cpu", dtype="float32"))
    assert finding.level == "ok"
    assert "cpu in float32" in finding.sentence
    assert "GiB" in finding.sentence


def test_other_models_are_named_with_where_to_learn_more(settings: Settings) -> None:
    """None of them is here in an empty folder; pocket's licence is said where it is well."""
    found = {finding.what: finding for finding in checks.models(settings)}
    assert "stable-audio-open" in found["Other models"].sentence
    assert "ditto-live models" in found["Other models"].remedy


def test_the_page_shows_what_to_fix() -> None:
    """A line each, the remedy below, the count at the end."""
    console = Console(file=io.StringIO(), width=100)
    show([Finding(Level.OK, "Python", "3.11"), Finding(Level.FIX, "Takes", "no room [here]", "Make room.")], console)
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "no room [here]" in said
    assert "Make room." in said
    assert "1 thing to fix" in said


def test_the_json_says_whether_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    """And the exit code says the same."""
    code = run(["doctor", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said["well"] == (code == 0)
    assert code == (1 if any(finding["level"] == "fix" for finding in said["findings"]) else 0)


def test_threads_are_those_of_the_setting_or_of_the_measurement(settings: Settings) -> None:
    """A set number is named as such; else it is measured now, kept, and said with the times of all that were tried."""
    (told,) = checks.threads(replace(settings, threads=3))
    assert told.sentence.startswith("3, as DITTO_THREADS")
    (found,) = checks.threads(replace(settings, threads=0))
    assert "ms a step" in found.sentence
    assert (settings.home / "threads.json").is_file()


@pytest.mark.parametrize("is_there", [True, False])
def test_control_files_that_are_named_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_there: bool
) -> None:
    """Without one no loop is made: doctor says so, and render before its work, not after it."""
    file = tmp_path / "mine.py"
    monkeypatch.setenv("DITTO_CONTROLS", str(file))
    if is_there:
        file.write_text("")
    (found,) = checks.control_files_named()
    assert found.level == ("ok" if is_there else "fix")
    assert str(file) in found.sentence
    if not is_there:
        assert run(["render", "--bars", "1", "--out", str(tmp_path / "a.wav")]) == 2
        said = capsys.readouterr().err
        assert f"{file}, which DITTO_CONTROLS names, is no file." in said
        assert "Loading" not in said
