"""Models as repositories publish them, and as half-finished downloads leave them."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from bridge.cli.main import run
from engine.errors import ModelError
from engine.models import catalogue, places
from engine.models.folder import read_folder
from engine.settings import Settings
from midi.files.opening import read_bytes

FAMILIES = ("stable-audio", "stable-audio-3", "ace-step-base", "audioldm2")
pytestmark = pytest.mark.filterwarnings("ignore:.*:FutureWarning")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings with an empty models folder."""
    monkeypatch.setenv("DITTO_MODELS", str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return Settings(device="cpu", dtype="float32")


@pytest.fixture
def copied(folders: dict[str, Path], settings: Settings) -> Callable[[str], Path]:
    """Return a function that copies a tiny model, for a test to change."""
    return lambda name: Path(shutil.copytree(folders[name], settings.models / "mine"))


def weights(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.safetensors"))


def halved(folder: Path) -> None:
    """Leave fp16 weights only, as repositories for graphics cards have them."""
    for file in weights(folder):
        tensors = {name: one.half() if one.is_floating_point() else one for name, one in load_file(file).items()}
        save_file(tensors, file.with_name(file.name.replace(".safetensors", ".fp16.safetensors")), {"format": "pt"})
        file.unlink()


def sharded(folder: Path) -> None:
    """Split all weights into files with an index."""
    for file in weights(folder):
        tensors, stem, places = load_file(file), file.name.removesuffix(".safetensors"), {}
        for place, names in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2]), 1):
            shard = f"{stem}-{place:05d}-of-00002.safetensors"
            save_file({name: tensors[name] for name in names}, file.with_name(shard), {"format": "pt"})
            places |= dict.fromkeys(names, shard)
        _index(file.with_name(f"{file.name}.index.json"), places)
        file.unlink()


def pickled(folder: Path) -> None:
    """Save all weights as torch does, in one file each."""
    for file in weights(folder):
        torch.save(load_file(file), file.with_name(_bin_of(file)))
        file.unlink()


def pickled_in_shards(folder: Path) -> None:
    """Save all weights as torch does, in two files each."""
    for file in weights(folder):
        tensors, whole, places = load_file(file), _bin_of(file), {}
        for place, names in enumerate((sorted(tensors)[::2], sorted(tensors)[1::2]), 1):
            shard = whole.replace(".bin", f"-{place:05d}-of-00002.bin")
            torch.save({name: tensors[name] for name in names}, file.with_name(shard))
            places |= dict.fromkeys(names, shard)
        _index(file.with_name(f"{whole}.index.json"), places)
        file.unlink()


def _bin_of(file: Path) -> str:
    return "pytorch_model.bin" if file.name == "model.safetensors" else file.name.replace(".safetensors", ".bin")


def _index(file: Path, places: dict[str, str]) -> None:
    file.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("published", [sharded, pickled, pickled_in_shards])
def test_weights_are_the_same_however_they_are_published(name, published, copied, settings, models):
    """In several files or one, .safetensors or .bin: the same numbers, and the listing agrees."""
    published(folder := copied(name))
    model = catalogue.load(str(folder), settings)
    ours, theirs = model.network.state_dict(), models[name].network.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert not {listed.name: listed.problem for listed in catalogue.listing(settings)}["mine"]


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_of_a_variant_are_used_where_there_are_no_others(name, copied, settings, models):
    """A folder with *.fp16.safetensors only is whole; its numbers are those of fp16."""
    halved(folder := copied(name))
    assert read_folder(folder).variant == "fp16"
    ours = catalogue.load(str(folder), settings).network.state_dict()
    assert all(torch.equal(ours[key], one.half().float()) for key, one in models[name].network.state_dict().items())


