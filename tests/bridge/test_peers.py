"""Other people's OSC programs ask for a loop and hear where it is: liblo, Pure Data, node-osc."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed here; CI installs it")


def _wait_for(path: Path, pattern: str, seconds: float = 30.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = path.read_text(errors="replace") if path.exists() else ""
        if found := re.search(pattern, text):
            return found.group(1)
        time.sleep(0.05)
    raise AssertionError(f"{pattern!r} did not come: {text[-2_000:]}")


# One request in the words of the protocol: address, type tags, arguments. Curve and notes are in two chunks each.
def _conversation(name: str, reply_port: int) -> Iterator[tuple[str, str, list[Any]]]:
    nonce = f"{name}-n"
    yield "/ditto/hello", "issi", [2, name, nonce, reply_port]
    yield "/ditto/loop/begin", "ss", [f"{name}-r", nonce]
    yield "/ditto/loop/set", "ssss", [f"{name}-r", "prompt", "dusty boom bap Rhodes", nonce]
    yield "/ditto/loop/set", "ssis", [f"{name}-r", "bars", 2, nonce]
    yield "/ditto/loop/curve", "sssiiffffs", [f"{name}-r", "intensity", "db", 0, 2, 0.0, -30.0, 2.0, -20.0, nonce]
    yield "/ditto/loop/curve", "sssiiffs", [f"{name}-r", "intensity", "db", 1, 2, 8.0, -12.0, nonce]
    yield "/ditto/loop/notes", "ssiiiffis", [f"{name}-r", "melody", 0, 2, 72, 0.0, 0.5, 100, nonce]
    yield "/ditto/loop/notes", "ssiiiffis", [f"{name}-r", "melody", 1, 2, 76, 4.0, 0.5, 90, nonce]
    manifest = ["curve", "intensity", 2, "notes", "melody", 2]
    yield "/ditto/loop/commit", "ssissi" + "ssi", [f"{name}-r", f"{name}-n", 2, *manifest]


@pytest.fixture
def heard(tmp_path: Path) -> Path:
    """Return the file that a peer writes what it hears into."""
    return tmp_path / "heard.txt"


def _assert_take(service: Any, path: str) -> None:
    assert Path(path).exists()
    assert service.takes in Path(path).parents


@contextmanager
def _listening(heard: Path, *command: str, **environment: str) -> Iterator[None]:
    """Run a peer that writes what it hears into `heard`."""
    with heard.open("w") as out:
        peer = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | environment)
    try:
        yield
    finally:
        peer.kill()
        peer.wait()


@contextmanager
def _oscdump(heard: Path, port: int) -> Iterator[None]:
    """Run `oscdump`, which listens from here on."""
    lines = ["stdbuf", "-oL"] if shutil.which("stdbuf") else []
    with _listening(heard, *lines, "oscdump", "-L", str(port)):
        _wait_for_dump(heard, port)
        yield


def _pure_data(heard: Path, patch: Path) -> AbstractContextManager[None]:
    """Run Pure Data with a patch."""
    return _listening(heard, "pd", "-nogui", "-nosound", "-noprefs", "-stderr", "-open", str(patch))


def test_liblo(service: Any, heard: Path) -> None:
    """`oscsend` says it all, `oscdump` hears the path of the finished take."""
    _need("oscsend", "oscdump")
    port = _free_port()
    with _oscdump(heard, port):
        for path, tags, values in _conversation("liblo", port):
            subprocess.run(["oscsend", "127.0.0.1", str(service.port), path, tags, *map(str, values)], check=True)
        done = _wait_for(heard, r'/ditto/done \S+ "liblo-r" 1 0 "\w+" "([^"]+)"')
    _assert_take(service, done)


@pytest.mark.parametrize(("tags", "value"), [("N", []), ("S", ["dub"]), ("m", ["90404000"]), ("c", ["x"])])
def test_liblo_hears_of_a_type_that_is_not_used(service: Any, heard: Path, tags: str, value: list[str]) -> None:
    """`oscsend` has a port of its own for each message; the answer goes to the one that hello named."""
    _need("oscsend", "oscdump")
    port = _free_port()
    with _oscdump(heard, port):
        send = ["oscsend", "127.0.0.1", str(service.port)]
        subprocess.run([*send, "/ditto/hello", "issi", "2", "odd", "odd-n", str(port)], check=True)
        _wait_for(heard, r"(/ditto/welcome) ")
        subprocess.run([*send, "/ditto/loop/set", f"ss{tags}s", "odd-r", "prompt", *value, "odd-n"], check=True)
        said = _wait_for(heard, r'/ditto/error ssss "odd-r" "bad_message" "([^"]+)"')
    assert f"The type '{tags}' is not used here" in said


def _wait_for_dump(heard: Path, port: int) -> None:
    """Send to `oscdump` until it has printed something: then it listens."""
    deadline = time.monotonic() + 30
    while not heard.read_text():
        subprocess.run(["oscsend", "127.0.0.1", str(port), "/are/you/there"], check=True)
        assert time.monotonic() < deadline, "oscdump does not listen"


def test_pure_data(service: Any, heard: Path, tmp_path: Path) -> None:
    """Pure Data, whose numbers are all floats as Max's can be, asks and hears."""
    _need("pd")
    port = _free_port()
    patch = tmp_path / "ask.pd"
    patch.write_text(_pd_patch(list(_conversation("pd", port)), service.port, port))
    with _pure_data(heard, patch):
        done = _wait_for(heard, r"ditto done pd-r 1 0 \w+ (\S+\.wav)")
    _assert_take(service, done)


