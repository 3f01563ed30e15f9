"""What a producer meets: names, folders, licences, and one clear sentence for whatever is in the way."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bridge.cli.main import run
from engine.errors import BadRequestError, MissingPackageError, ModelError
from engine.models import catalogue, hardware
from engine.models.folder import read_folder
from engine.models.known import KNOWN
from engine.settings import Settings

GIB = 2**30


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings with an empty models folder and an empty hub cache."""
    monkeypatch.setenv("DITTO_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    (tmp_path / "models").mkdir()
    return Settings(device="cpu")


@pytest.fixture
def copied(folders: dict[str, Path], settings: Settings) -> Path:
    """Return a copy of a tiny model that a test may spoil."""
    return Path(shutil.copytree(folders["musicldm"], settings.models / "mine"))


def sentence_of(settings: Settings, name: str) -> str:
    with pytest.raises(ModelError) as caught:
        catalogue.load(name, settings)
    assert caught.value.remedy
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


def test_the_catalogue_costs_nothing_until_a_model_is_opened():
    """Importing it, and reading a folder, loads neither torch nor diffusers nor transformers."""
    program = (
        "import sys, engine.models.catalogue, engine.models.folder, engine.models.hardware\n"
        "import bridge.cli.commands.models\n"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_known_model_that_is_not_here_names_page_licence_and_command(settings):
    """Nothing is downloaded; the producer is told how to."""
    with pytest.raises(ModelError) as caught:
        catalogue.load("stable-audio-open", settings)
    assert "https://huggingface.co/stabilityai/stable-audio-open-1.0" in caught.value.sentence
    assert "Community License" in caught.value.sentence
    assert f"--local-dir {settings.models / 'stable-audio-open'}" in caught.value.remedy


def test_an_unknown_name_lists_the_known_ones(settings):
    with pytest.raises(ModelError) as caught:
        catalogue.load("jukebox", settings)
    assert caught.value.sentence == "There is no model 'jukebox'."
    assert all(name in caught.value.remedy for name in ("pocket", *KNOWN))


def test_a_model_of_the_hub_cache_is_found_by_its_name(settings, folders, tmp_path):
    """What another program has downloaded is used where it lies."""
    repository = tmp_path / "hub" / "models--ucsd-reach--musicldm"
    shutil.copytree(folders["musicldm"], repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    model = catalogue.load("musicldm", settings)
    assert model.card.name == "musicldm"
    assert "not for commercial use" in model.card.licence


def test_a_folder_loads_by_its_path_and_by_its_name(settings, copied):
    assert catalogue.load("mine", settings).card.name == "mine"
    assert catalogue.load(str(copied), settings).card.sample_rate == 400


@pytest.mark.parametrize(("spoil", "expected"), [
    (lambda folder: (folder / "model_index.json").unlink(), "is not a model: it has no model_index.json"),
    (lambda folder: (folder / "model_index.json").write_text("{"), "cannot be read"),
    (lambda folder: (folder / "model_index.json").write_text("{}"), "does not name a pipeline"),
    (lambda folder: shutil.rmtree(folder / "unet"), "only half there: unet/ has no configuration"),
    (lambda folder: (folder / "vae" / "diffusion_pytorch_model.safetensors").unlink(), "vae/ has no weights"),
    (lambda folder: _shorten(folder / "vocoder" / "model.safetensors", 200), "vocoder/model.safetensors has"),
    (lambda folder: _cut(folder / "vocoder" / "model.safetensors"), "ends after 4 bytes"),
    (lambda folder: _shard(folder / "unet"), "unet/missing.safetensors is missing"),
    (lambda folder: _pipe(folder / "model_index.json"), "has no model_index.json"),
    (lambda folder: _pipe(folder / "unet" / "config.json"), "unet/ has no configuration"),
    (lambda folder: _circle(folder / "vocoder" / "model.safetensors"), "vocoder/model.safetensors is missing"),
    (lambda folder: _rename(folder, "StableDiffusionPipeline"), "holds a StableDiffusionPipeline, which cannot"),
])  # fmt: skip
def test_a_folder_that_cannot_be_used_is_refused_in_one_sentence(settings, copied, spoil, expected):
    """Half-copied, unreadable, of another kind: before anything heavy is loaded."""
    spoil(copied)
    assert expected in sentence_of(settings, "mine")


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file) if hasattr(os, "mkfifo") else file.write_text("{")


def _circle(file: Path) -> None:
    """A link to itself, as a copy of another program's cache may leave it."""
    file.unlink()
    file.symlink_to(file)


class _Evil:
    """Unpickled, it would make a file."""

    def __init__(self, made: Path) -> None:
        self._made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._made,)


@pytest.mark.parametrize(
    ("weights", "pickled"),
    [
        ("vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.bin"),
        ("vocoder/model.safetensors", "vocoder/pytorch_model.bin"),
    ],
)
def test_pickled_weights_run_nothing(settings, copied, tmp_path, weights, pickled):
    """A model from a stranger, whose weights are a program: refused in a sentence, and the program has not run."""
    (copied / weights).unlink()
    torch.save({"weight": _Evil(tmp_path / "ran")}, copied / pickled)
    assert "cannot be loaded" in sentence_of(settings, "mine")
    assert not (tmp_path / "ran").exists()


def _shorten(file: Path, by: int) -> None:
    file.write_bytes(file.read_bytes()[:-by])


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:4])