@pytest.mark.parametrize(("spoil", "expected"), [
    (lambda folder: _spoiled(folder / "tokenizer", "tokenizer.json"), "tokenizer/ has no vocabulary"),
    (lambda folder: _lacking(folder / "text_encoder"), "the weights of text_encoder/ lack 1 of its tensors"),
    (lambda folder: _lacking(folder / "transformer"), "the weights of transformer/ lack 1 of its tensors"),
    (lambda folder: (pickled_in_shards(folder), _spoiled(folder / "vae", "*-00002-of-*")), "00002.bin is missing"),
    (lambda folder: (sharded(folder), _spoiled(folder / "vae", "*.index.json")), "vae/ has no list of its weight"),
    (lambda folder: _index(folder / "vae" / "model.safetensors.index.json", {}), "names no weight files"),
    (lambda folder: _headed(folder / "vae", b"{not json"), "holds something else than weights"),
    (lambda folder: _headed(folder / "vae", b'{"a": 1}'), "holds something else than weights"),
    (lambda folder: _unnamed(folder, "text_encoder"), "names no text_encoder"),
    (lambda folder: _cut(folder / "tokenizer" / "tokenizer.json"), "cannot be loaded"),
])  # fmt: skip
def test_what_is_half_there_is_refused_and_not_filled_with_noise(spoil, expected, copied, settings):
    """Libraries would read every word as unknown, or begin with random numbers, and say so in a log."""
    spoil(folder := copied("stable-audio"))
    with pytest.raises(ModelError) as caught:
        catalogue.load(str(folder), settings)
    assert expected in caught.value.sentence
    assert "\n" not in caught.value.sentence
    assert caught.value.remedy


def _spoiled(part: Path, pattern: str) -> None:
    for file in part.glob(pattern):
        file.unlink()


def _lacking(part: Path) -> None:
    (file,) = weights(part)
    tensors = load_file(file)
    tensors.pop(sorted(tensors)[3])
    save_file(tensors, file, {"format": "pt"})


def _headed(part: Path, header: bytes) -> None:
    (file,) = weights(part)
    file.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)


def _unnamed(folder: Path, part: str) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({name: one for name, one in index.items() if name != part}))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


def test_a_tokenizer_of_another_text_encoder_is_refused(copied, settings):
    """Its words would be others, or none that the encoder has."""
    folder = copied("stable-audio")
    file = folder / "tokenizer" / "tokenizer.json"
    told = json.loads(file.read_text())
    told["model"]["vocab"] += [[f"word{number}", -9.0] for number in range(100)]
    file.write_text(json.dumps(told))
    with pytest.raises(ModelError, match=r"tokenizer has \d+ words, and its text encoder 64"):
        catalogue.load(str(folder), settings)


def test_a_language_model_without_its_head_is_the_same_model(copied, settings, models, tiny):
    """Older AudioLDM2 folders name GPT2Model, which present libraries cannot generate with."""
    folder = copied("audioldm2")
    index = json.loads((folder / "model_index.json").read_text()) | {"language_model": ["transformers", "GPT2Model"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    (file,) = weights(folder / "language_model")
    bare = {name.removeprefix("transformer."): one for name, one in load_file(file).items() if "lm_head" not in name}
    save_file(bare, file, {"format": "pt"})
    ours, theirs = (model.scene(tiny.request_for()).inputs for model in
                    (catalogue.load(str(folder), settings), models["audioldm2"]))  # fmt: skip
    assert torch.equal(ours.imagined, theirs.imagined)


def _cached(folder: Path, hub: Path, repository: str) -> Path:
    """Lay `folder` out as a hub cache does: links into blobs; return the snapshot."""
    cached = hub / f"models--{repository.replace('/', '--')}"
    snapshot, blobs = cached / "snapshots" / "0123abc", cached / "blobs"
    blobs.mkdir(parents=True)
    for number, file in enumerate(sorted(one for one in folder.rglob("*") if one.is_file())):
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, blobs / str(number))
        link.symlink_to(os.path.relpath(blobs / str(number), link.parent))
    return snapshot


def test_a_hub_cache_is_used_by_any_of_its_folders(folders, settings, tmp_path, capsys):
    """Repository or snapshot: its name is the repository's, a known one is known, and `models add` copies the files."""
    snapshot = _cached(folders["musicldm"], tmp_path / "hub", "ucsd-reach/musicldm")
    for folder in (snapshot, snapshot.parents[1]):
        card = catalogue.load(str(folder), settings).card
        assert (card.name, "not for commercial use" in card.licence) == ("musicldm", True)
    other = _cached(folders["musicldm"], tmp_path / "hub", "somebody/dub techno")
    assert catalogue.load(str(other), settings).card.name == "dub techno"
    assert run(["models", "add", str(other.parents[1])]) == 0
    assert "--model dub techno" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "hub")
    assert catalogue.load("dub techno", settings).card.name == "dub techno"


