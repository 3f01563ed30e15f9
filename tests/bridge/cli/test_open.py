"""`open` finds the page that runs, and where it must start one it says in a sentence why that fails."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli.commands import open_
from bridge.cli.main import run
from engine.errors import EngineUnavailableError
from engine.settings import Settings


@pytest.fixture
def listening() -> Iterator[int]:
    """Return a port on which something listens, as a page would."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def leave_word(home: Path, port: int) -> None:
    (home / "page.json").write_text(json.dumps({"port": port, "token": "secret", "pid": 1}))


def test_a_page_that_runs_is_only_shown(tmp_path: Path, listening: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The address with its token is the last word; nothing is started."""
    leave_word(tmp_path, listening)
    assert run(["open", "--print", "--home", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split()[-1] == f"http://127.0.0.1:{listening}/#token=secret"


def test_without_a_browser_the_address_is_told(
    tmp_path: Path, listening: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a computer without a screen it can be copied."""
    leave_word(tmp_path, listening)
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    assert run(["open", "--home", str(tmp_path)]) == 0
    assert f"http://127.0.0.1:{listening}/#token=secret" in capsys.readouterr().err


@pytest.mark.parametrize("word", [b"", b"no json", b'{"port": 1}', b'{"port": 1, "token": "x", "pid": 2}'])
def test_a_page_that_is_gone_is_not_running(tmp_path: Path, word: bytes) -> None:
    """Whatever it has left behind."""
    settings = Settings(home=tmp_path, takes=tmp_path)
    assert open_.running(settings) is None
    (tmp_path / "page.json").write_bytes(word)
    assert open_.running(settings) is None


def test_a_start_that_fails_is_told_in_its_last_words(tmp_path: Path) -> None:
    """What the process wrote last is in the sentence, and where to read more is the remedy."""
    settings = Settings(home=tmp_path, takes=tmp_path)
    (tmp_path / "serve.log").write_text("much\nThe port is taken.\nEnd the other one.\n")
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"]) as process:
        process.wait()
        with pytest.raises(EngineUnavailableError, match=r"does not start\. The port is taken\. End") as refused:
            open_._wait(settings, process, "Read the log.")
    assert refused.value.remedy == "Read the log."
