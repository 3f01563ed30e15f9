"""Takes are safe: what any set, clip, rack or preset names is in use, and what nobody can read discards nothing."""

import gzip
import os
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli.main import run
from bridge.takes import library as takes
from bridge.takes.delivery import write_take
from bridge.takes.usage import Named, names_below
from engine.errors import BadInputError
from engine.events import Take
from engine.request import LoopRequest
from engine.service.workers.toy import ToyJobs

PROMPTS = ("Café crème", "deep house", "lo-fi rain", "dub techno")


def made(folder: Path, prompt: str) -> takes.StoredTake:
    """Return a toy take in the folder."""
    request = LoopRequest(prompt=prompt, bars=1)
    (take,) = (e for e in ToyJobs(None).run(request, None, lambda: False, lambda *_: None) if isinstance(e, Take))  # type: ignore[arg-type]
    return takes.find(folder, write_take(folder, request, take).take_id)


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[takes.StoredTake]]:
    """Return a folder of four takes, and the takes by prompt."""
    folder = tmp_path_factory.mktemp("takes")
    return folder, [made(folder, prompt) for prompt in PROMPTS]


def unused(folder: Path, sets: Path) -> set[str]:
    """Return the prompts of the takes that are called unused."""
    return {take.prompt for take in takes.unused(takes.stored_takes(folder), sets)}


def xml(name: str) -> bytes:
    """Return the XML that refers to a file."""
    return f'<?xml version="1.0"?>\n<Ableton><FileRef><Path Value="/music/{name}" /></FileRef></Ableton>'.encode()


def test_a_take_that_anything_of_live_names_is_in_use(
    four: tuple[Path, list[takes.StoredTake]], tmp_path: Path
) -> None:
    """Trial 1: a decomposed name, a clip, a rack and a name in capitals: all four takes are in use."""
    folder, (cafe, house, lofi, dub) = four
    (tmp_path / "one.als").write_bytes(gzip.compress(xml(unicodedata.normalize("NFD", cafe.wav.name))))
    (tmp_path / "two.alc").write_bytes(gzip.compress(xml(house.wav.name)))
    (tmp_path / "three.adg").write_bytes(xml(lofi.wav.name))
    (tmp_path / "four.als").write_bytes(gzip.compress(xml(dub.wav.stem + ".WAV")))
    assert unused(folder, tmp_path) == set()


def _references(name: str) -> str:
    return "".join(f"&#{ord(sign)};" for sign in name)


def _utf16_digits(name: str) -> str:
    digits = f"C:\\takes\\{name}".encode("utf-16-le").hex().upper()
    return "\n\t\t".join(digits[at : at + 80] for at in range(0, len(digits), 80))


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("a.als", lambda take: xml(take.wav.name.upper())),
        ("a.ALS", lambda take: xml(take.wav.name)),
        ("a.Als", lambda take: gzip.compress(xml(take.wav.name))),
        ("Rack.ADG", lambda take: gzip.compress(xml(take.wav.name))),
        ("Preset.adv", lambda take: gzip.compress(xml(take.wav.name))),
        ("Skin.ask", lambda take: xml(take.wav.name)),
        ("Song Project/Backup/Song [2026-01-02 030405].als", lambda take: gzip.compress(xml(take.wav.name))),
        ("a/b/c/d/deep.alc", lambda take: gzip.compress(xml(take.wav.name))),
        ("stem.als", lambda take: xml(take.wav.stem + "-drums.wav")),
        ("stem.adg", lambda take: xml(f"Kit/{take.take_id.upper()} bass.aif")),
        ("live's own copy.als", lambda take: xml(take.wav.stem + " [2026-01-02 030405]-1.wav")),
        ("reversed.als", lambda take: xml(take.wav.stem + " R.wav")),
        ("references.als", lambda take: xml(_references(take.wav.name))),
        ("utf16.als", lambda take: xml(take.wav.name).decode().encode("utf-16")),
        ("marked.als", lambda take: b"\xef\xbb\xbf" + xml(take.wav.name)),
        ("plug-in.als", lambda take: f"<Ableton><B>\n{_utf16_digits(take.wav.name)}\n</B></Ableton>".encode()),
        ("plug-in 8 bit.als", lambda take: f"<Ableton><Buffer>{xml(take.wav.name).hex()}</Buffer></Ableton>".encode()),
        ("two pieces.als", lambda take: b"<Ableton>" + b" " * (2**20 - 60) + xml(take.wav.name) + b"</Ableton>"),
        ("after.als", lambda take: gzip.compress(xml(take.wav.name)) + b"\0" * 100),
        ("renamed.als", lambda take: xml(f"{take.take_id}.flac")),
    ],
)
def test_wherever_and_however_a_take_is_named_it_is_in_use(
    four: tuple[Path, list[takes.StoredTake]], tmp_path: Path, file: str, written: Callable[[takes.StoredTake], bytes]
) -> None:
    """Trial 1's relatives: each kind of file, ending, encoding and form of the name keeps this take, and no other."""
    folder, (cafe, *_) = four
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(cafe))
    assert unused(folder, tmp_path) == set(PROMPTS[1:])