def _shard(part: Path) -> None:
    index = {"weight_map": {"a": "missing.safetensors"}}
    (part / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def _rename(folder: Path, pipeline: str) -> None:
    index = json.loads((folder / "model_index.json").read_text()) | {"_class_name": pipeline}
    (folder / "model_index.json").write_text(json.dumps(index))


def test_a_broken_configuration_is_one_sentence_too(settings, copied):
    """What only diffusers can find out is passed on by its first line."""
    config = copied / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": 5}))
    assert "cannot be loaded" in sentence_of(settings, "mine")


def test_too_little_memory_is_said_before_loading(settings, copied, monkeypatch):
    needed = sum(read_folder(copied).parameters[part] for part in ("unet", "vae", "vocoder")) * 4
    memory = SimpleNamespace(total=needed - 1)
    monkeypatch.setattr(hardware.psutil, "virtual_memory", lambda: memory)
    assert "needs 0.0 GiB; cpu has 0.0 GiB" in sentence_of(settings, "mine")
    memory.total = needed
    catalogue.load("mine", settings)


def test_a_missing_package_says_what_to_install(settings, copied, monkeypatch):
    monkeypatch.setattr(catalogue, "find_spec", lambda name: None if name == "transformers" else object())
    with pytest.raises(MissingPackageError) as caught:
        catalogue.load("mine", settings)
    assert caught.value.sentence == "mine needs the package transformers, which is not installed."
    assert "pip install 'ditto-live[models]'" in caught.value.remedy


@pytest.mark.parametrize(("device", "dtype", "expected"), [
    ("tpu", "auto", "There is no device 'tpu'"),
    ("cuda:7", "auto", "The device cuda:7 is not in this computer"),
    ("cpu", "int8", "There is no precision 'int8'"),
])  # fmt: skip
def test_devices_and_precisions_that_are_not_there(settings, copied, device, dtype, expected):
    assert expected in sentence_of(replace(settings, device=device, dtype=dtype), "mine")


def test_compiling_is_asked_for_by_name(settings, copied, monkeypatch):
    """The denoiser is compiled in the mode that is asked for, and only then."""
    import torch

    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, mode: asked.append(mode))
    catalogue.load("mine", settings)
    for name in ("mine", "pocket"):
        catalogue.load(name, replace(settings, compile="reduce-overhead"))
    assert asked == ["reduce-overhead", "reduce-overhead"]
    assert "There is no way 'fast' to compile" in sentence_of(replace(settings, compile="fast"), "mine")
    assert "recorded on NVIDIA GPUs" in sentence_of(replace(settings, device="cpu", compile="graphs"), "pocket")


