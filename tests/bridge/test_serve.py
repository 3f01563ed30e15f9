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

from bridge.client import Client, Peer
from bridge.osc.client import OscClient, _Pending, discovered_port
from bridge.osc.codec import encode
from bridge.osc.request import EncodedRequest
from bridge.session.identity import alone
from bridge.testing import TOY
from engine.errors import EngineUnavailableError
from engine.request import LoopRequest
from engine.service.access import Keys, load_key

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


def _serve(home: Path) -> "subprocess.Popen[str]":
    """Start `ditto-live serve` at toy size."""
    return _start("serve", "--port", str(_free_port()), "--engine-port", str(_free_port()), "--home", str(home),
                  "--takes", str(home / "takes"), "--jobs", TOY, "--model", "toy")  # fmt: skip


@pytest.fixture
def serving(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Return a running `ditto-live serve`."""
    process = _serve(tmp_path)
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


def _line(process: "subprocess.Popen[str]", wanted: str) -> str:
    """Return the next line of its standard error that holds `wanted`."""
    assert process.stderr is not None
    while wanted not in (line := process.stderr.readline()):
        assert line, f"it ended before it said {wanted!r}"
    return line


def test_two_new_computers_are_set_up_by_two_commands(tmp_path: Path) -> None:
    """As docs/install.md has them, in two data folders: `engine --pair`, and what it shows; then a loop is made."""
    gpu, desk = tmp_path / "gpu", tmp_path / "desk"
    port = _free_port()
    engine = _start("engine", "--pair", "--listen", "127.0.0.1", "--port", str(port), "--home", str(gpu),
                    "--jobs", TOY, "--model", "toy")  # fmt: skip
    bridge = None
    try:
        command = _line(engine, "ditto-live bridge").split()
        assert command[:3] == ["ditto-live", "bridge", "--engine"]
        assert command[3].endswith(f":{port}")
        bridge = _start(*command[1:3], f"127.0.0.1:{port}", *command[4:], "--home", str(desk), "--port",
                        str(_free_port()), "--takes", str(tmp_path / "takes"))  # fmt: skip
        _line(bridge, "Paired with the engine")
        _line(engine, "listens on")
        with OscClient(_port(bridge, desk), patience_seconds=30) as device:
            heard = list(device.make(LoopRequest(prompt="toy: steps=2", bars=1), seconds=60))
        assert heard[-1].path == "/ditto/done"
        engine_key = load_key(gpu / "keys" / "engine.key")[0]
        stranger = Peer(f"tcp://127.0.0.1:{port}", engine_key, Keys(tmp_path / "stranger"))
        with Client(stranger, patience_seconds=1.0) as client, pytest.raises(EngineUnavailableError, match="key"):
            client.status()
    finally:
        for process in (bridge, engine):
            if process is not None:
                _end(process)


def test_a_damaged_journal_does_not_stop_the_service(tmp_path: Path) -> None:
    """It is set aside, and the first request is made all the same."""
    (tmp_path / "journal.sqlite").write_bytes(b"not a database" * 1_000)
    process = _serve(tmp_path)
    try:
        with OscClient(_port(process, tmp_path), patience_seconds=30) as device:
            assert list(device.make(LoopRequest(prompt="toy: steps=1", bars=1), seconds=60))[-1].path == "/ditto/done"
    finally:
        _end(process)
    assert (tmp_path / "journal.sqlite.set-aside-1" / "journal.sqlite").exists()


def test_an_engine_that_cannot_start_says_why_to_the_device(tmp_path: Path) -> None:
    """What the engine says on its own terminal reaches the face of the device."""
    (tmp_path / "journal.sqlite").mkdir()
    process = _serve(tmp_path)
    try:
        with OscClient(_port(process, tmp_path), patience_seconds=30) as device:
            device.meet()
            while device.state is None or "The engine does not start: The journal" not in str(device.state.values[2]):
                device.poll(0.05)
    finally:
        _end(process)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes as files")
def test_a_named_pipe_as_a_file_is_refused_and_stops_nothing(serving: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Each setting that names a file answers in a sentence; others go on, and the end is in order."""
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    with OscClient(_port(serving, tmp_path), patience_seconds=30) as device:
        device.meet()
        names = ("timbre_file", "structure_file", "outpaint_file")
        for name in names:
            device._send(encode("/ditto/loop/begin", (name, device.nonce)))
            device._send(encode("/ditto/loop/set", (name, name, str(pipe)), last=device.nonce))
            device._pending[name] = _Pending(
                EncodedRequest({}, encode("/ditto/loop/commit", (name, device.nonce, 1))), 0.0
            )
        for name in names:
            (*_, end) = device.follow(name, seconds=60)
            assert (end.path, end.values[1]) == ("/ditto/error", "bad_input")
            assert "not a file" in str(end.values[2])
        assert list(device.make(LoopRequest(prompt="toy: steps=1", bars=1), seconds=60))[-1].path == "/ditto/done"
    _end(serving)
    assert serving.returncode == 0


def test_the_discovery_file_says_who_it_is(serving: "subprocess.Popen[str]", tmp_path: Path) -> None:
    """Port, protocol, process and takes folder, for whoever wants to find the bridge."""
    _port(serving, tmp_path)
    found = json.loads((tmp_path / "bridge.json").read_text())
    assert found["pid"] == serving.pid
    assert Path(found["takes"]) == (tmp_path / "takes").absolute()
