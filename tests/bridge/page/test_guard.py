"""Whoever is not this computer's own page is refused: other sites, other names, no token, too much, too strange."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tabs import ask, own
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from bridge.page.guard import MAX_BODY_BYTES
from bridge.page.talk import MAX_TABS

SECONDS = 20
REFUSED = (400, 403, 404, 405, 413, 426)


def test_the_page_itself_needs_no_token_and_says_none(studio: Any) -> None:
    """The page's files are the same for everybody; they hold no secret, and no inline script."""
    status, page = ask(studio, "GET", "/")
    assert status == 200
    assert studio.page.token.encode() not in page
    assert b"onclick" not in page
    assert page.count(b"<script") == page.count(b'<script type="module" src="/static/')


@pytest.mark.parametrize(
    "path", ["/takes", "/takes/latest", "/takes/latest/audio", "/takes/latest/page", "/lane?set=x&lane=y"]
)
@pytest.mark.parametrize("said", ["", "Bearer ", "Bearer wrong", "Basic dTpw", "Bearer ünïcode"])
def test_without_the_token_there_is_nothing(studio: Any, path: str, said: str) -> None:
    """Takes, their sound and their pictures are this user's only."""
    headers = {"authorization": said.encode("latin-1", "replace").decode("latin-1")} if said else {}
    assert ask(studio, "GET", path, **headers)[0] == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.nip.io:{port}", "[::1]:{port}", ""],
)
@pytest.mark.parametrize("path", ["/", "/takes", "/static/page.css"])
def test_another_name_that_points_here_is_refused(studio: Any, host: str, path: str) -> None:
    """A site whose name is turned to 127.0.0.1 (DNS rebinding) sends its own name as Host."""
    named = host.format(port=studio.page.port)
    assert ask(studio, "GET", path, host=named, **own(studio))[0] == 403


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", "file://"]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/uploads?name=a.mid"), ("POST", "/takes/x?do=bin"), ("GET", "/takes")]
)
def test_another_sites_form_is_refused(studio: Any, origin: str, method: str, path: str) -> None:
    """Even with the token: a browser says where a request comes from."""
    assert ask(studio, method, path, b"x" if method == "POST" else b"", origin=origin, **own(studio))[0] == 403


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
def test_another_sites_socket_is_refused(studio: Any, origin: str | None) -> None:
    """WebSockets know no same-origin rule, so the server has one."""
    with pytest.raises(InvalidStatus):
        connect(f"ws://127.0.0.1:{studio.page.port}/talk", origin=origin)  # type: ignore[arg-type]


def socket_to(studio: Any) -> Any:
    origin = f"http://127.0.0.1:{studio.page.port}"
    return connect(f"ws://127.0.0.1:{studio.page.port}/talk", origin=origin, max_size=2**22)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "first",
    [
        json.dumps({"type": "hello", "token": "wrong"}),
        json.dumps({"type": "make", "settings": {"prompt": "x"}}),
        json.dumps({"type": "hello"}),
        "not json",
        "[" * 100_000,
        b"\x00\xff",
    ],
)
def test_a_socket_says_the_token_first(studio: Any, first: str | bytes) -> None:
    """Whatever else comes first ends the conversation, and nothing is made."""
    with socket_to(studio) as line:
        line.send(first)
        with pytest.raises(ConnectionClosed):
            line.recv(timeout=SECONDS)


def heard(line: Any, kind: str) -> dict[str, Any]:
    """Return the next message of this type; others, such as the state of the engine, may come between."""
    while True:
        message: dict[str, Any] = json.loads(line.recv(timeout=SECONDS))
        if message["type"] == kind:
            return message


@contextlib.contextmanager
def greeted(studio: Any) -> Iterator[Any]:
    with socket_to(studio) as line:
        line.send(json.dumps({"type": "hello", "token": studio.page.token}))
        heard(line, "hello")
        yield line


