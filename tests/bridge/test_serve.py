"""The commands that keep running: start, welcome, second start refused, stop in order, no orphans."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bridge.cli.main import run
from bridge.client import Client, Peer
from bridge.osc.client import OscClient, discovered_port
from bridge.session.identity import alone
from bridge.testing import TOY
from engine.errors import EngineUnavailableError
from engine.request import LoopRequest

MAIN = "from bridge.cli.main import main; main()"


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def _end(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGTERM)
    try:
        said = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    return said


@pytest.fixture
def serving(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Return `ditto-live serve` at toy size."""
    process = _start("serve", "--port", str(_free_port()), "--engine-port", str(_free_port()), "--home", str(tmp_path),
                     "--takes", str(tmp_path / "takes"), "--jobs", TOY, "--model", "toy")  # fmt: skip
    yield process
    if process.poll() is None:
        _end(process)


def _port(serving: "subprocess.Popen[str]", home: Path) -> int:
    """Wait until the bridge says that it listens; return the port that its discovery file names."""
    assert serving.stderr is not None
    while "The bridge listens" not in (line := serving.stderr.readline()):
        assert line, "the bridge did not start"
    return discovered_port(home / "bridge.json")


def _make(port: int) -> Path:
    """Have a loop made, for which engine and worker must run; return its file."""
    with OscClient(port, patience_seconds=30) as device:
        heard = list(device.make(LoopRequest(prompt="toy: steps=2", bars=1), seconds=60))
    assert heard[-1].path == "/ditto/done"
    return Path(str(heard[-1].values[4]))


def test_serve_makes_a_loop_and_leaves_nothing_running(serving: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """One command, one request, one WAV; at the end no process of it is left."""
    assert _make(_port(serving, tmp_path)).exists()
    children = psutil.Process(serving.pid).children(recursive=True)
    assert len(children) >= 2  # the engine and its worker
    _end(serving)
    assert serving.returncode == 0
    assert _all_end(children)


def _all_end(processes: list[psutil.Process]) -> bool:
    """Wait for processes; whether all have ended, or only wait for somebody to ask how."""
    left = psutil.wait_procs(processes, timeout=30)[1]
    return all(one.status() == psutil.STATUS_ZOMBIE for one in left)


def test_a_second_bridge_for_one_folder_is_refused(tmp_path: Path) -> None:
    """Two bridges would fetch each other's takes."""
    with alone(tmp_path) as owner:
        program = (
            "import pathlib\nfrom bridge.session.identity import alone\n"
            f"with alone(pathlib.Path({str(tmp_path)!r})): pass"
        )
        second = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
        )
        assert "running already" in second.stderr
    with alone(tmp_path) as again:
        assert again == owner


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_an_engine_dies_with_its_bridge(serving: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Kill -9 of the bridge leaves no engine that holds the journal: the next serve works at once."""
    _make(_port(serving, tmp_path))
    children = psutil.Process(serving.pid).children(recursive=True)
    assert len(children) >= 2
    os.kill(serving.pid, signal.SIGKILL)
    assert _all_end(children)
    serving.communicate()


def test_engine_and_bridge_with_keys(tmp_path: Path) -> None:
    """A studio with two computers: keys made, copied, allowed; a request goes through CURVE; a stranger is refused."""
    gpu, desk, stranger = (tmp_path / name for name in ("gpu", "desk", "stranger"))
    port = _free_port()
    address = f"tcp://127.0.0.1:{port}"
    assert run(["bridge", "--engine", "tcp://192.0.2.1:1", "--home", str(desk)]) == 2  # says which key to copy where
    engine = _start("engine", "--listen", "0.0.0.0", "--port", str(port), "--home", str(gpu), "--allow",
                    str(desk / "keys" / "client.key"), "--jobs", TOY, "--model", "toy")  # fmt: skip
    try:
        assert engine.stderr is not None
        while "listens" not in (line := engine.stderr.readline()):
            assert line, "the engine did not start"
        from engine.service.access import Keys, load_key

        key = load_key(gpu / "keys" / "engine.key")[0]
        with Client(Peer(address, key, Keys(desk / "keys"))) as client:
            assert len(list(client.make(LoopRequest(prompt="toy: steps=1", bars=1)))) >= 4
        unknown = Peer(address, key, Keys(stranger))
        with Client(unknown, patience_seconds=1.0) as client, pytest.raises(EngineUnavailableError):
            client.status()
    finally:
        _end(engine)


def test_the_discovery_file_says_who_it_is(serving: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Port, protocol, process and takes folder, for whoever wants to find the bridge."""
    _port(serving, tmp_path)
    found = json.loads((tmp_path / "bridge.json").read_text())
    assert found["pid"] == serving.pid
    assert Path(found["takes"]) == (tmp_path / "takes").absolute()