def test_a_take_that_was_renamed_is_met_by_its_new_name(tmp_path: Path) -> None:
    """Trial 1's relative: whoever renames a take's files in the takes folder still uses it."""
    take = made(tmp_path / "takes", "naïve melody")
    for path in take.files:
        path.rename(path.with_stem("Mein Hört-Stück"))
    (tmp_path / "sets").mkdir()
    named = unicodedata.normalize("NFD", "mein hört-stück.wav")
    (tmp_path / "sets" / "a.als").write_bytes(xml(named))
    assert unused(tmp_path / "takes", tmp_path / "sets") == set()


def test_a_set_behind_a_link_counts_and_a_loop_of_links_ends(
    four: tuple[Path, list[takes.StoredTake]], tmp_path: Path
) -> None:
    """Trial 1's relative: sets on another disk are linked into the folder; what they use is in use."""
    folder, (cafe, *_) = four
    elsewhere, sets = tmp_path / "disk", tmp_path / "sets"
    elsewhere.mkdir()
    sets.mkdir()
    (elsewhere / "a.als").write_bytes(xml(cafe.wav.name))
    (sets / "linked").symlink_to(elsewhere, target_is_directory=True)
    (elsewhere / "round").symlink_to(sets, target_is_directory=True)
    assert PROMPTS[0] not in unused(folder, sets)


@pytest.mark.parametrize("files", [[], ["a.txt"], ["a.wav", "Sets/b.mid"], ["._a.als"]])
def test_a_folder_without_a_set_discards_nothing(
    four: tuple[Path, list[takes.StoredTake]], tmp_path: Path, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Trial 1: where there is no set nobody knows what is in use; the command says so and lists nothing."""
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7" + bytes(50))
    assert run(["takes", "--takes", str(four[0]), "--unused", str(tmp_path), "--trash", "--yes"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "no Live set" in said.err
    assert len(list(takes.stored_takes(four[0]))) == 4


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a packed set with one fault."""
    at = chance.randrange(2, len(data))
    match chance.randrange(4):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + chance.randbytes(chance.choice([1, 4, 30])) + data[at + 1 :]
        case 2:
            return data[:at] + data[at + chance.choice([1, 2, 9]) :]
        case _:
            return data[:2] + chance.randbytes(len(data) - 2)


def test_of_600_damaged_sets_none_lets_a_take_go(four: tuple[Path, list[takes.StoredTake]], tmp_path: Path) -> None:
    """Trial 1's kind: whatever is wrong with the gzip, it is one sentence, or the set's takes are still in use."""
    _, (cafe, *_) = four
    chance, refused = random.Random(39), list[str]()
    filler = "".join(f'<Note Time="{chance.random()}" />' for _ in range(40))
    whole = gzip.compress(f"<Ableton>{filler}".encode() + xml(cafe.wav.name)[21:] + b"</Ableton>", mtime=0)
    for _ in range(600):
        (tmp_path / "a.als").write_bytes(damaged(whole, chance))
        try:
            named = names_below(tmp_path)
        except BadInputError as error:
            refused.append(error.sentence)
        else:
            assert named.has(cafe.take_id, cafe.wav.stem)
    assert len(refused) > 400
    assert all("nobody knows" in sentence for sentence in refused)


@pytest.mark.parametrize("kind", ["empty", "text", "folder", "pipe", "dead link", "bomb"])
def test_what_cannot_be_read_discards_nothing(
    four: tuple[Path, list[takes.StoredTake]], tmp_path: Path, kind: str
) -> None:
    """Trial 1's relatives: one sentence with the file's name, at once, and no take is called unused."""
    path = tmp_path / "broken.als"
    match kind:
        case "empty":
            path.touch()
        case "text":
            path.write_text("This was a set.", encoding="utf-8")
        case "folder":
            (tmp_path / "good.als").write_bytes(b"\x1f\x8b" + bytes(20))
        case "pipe":
            os.mkfifo(path)
        case "dead link":
            path.symlink_to(tmp_path / "gone")
        case _:
            path.write_bytes(gzip.compress(b"<Ableton>" + bytes(64 * 2**20)))
    with pytest.raises(BadInputError, match=r"(broken|good)\.als cannot be read, so nobody knows"):
        unused(four[0], tmp_path)


@settings(max_examples=500)
@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 16**10 - 1), st.sampled_from(["NFC", "NFD"]))
def test_an_id_is_met_between_any_two_texts(before: str, after: str, number: int, form: str) -> None:
    """Trial 1's kind: ten digits are found in any surroundings that are not digits of the same run."""
    name, named = f"{number:010x}", Named()
    named.add(unicodedata.normalize(form, before) + "-" + name.upper() + "." + after)
    assert named.has(name, "something else")