@pytest.mark.parametrize(
    "message",
    [
        {"type": "make", "settings": {"no_such": "1"}},
        {"type": "make", "settings": {"melody_file": "/etc/passwd"}},
        {"type": "make", "settings": {"melody": "/etc/passwd"}},
        {"type": "make", "settings": {"melody.target": "/1/2"}},
        {"type": "make", "settings": {"rhythm": "drums.wav"}},
        {"type": "make", "settings": {"outpaint_file": "/tmp/a.wav"}},
        {"type": "make", "settings": {"intensity": "/tmp/curve.json"}},
        {"type": "make", "settings": {"brightness": "Song.als#Track/Volume"}},
        {"type": "make", "settings": {"density.target": "x.wav"}},
        {"type": "make", "settings": {"from_take": "/tmp/take.wav"}},
        {"type": "make", "settings": {"controls": "/tmp/a.py"}},
        {"type": "make", "settings": {"timbre_file": "upload:../../../etc/passwd"}},
        {"type": "make", "settings": {"timbre_file": "upload:" + "0" * 32 + ".wav"}},
        {"type": "make", "settings": {"structure": "/etc/hostname"}},
        {"type": "make", "settings": {"from_take": "../../x"}},
        {"type": "make", "settings": {"model": "/tmp"}},
        {"type": "make", "settings": {"bars": "1e9"}},
        {"type": "make", "settings": {"tempo_bpm": "nan"}},
        {"type": "make", "settings": {}, "parts": [{"part": "curve", "control": "intensity", "groups": [["a"]]}]},
        {
            "type": "make",
            "settings": {},
            "parts": [{"part": "curve", "control": "intensity", "groups": [[0, 1, 2, 3]]}],
        },
        {"type": "make", "settings": {}, "parts": [{"part": "notes", "control": "melody", "groups": [[60]]}]},
        {"type": "make", "settings": {}, "parts": [{"part": "rm", "control": "melody", "groups": []}]},
        {"type": "make", "settings": {"prompt": "x" * 3000}},
        {"type": "make", "settings": {"lane": "Song.als#Track/Volume", "intensity_source": "lane"}},
        {"type": "unheard of"},
        [],
        17,
    ],
)
def test_what_a_page_would_never_send_is_one_sentence(studio: Any, message: Any) -> None:
    """No path, no unknown name and no wrong shape gets past the reader; the conversation goes on."""
    with greeted(studio) as line:
        line.send(json.dumps(message))
        said = heard(line, "refused")
        assert 10 < len(said["sentence"]) < 400
        assert "Traceback" not in said["sentence"]
        line.send(json.dumps({"type": "understand", "prompt": "house"}))
        assert heard(line, "understood")["words"] == ["house"]


@pytest.mark.parametrize(
    ("name", "remedy"), [("structure", "letters like AABA"), ("chords", "bars like"), ("intensity", "points like")]
)
def test_a_slip_in_a_field_is_not_called_a_missing_file(studio: Any, name: str, remedy: str) -> None:
    """What was typed is said, and how it is written; only a dropped file can be dropped again."""
    with greeted(studio) as line:
        line.send(json.dumps({"type": "make", "settings": {name: "A<b>B"}}))
        said = heard(line, "refused")
    assert "'A<b>B'" in said["sentence"]
    assert remedy in said["remedy"]


@pytest.mark.parametrize(
    "prompt", ["<img src=x onerror=alert(1)>", "\u202e\U0001f600", "'; DROP TABLE takes; --", "\x00\x1b]0;x\x07"]
)
def test_a_prompt_is_only_ever_text(studio: Any, prompt: str) -> None:
    """Scripts, directions and control characters come back as they were sent, as JSON, and break nothing."""
    with greeted(studio) as line:
        line.send(json.dumps({"type": "understand", "prompt": prompt}))
        assert heard(line, "understood")["prompt"] == prompt


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mid", b""),
        ("a.mid", b"MThd\x00\x00"),
        ("a.als", b"\x1f\x8b" + b"\x00" * 50),
        ("a.als", b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Ableton>&a;</Ableton>"),
        ("a.wav", b"RIFF\xff\xff\xff\xffWAVE"),
        ("a.exe", b"MZ"),
        ("../../a.sh", b"x"),
        ("", b"x"),
        ("a" * 5000 + ".mid", b"x"),
        ("<b>.mid", b"x"),
    ],
)
def test_a_broken_upload_is_one_sentence_and_is_not_kept(studio: Any, name: str, data: bytes) -> None:
    """Uploads are read by the same readers as everywhere; what cannot be used leaves nothing behind."""
    from urllib.parse import quote

    folder = studio.service.settings.home / "page-uploads"
    before = set(folder.glob("*"))
    status, answer = ask(studio, "POST", f"/uploads?name={quote(name)}", data or b" ", **own(studio))
    assert status == 400
    assert len(json.loads(answer)["sentence"]) > 10
    assert set(folder.glob("*")) == before


