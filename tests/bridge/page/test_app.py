"""The page's routes, without a server: every answer is a take, a file or a sentence, and nothing else is found."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from string import hexdigits
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bridge.client import Peer
from bridge.page.app import make_app
from bridge.page.hub import Hub
from bridge.page.take_worker import TakeWorker
from bridge.page.talk import Talk
from bridge.page.uploads import Uploads
from bridge.requests.file_threads import FileThreads
from bridge.takes.delivery import write_take
from bridge.takes.library import find
from engine.events import Sound, Stems, Take
from engine.request import LoopRequest
from engine.service.access import Keys


def add_take(folder: Path, prompt: str, *, stems: bool = False) -> str:
    """Write a take, with two stems if asked, and return its id."""
    request = LoopRequest(prompt=prompt, bars=1, seed=3, sample_rate=8_000, stems=stems)
    silence = np.zeros((request.samples, 2), "<f4").tobytes()
    of = {"request_id": request.request_id, "take": 0}
    sound = Sound(samples=silence, sample_rate=8_000)
    take = Take(**of, sound=sound, scores={}, noise=b"", record={"model": "pocket"})  # type: ignore[arg-type]
    parts = Stems(**of, layers=("drums", "bass"), samples=2 * silence, sample_rate=8_000)  # type: ignore[arg-type]
    return write_take(folder, request, take, parts if stems else None).take_id


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[TestClient]:
    """Return a browser's requests to the page's routes; its takes are below `folder / "takes"`."""
    hub = Hub(Peer(keys=Keys(folder / "keys")), folder / "takes", "page")
    uploads, files, worker = Uploads(folder / "uploads"), FileThreads(2, "test"), TakeWorker()
    app = make_app(hub, uploads, Talk(hub, uploads, "token", ("pocket",), files), worker, files)
    with TestClient(app, raise_server_exceptions=True) as client:
        yield client
    files.close()
    worker.close()


def test_takes_are_listed_by_words_marks_and_pages(page: TestClient, folder: Path) -> None:
    """The list says how many there are in all; a mark and a title are in the take's own file at once."""
    first, second = (add_take(folder / "takes", prompt) for prompt in ("deep dub", "bright house"))
    assert {take["id"] for take in page.get("/takes").json()["takes"]} >= {first, second}
    assert [take["id"] for take in page.get("/takes?words=DUB").json()["takes"]] == [first]
    assert page.post(f"/takes/{first}?do=favourite").json()["favourite"] is True
    assert page.post(f"/takes/{first}?do=name&title=%20My%20%20loop").json()["title"] == "My loop"
    kept = find(folder / "takes", first)
    assert (kept.favourite, kept.title) == (True, "My loop")
    assert [take["id"] for take in page.get("/takes?favourites=1").json()["takes"]] == [first]
    everything = page.get("/takes").json()["all"]
    assert page.get(f"/takes?from={everything}").json() == {"takes": [], "all": everything}


def test_stems_come_in_one_file_or_one_by_one(page: TestClient, folder: Path) -> None:
    """The ZIP holds the same bytes as the files; a take without stems, or without this one, is a sentence."""
    whole, bare = add_take(folder / "takes", "with stems", stems=True), add_take(folder / "takes", "without")
    packed = zipfile.ZipFile(io.BytesIO(page.get(f"/takes/{whole}/stems.zip").content))
    assert len(packed.namelist()) == 2
    drums = next(name for name in packed.namelist() if name.endswith("-drums.wav"))
    assert packed.read(drums) == page.get(f"/takes/{whole}/stems/drums").content
    for wrong in (f"/takes/{whole}/stems/lead", f"/takes/{bare}/stems.zip", f"/takes/{bare}/melody"):
        answer = page.get(wrong)
        assert (answer.status_code, answer.json()["sentence"][-1]) == (404, ".")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20),
    st.sampled_from(["", "/audio", "/melody", "/midi", "/stems.zip", "/stems/bass", "/page"]),
    st.sampled_from(["GET", "POST"]),
)
def test_whatever_is_asked_for_is_answered_in_a_sentence(page: TestClient, name: str, part: str, method: str) -> None:
    """No name of a take, however strange, is an error of the server or opens another file."""
    assume(name != "latest" and not set(name) <= set(hexdigits))  # which may name one
    assume(name.strip("/"))  # slashes alone are the list of all
    answer = page.request(method, f"/takes/{quote(name, safe='')}{part}")
    assert answer.status_code in (400, 404, 405)
    if answer.headers.get("content-type") == "application/json":
        assert answer.json()["sentence"].strip()


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/nothing.js", "/etc/passwd"])
def test_nothing_but_the_pages_own_files_is_served(page: TestClient, path: str) -> None:
    """The page itself and its modules are there."""
    assert page.get(path).status_code == 404
    assert "<style>" in page.get("/").text
    assert page.get("/static/js/main.js").headers["content-type"].startswith("text/javascript")