@settings(max_examples=500)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters='"/\\<>:&'), min_size=1, max_size=60))
def test_a_file_name_is_met_in_any_form(stem: str) -> None:
    """Trial 1's kind: composed or decomposed, in capitals or not, a name is the same name."""
    for form in ("NFC", "NFD"):
        named = Named()
        named.add(f'<Path Value="/m/{unicodedata.normalize(form, stem)}.Wav" />')
        assert named.has("no id", stem)


def test_the_trash_asks_once_with_the_count(
    four: tuple[Path, list[takes.StoredTake]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without --yes the number of takes is named in one question; anything but a yes moves nothing."""
    import io

    folder, (cafe, *_) = four
    (tmp_path / "a.als").write_bytes(xml(cafe.wav.name))
    moved: list[str] = []
    monkeypatch.setattr(takes, "to_trash", lambda listed: moved.extend(take.prompt for take in listed))
    command = ["takes", "--takes", str(folder), "--unused", str(tmp_path), "--trash"]
    for answer, code in (("", 1), ("n\n", 1), ("\n", 1), ("y\n", 0)):
        moved.clear()
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert run(command) == code
        assert capsys.readouterr().err.count("3 takes") == (1 if code else 2)
        assert set(moved) == (set() if code else set(PROMPTS[1:]))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    moved.clear()
    assert run([*command, "--yes"]) == 0
    assert set(moved) == set(PROMPTS[1:])


def test_a_damaged_or_hostile_sidecar_spoils_no_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Review B6, B7: nested brackets, a pipe, a mark, UTF-16 and terminal escapes; each other take is listed."""
    for prompt in ("one", "two", "\x1b]0;owned\x07three"):
        made(tmp_path, prompt)
    day = next(tmp_path.glob("*/"))
    for name, data in (("deep", b"[" * 200_000), ("deeper", b'{"request":' * 100_000), ("nothing", b"")):
        (day / f"{name}.json").write_bytes(data)
        (day / f"{name}.wav").touch()
    os.mkfifo(day / "pipe.json")
    (day / "pipe.wav").touch()
    saved = next(path for path in day.glob("one-*.json"))
    saved.write_bytes(saved.read_text(encoding="utf-8").encode("utf-16"))
    saved = next(path for path in day.glob("two-*.json"))
    saved.write_bytes(b"\xef\xbb\xbf" + saved.read_bytes())
    assert len(list(takes.stored_takes(tmp_path))) == 3
    assert run(["takes", "--takes", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "owned" in said
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    assert takes.sidecar(takes.find(tmp_path, takes.find(tmp_path, "latest").take_id)).request.bars == 1