def test_a_huge_upload_is_refused_before_it_is_read(studio: Any) -> None:
    """By its stated length, without taking a byte of it."""
    status, _ = ask(studio, "POST", "/uploads?name=a.wav", content_length=str(MAX_BODY_BYTES + 1), **own(studio))
    assert status == 413


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2f..%2fclient.py",
        "/static/%00",
        "//etc/passwd",
        "/takes/..%2f..%2fetc%2fpasswd/audio",
        "/takes/%2e%2e/audio",
        "/takes/latest%00/audio",
        "/no-such",
    ],
)
def test_a_trick_with_paths_finds_nothing(studio: Any, path: str) -> None:
    """Names in addresses are looked up among what there is, never opened."""
    status, answer = ask(studio, "GET", path, **own(studio))
    assert status in REFUSED
    assert b"root:" not in answer
    assert b"import" not in answer


def test_the_page_tells_browsers_to_load_nothing_from_elsewhere(studio: Any) -> None:
    """Content policy, type and framing are said with every answer."""
    line = http.client.HTTPConnection("127.0.0.1", studio.page.port, timeout=SECONDS)
    line.request("GET", "/")
    answer = line.getresponse()
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    line.close()


def test_a_thousand_sockets_leave_the_page_serving(studio: Any) -> None:
    """Tabs are bounded; those beyond the bound are let go, and the page answers afterwards."""
    with contextlib.ExitStack() as cleanup:
        held = []
        for _ in range(1000):
            with contextlib.suppress(OSError):
                line = socket.create_connection(("127.0.0.1", studio.page.port), timeout=5)
                cleanup.callback(line.close)
                held.append(line)
        assert len(held) > MAX_TABS
    with greeted(studio) as line:
        line.send(json.dumps({"type": "understand", "prompt": "techno"}))
        assert heard(line, "understood")["words"] == ["techno"]


def test_more_tabs_than_there_may_be_are_turned_away(own_studio: Any) -> None:
    """The tabs that are open go on."""
    with contextlib.ExitStack() as cleanup:
        first = cleanup.enter_context(greeted(own_studio))
        for _ in range(MAX_TABS - 1):
            cleanup.enter_context(greeted(own_studio))
        with pytest.raises((InvalidStatus, ConnectionClosed)), socket_to(own_studio) as one_more:
            one_more.recv(timeout=SECONDS)
        first.send(json.dumps({"type": "understand", "prompt": "house"}))
        assert heard(first, "understood")["words"] == ["house"]


def test_the_token_lies_in_a_file_that_only_its_user_reads(studio: Any) -> None:
    """`open` reads it there; nobody else on this computer does."""
    path: Path = studio.service.settings.home / "page.json"
    assert json.loads(path.read_bytes())["token"] == studio.page.token
    assert path.stat().st_mode & 0o077 == 0


@pytest.fixture
def added_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a models folder with a known model, another one, a model of one's own and a folder that is none."""
    for name in ("musicldm", "dub techno"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model_index.json").write_text("{}")
    (tmp_path / "models" / "empty").mkdir()
    (tmp_path / "models" / "mine.py").write_text("raise SystemExit")
    monkeypatch.setenv("DITTO_MODELS", str(tmp_path / "models"))


@pytest.mark.usefixtures("added_models")
def test_the_page_offers_every_model_that_is_here(own_studio: Any) -> None:
    """Not the known ones alone: those that were added, and one's own, as `ditto-live models` lists them."""
    with socket_to(own_studio) as line:
        line.send(json.dumps({"type": "hello", "token": own_studio.page.token}))
        assert heard(line, "hello")["models"] == ["pocket", "musicldm", "dub techno", "mine"]