def test_an_unfinished_download_is_told(folders, settings, tmp_path):
    """A hub cache links a file when it is whole: until then it is a blob called .incomplete."""
    snapshot = _cached(folders["musicldm"], tmp_path / "hub", "a/b")
    (link,) = weights(snapshot / "unet")
    blob = link.resolve()
    blob.rename(blob.with_suffix(".incomplete"))
    for _ in ("a link to nothing", "no link"):
        with pytest.raises(ModelError, match="only half there: unet/"):
            read_folder(snapshot)
        link.unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["a" * 300, "~nobodyatall/x", "\0", "."])
def test_a_name_that_no_folder_can_have_is_an_unknown_name(name, settings):
    with pytest.raises(ModelError, match=r"There is no model|is not a model"):
        catalogue.load(name, settings)


def test_nothing_but_a_sentence_reaches_the_terminal(copied, settings, capfd):
    """No progress bars of other libraries, and no advice for their developers."""
    pickled(folder := copied("stable-audio"))
    catalogue.load(str(folder), settings)
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "")


@pytest.fixture(scope="module")
def damaged(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a models folder with a good model and one that a property damages."""
    home = tmp_path_factory.mktemp("damaged")
    for name in ("good", "bad"):
        shutil.copytree(folders["musicldm"], home / name)
    return home


@given(st.data())
def test_no_damage_of_one_model_hides_the_others(damaged, data):
    """Whatever a file of a model holds, it is whole or refused in a sentence, and the other models are listed."""
    files = [*weights(damaged / "bad"), *sorted((damaged / "bad").rglob("*.json"))]
    file = data.draw(st.sampled_from(files))
    before = file.read_bytes()
    header = data.draw(
        st.binary(max_size=30) | st.sampled_from([b"[]", b"{}", b"null", b'{"a":{"shape":1}}', b"[" * 9999])
    )
    size = len(header).to_bytes(8, "little") if file.suffix == ".safetensors" else b""
    file.write_bytes(data.draw(st.sampled_from([b"", size])) + header)
    try:
        listed = {model.name: model for model in catalogue.listing(Settings(device="cpu", models=damaged))}
        assert not listed["good"].problem
        assert "\n" not in listed["bad"].problem
    finally:
        file.write_bytes(before)


def test_a_folder_that_may_not_be_read_hides_no_other(folders, settings, monkeypatch):
    """As root may read everything, the refusal is the test's own."""
    for name in ("good", "closed"):
        shutil.copytree(folders["musicldm"], settings.models / name)

    def refused(file: Path, most: int) -> bytes:
        if "closed" in file.parts:
            raise PermissionError(13, "Permission denied", str(file))
        return read_bytes(file, most)

    monkeypatch.setattr("engine.models.folder.read_bytes", refused)
    listed = {model.name: model.problem for model in catalogue.listing(settings)}
    assert not listed["good"]
    assert "cannot be" in listed["closed"]


def test_an_unknown_name_is_told_with_the_models_that_are_here(copied, settings):
    copied("musicldm")
    (settings.models / "empty").mkdir()
    (settings.models / "own.py").write_text("raise SystemExit")  # it is not run
    with pytest.raises(ModelError) as caught:
        catalogue.load("Mine", settings)
    assert caught.value.remedy.startswith("On this computer: pocket, mine, own. ")


def test_the_last_snapshot_without_a_main_branch(folders, settings, tmp_path):
    snapshot = _cached(folders["musicldm"], tmp_path / "hub", "a/b")
    older = Path(shutil.copytree(snapshot, snapshot.with_name("older"), symlinks=True))
    os.utime(older, (0, 0))
    assert places.find(str(snapshot.parents[1]), settings) == snapshot
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("older\n")
    assert places.find(str(snapshot.parents[1]), settings) == older


@pytest.mark.parametrize(("given", "means"), [
    ("mine", "mine"), ("mine/", "mine"), ("models/mine", "mine"), ("./models/../models/mine", "mine"),
    ("elsewhere", "{here}/elsewhere"), ("~/elsewhere", "{here}/elsewhere"),
    ("nowhere", "nowhere"), ("", ""), ("pocket", "pocket"),
])  # fmt: skip
def test_a_model_has_one_name_that_lasts(given, means, settings, tmp_path, monkeypatch):
    """From any working folder and for a service it is the same model, however its folder was typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (settings.models / "mine").mkdir()
    (tmp_path / "elsewhere").mkdir()
    assert places.lasting(given, settings) == means.format(here=tmp_path)


def test_a_take_of_a_folder_that_was_typed_is_replayed_from_another(folders, settings, tmp_path, monkeypatch, capsys):
    """The take knows the whole path of its model."""
    shutil.copytree(folders["ace-step-turbo"], tmp_path / "my models" / "Ünï ♫")
    monkeypatch.chdir(tmp_path)
    asked = ["--prompt", "dusty", "--tempo", "240", "--bars", "1", "--seed", "1", "--out", "loop.wav"]
    assert run(["render", "--here", "--model", "my models/Ünï ♫", *asked]) == 0
    monkeypatch.chdir(settings.models)
    assert run(["takes", "replay", str(tmp_path / "loop.wav")]) == 0
    assert "The same samples" in capsys.readouterr().out


@pytest.fixture
def retrained() -> Callable[[Path], None]:
    """Return a function that changes all weights of one network a little, as training does."""

    def change(part: Path) -> None:
        for file in weights(part):
            tensors = {name: 1.01 * one if one.is_floating_point() else one for name, one in load_file(file).items()}
            save_file(tensors, file, {"format": "pt"})

    return change


@pytest.mark.parametrize("part", ["unet", "vae", "vocoder", "text_encoder"])
def test_a_digest_tells_other_weights_and_not_other_files(part, folders, settings, copied, retrained):
    """In several files they are the same weights, and with any network trained further they are others."""
    folder = copied("musicldm")
    before = read_folder(folders["musicldm"]).digest()
    sharded(folder)
    assert read_folder(folder).digest() == before
    retrained(folder / part)
    assert read_folder(folder).digest() != before
    assert catalogue.load("mine", settings).digest == read_folder(folder).digest()


def test_a_take_tells_when_its_model_was_trained_further(copied, settings, tmp_path, retrained, capsys):
    """Started from, the note says so; replayed, it is refused, with the file that holds the sound as it was."""
    folder, loop = copied("ace-step-turbo"), str(tmp_path / "loop.wav")
    asked = ["--here", "--prompt", "dusty", "--tempo", "240", "--bars", "1", "--seed", "1", "--out", loop]
    assert run(["render", "--model", "mine", *asked]) == 0
    again = ["render", "--here", "--from-take", loop, "--out", str(tmp_path / "again.wav")]
    assert run(again) == 0
    assert "weights" not in capsys.readouterr().err
    retrained(folder / "transformer")
    assert run(again) == 0
    assert "The take was made with the weights" in capsys.readouterr().err
    assert run(["takes", "replay", loop]) != 0
    assert "Play its file" in capsys.readouterr().err
