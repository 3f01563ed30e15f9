"""`render` beside a service on this computer: made by its warm worker, to the bit as without it."""

import json
import socket
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

from bridge.cli.commands import render
from bridge.cli.commands.render import make
from bridge.cli.main import parse
from bridge.cli.output import TakeWriter, take_writer
from bridge.cli.warm import warm_client
from bridge.client import Client
from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from bridge.testing import make_service
from engine.errors import EngineUnavailableError
from engine.service.messages import EngineState
from engine.service.workers.worker_options import WorkerOptions
from engine.settings import Settings

MODEL = "small"
SERVED = "The service on this computer makes the loop"
OPENS = """
from engine.models.testing import TinyModel

def open_model(device):
    return TinyModel(sample_rate=8_000)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Return the settings of a computer on which a service has a small model loaded."""
    yield from made_service(tmp_path_factory.mktemp("warm"))


def made_service(folder: Path, **options: Any) -> Generator[Settings, None, None]:
    service = make_service(folder)
    service.settings.models.mkdir(parents=True)
    (service.settings.models / f"{MODEL}.py").write_text(OPENS, encoding="utf-8")
    try:
        service.start_engine(worker=WorkerOptions.of(replace(service.settings, **options), model=MODEL))
        with Client(service.peer) as client:
            while client.status().state is not EngineState.READY:
                pass
        yield replace(service.settings, **options, engine_port=int(service.engine_address.rpartition(":")[2]))
    finally:
        service.close()


def asked(settings: Settings, model: str = MODEL) -> Reading:
    texts = {"seed": "7", "steps": "3", "sample_rate": "8000", "bars": "1", "model": model, "intensity": "0:-20 4:-12"}
    return read_request(texts, frontend=Frontend.COMMAND_LINE, takes=settings.takes)


def rendered(out: Path, settings: Settings, *, serviced: bool) -> TakeWriter:
    reading = asked(settings)
    takes = take_writer(out, reading.request, settings)
    make(reading, takes, settings, serviced=serviced)
    return takes


def test_a_warm_worker_makes_the_same_loop_to_the_bit(
    served: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same samples and the same noise, one line that says who made it, and nothing is loaded here."""
    warm = rendered(tmp_path / "warm.wav", served, serviced=True)
    said = capsys.readouterr().err
    assert said.count(SERVED) == 1
    assert "Loading" not in said
    own = rendered(tmp_path / "own.wav", served, serviced=False)
    said = capsys.readouterr().err
    assert SERVED not in said
    assert f"Loading {MODEL} …" in said
    assert warm.kept[0].path.read_bytes() == own.kept[0].path.read_bytes()
    assert warm.kept[0].take.sound == own.kept[0].take.sound
    one, other = (load(kept.take.noise)["noise"] for kept in (warm.kept[0], own.kept[0]))
    np.testing.assert_array_equal(one, other)


def test_a_service_with_another_model_or_without_keys_is_left_alone(served: Settings, tmp_path: Path) -> None:
    """It would have to load one, or it is another person's: the loop is made here."""
    assert warm_client(asked(served, "pocket").request, served) is None
    assert warm_client(asked(served).request, replace(served, home=tmp_path)) is None
    assert not list(tmp_path.iterdir()), "no keys are made for nothing"


@pytest.mark.parametrize(
    "left", ["no json", "[]", "{}", '{"engine": 1}', '{"engine": ""}', '{"engine": "tcp://host:1"}']
)
def test_a_service_on_another_port_is_found_by_the_word_that_its_bridge_leaves(
    left: str, served: Settings, tmp_path: Path
) -> None:
    """`serve --engine-port` needs no option of `render`; what is left of a bridge that has gone does no harm."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        unused_port = closed.getsockname()[1]
    elsewhere = replace(served, engine_port=unused_port)
    assert warm_client(asked(served).request, elsewhere) is None
    try:
        served.discovery_file.write_text(json.dumps({"engine": f"tcp://127.0.0.1:{served.engine_port}"}))
        client = warm_client(asked(served).request, elsewhere)
        assert client is not None
        client.close()
        for gone in (left, json.dumps({"engine": f"tcp://127.0.0.1:{unused_port}"})):
            served.discovery_file.write_text(gone)
            assert warm_client(asked(served).request, elsewhere) is None
            client = warm_client(asked(served).request, served)
            assert client is not None
            client.close()
    finally:
        served.discovery_file.unlink()


def test_a_service_that_goes_costs_no_loop(
    served: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it stops to answer before a take is there, the loop is made in this process, which says so."""

    def goes(*_: object) -> None:
        raise EngineUnavailableError("No engine answers.")

    monkeypatch.setattr(Client, "make", goes)
    assert rendered(tmp_path / "loop.wav", served, serviced=True).kept
    assert "The service has stopped; this command makes the loop itself." in capsys.readouterr().err


@pytest.mark.parametrize("named", [{"device": "cpu"}, {"dtype": "float32"}, {"compile": "on"}, {"loop_words": True}])
def test_a_service_on_another_device_or_in_another_precision_is_left_alone(
    named: dict[str, Any], served: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was asked for decides; the loop is made here, and one line says why."""
    said: list[str] = []
    assert warm_client(asked(served).request, replace(served, **named), said.append) is None
    (sentence,) = said
    assert "runs with --device auto --dtype auto, this loop with " in sentence
    assert all(str(value) in sentence for value in named.values() if value is not True)
    if "dtype" in named:
        rendered(tmp_path / "loop.wav", replace(served, **named), serviced=True)
        told = capsys.readouterr().err
        assert sentence in told
        assert f"Loading {MODEL}" in told


def test_who_names_the_devices_of_the_service_is_served_by_it(tmp_path: Path) -> None:
    """`serve --dtype float32` and `render --dtype float32` are the same; a plain render is not."""
    with_dtype = made_service(tmp_path, dtype="float32")
    try:
        settings = next(with_dtype)
        client = warm_client(asked(settings).request, replace(settings, dtype="float32"))
        assert client is not None
        client.close()
        assert warm_client(asked(settings).request, replace(settings, dtype="auto")) is None
    finally:
        with_dtype.close()


@pytest.mark.parametrize("words", [["--here"]])
def test_what_asks_for_this_process_gets_it(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --here no service is asked."""
    seen: list[bool] = []

    def made(*_: object, serviced: bool = False, **__: object) -> None:
        seen.append(serviced)
        raise KeyboardInterrupt

    monkeypatch.setattr(render, "make", made)
    for extra in (words, []):
        command = parse("render", ["--prompt", "dub", "--out", str(tmp_path / "loop.wav"), *extra])
        with pytest.raises(KeyboardInterrupt):
            command.run()  # type: ignore[attr-defined]
    assert seen == [False, True]