@pytest.mark.parametrize("name", ["stable-audio", "stable-audio-3", "ace-step-base", "audioldm2", "musicldm"])
def test_bfloat16_weights_keep_float32_latents_and_sound(name, settings, folders, models, tiny):
    """Only the denoiser computes in 16 bits; solver, decoder and losses stay in 32, and the gradient agrees."""
    import torch

    from engine.sampling import sample, start_noise

    narrow = catalogue.load(str(folders[name]), replace(settings, dtype="bfloat16"))
    gradients = []
    for model in (narrow, models[name]):
        scene = model.scene(tiny.request_for())
        noise = start_noise(scene, 0).requires_grad_()
        latent = sample(model, scene, noise, model.schedule(2, scene), model.card.sampler)
        spectrum = model.listen(latent, scene)
        assert latent.dtype == spectrum.power.dtype == torch.float32
        gradients.append(torch.autograd.grad(spectrum.level_db.mean(), noise)[0].flatten())
    assert torch.nn.functional.cosine_similarity(*gradients, dim=0) > 0.98


def test_loaded_networks_are_constants(models):
    """No weight wants a gradient, nothing drops out, and weight norm is folded away."""
    import torch

    for model in models.values():
        parts = [part for part in model._pipe.components.values() if isinstance(part, torch.nn.Module)]
        assert parts
        for part in parts:
            assert not part.training
            assert not any(parameter.requires_grad for parameter in part.parameters())
            assert not any(name.endswith("weight_g") for name, _ in part.named_parameters())


def test_a_loop_longer_than_the_model_makes_is_refused(models, tiny):
    with pytest.raises(BadRequestError, match=r"The loop lasts 8\.5 s; stable-audio makes at most 8\.0 s at once"):
        models["stable-audio"].scene(tiny.request_for(bars=17 - 1, tempo_bpm=226))


def test_a_tempo_outside_the_model_is_halved_and_said(models, tiny):
    """ACE-Step knows 30 to 300 BPM; 500 is told as 250."""
    scene = models["ace-step-turbo"].scene(tiny.request_for(tempo_bpm=500, bars=4))
    assert scene.notes == ("The model is told 250 BPM, which fits 500 BPM.",)


def test_models_are_listed_with_what_they_need(settings, copied, capsys):
    """`ditto-live models --json` names licence, page, memory, whether it can be used, and the command."""
    assert run(["models", "--json", "--device", "cpu"]) == 0
    listed = {model["name"]: model for model in json.loads(capsys.readouterr().out)["models"]}
    assert set(listed) == {"pocket", "mine", *KNOWN}
    assert listed["mine"]["usable"]
    assert listed["mine"]["folder"] == str(copied)
    absent = listed["ace-step-1.5-turbo"]
    assert not absent["usable"]
    assert absent["problem"] == "not on this computer"
    assert absent["licence"] == "MIT License"
    assert str(settings.models / "ace-step-1.5-turbo") in absent["get"]
    assert run(["models"]) == 0
    shown = capsys.readouterr().out
    assert absent["get"] in shown
    assert "CC BY-NC-SA" in shown


def test_a_half_copied_model_is_listed_with_its_problem(settings, copied):
    shutil.rmtree(copied / "unet")
    listed = {model.name: model for model in catalogue.listing(settings)}
    assert "half there" in listed["mine"].problem


def test_adding_copies_a_whole_model_and_refuses_the_rest(settings, folders, tmp_path, capsys):
    """`ditto-live models add FOLDER` leaves nothing behind when it refuses."""
    assert run(["models", "add", str(folders["musicldm"])]) == 0
    assert "--model musicldm" in capsys.readouterr().out
    assert catalogue.load("musicldm", settings).card.name == "musicldm"
    assert run(["models", "add", str(folders["musicldm"])]) == 2
    assert "already" in capsys.readouterr().err
    assert run(["models", "add", str(tmp_path)]) == 2
    assert "is not a model" in capsys.readouterr().err
    assert [path.name for path in settings.models.iterdir()] == ["musicldm"]


def test_adding_a_model_in_place_only_checks_it(settings, copied):
    assert catalogue.add(copied, settings) == "mine"


def test_a_copy_that_fails_leaves_nothing(settings, folders, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copytree", full)
    with pytest.raises(ModelError, match="No space left on device"):
        catalogue.add(folders["musicldm"], settings)
    assert not list(settings.models.iterdir())