def _pd_patch(messages: list[tuple[str, str, list[Any]]], to_port: int, reply_port: int) -> str:
    """Return a patch that connects, sends the messages one after another and prints what it hears."""
    objects: list[str] = []
    cords: list[tuple[int, int, int, int]] = []

    def add(kind: str, text: str) -> int:
        objects.append(f"#X {kind} 10 {10 + 20 * len(objects)} {text};")
        return len(objects) - 1

    start, connect = add("obj", "loadbang"), add("msg", f"connect 127.0.0.1 {to_port}")
    netsend = add("obj", "netsend -u -b")
    trim = add("obj", "list trim")
    prepend = add("obj", "list prepend send")
    cords += [(start, 0, connect, 0), (connect, 0, netsend, 0), (prepend, 0, trim, 0), (trim, 0, netsend, 0)]
    for number, (path, tags, values) in enumerate(messages):
        delay = add("obj", f"delay {200 + 20 * number}")
        text = " ".join(str(value).replace(" ", "\\ ") for value in values)
        message = add("msg", text if tags[0] != "s" else f"list {text}")
        words = path.strip("/").replace("/", " ")
        build = add("obj", f"oscformat -f {''.join(tag if tag in 'sb' else 'f' for tag in tags)} {words}")
        cords += [(start, 0, delay, 0), (delay, 0, message, 0), (message, 0, build, 0), (build, 0, prepend, 0)]
    receive, parse, show = add("obj", f"netreceive -u -b {reply_port}"), add("obj", "oscparse"), add("obj", "print")
    cords += [(receive, 0, parse, 0), (parse, 0, show, 0)]
    lines = ["#N canvas 0 0 400 400 10;", *objects, *(f"#X connect {a} {b} {c} {d};" for a, b, c, d in cords)]
    return "\n".join(lines) + "\n"


def test_pure_data_hears_of_a_blob(service: Any, heard: Path, tmp_path: Path) -> None:
    """Pure Data sends a blob where a text is expected, before the nonce: it hears why that does not do."""
    _need("pd")
    port = _free_port()
    patch = tmp_path / "ask.pd"
    hello = ("/ditto/hello", "issi", [2, "pdb", "pdb-n", port])
    blob = ("/ditto/loop/set", "ssbs", ["pdb-r", "prompt", 3, 100, 117, 98, "pdb-n"])
    patch.write_text(_pd_patch([hello, blob], service.port, port))
    with _pure_data(heard, patch):
        said = _wait_for(heard, r"ditto error pdb-r bad_message (.+)")
    assert "type 'b' is not used here" in said.replace("\\", "")


NODE = """
const {{ Client, Server }} = require('node-osc');
const messages = {messages};
const server = new Server({reply}, '127.0.0.1', async () => {{
  const client = new Client('127.0.0.1', {port});
  for (const [path, values] of messages) {{
    await new Promise((sent) => client.send(path, ...values, sent));
  }}
}});
server.on('message', (message) => {{
  console.log(JSON.stringify(message));
  if (message[0] === '/ditto/done' || message[0] === '/ditto/error') process.exit(0);
}});
"""


def test_node_osc(service: Any, heard: Path, tmp_path: Path) -> None:
    """node-osc, as the device's Node scripts would use it, asks and hears."""
    _need("node")
    folders = [
        Path(folder) for folder in (os.environ.get("DITTO_NODE_MODULES", ""), str(ROOT / "node_modules")) if folder
    ]
    modules = next((folder for folder in folders if (folder / "node-osc").is_dir()), None)
    if modules is None:
        pytest.skip("node-osc is not installed here (npm install node-osc, DITTO_NODE_MODULES=...); CI installs it")
    import json

    port = _free_port()
    typed = [
        [
            path,
            [
                {"type": "float", "value": value} if tag == "f" else value
                for tag, value in zip(tags, values, strict=True)
            ],
        ]
        for path, tags, values in _conversation("node", port)
    ]
    script = tmp_path / "ask.cjs"
    script.write_text(NODE.format(messages=json.dumps(typed), reply=port, port=service.port))
    with _listening(heard, "node", str(script), NODE_PATH=str(modules)):
        done = _wait_for(heard, r'"/ditto/done","node-r",1,0,"\w+","([^"]+)"')
    _assert_take(service, done)
