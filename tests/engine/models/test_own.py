"""A model of one's own is one Python file in the models folder, as the page about it has it."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.audio.wav import read_audio
from engine.errors import ModelError
from engine.models import catalogue
from engine.models.protocol import Model
from engine.request import LoopRequest
from engine.settings import Settings

Typed = Callable[..., "subprocess.CompletedProcess[str]"]

PAGE = (Path(__file__).parents[3] / "docs" / "own-model.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(COMMAND,) = re.findall(r"^    (ditto-live .*)$", PAGE, re.MULTILINE)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "models").mkdir()
    return replace(Settings(device="cpu"), models=tmp_path / "models")


def written(settings: Settings, text: str) -> Path:
    file = settings.models / "mine.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_is_short() -> None:
    """Under 80 lines."""
    assert len(EXAMPLE.splitlines()) < 80


def test_the_pages_command_works_through_the_shell(settings: Settings, tmp_path: Path, typed: Typed) -> None:
    """Typed as written, but for a short search, the loop is written and as long as it should be."""
    written(settings, EXAMPLE)
    done = typed(f"{COMMAND} --steps 6 --out loop.wav", DITTO_MODELS=str(settings.models))
    assert done.returncode == 0, done.stderr
    audio, rate = read_audio(tmp_path / "loop.wav")
    assert (audio.shape, rate) == ((2, 88_200), 44_100)


def test_the_example_is_a_model(settings: Settings) -> None:
    """What it encodes decodes to the same, and the gradient of what is heard reaches the noise."""
    written(settings, EXAMPLE)
    model = catalogue.load("mine", settings)
    assert isinstance(model, Model)
    scene = model.scene(LoopRequest(bars=1))
    noise = torch.randn(1, *scene.noise_shape, requires_grad=True)
    audio = model.decode(noise, scene)
    assert audio.shape == (1, 2, scene.model_samples)
    assert torch.allclose(model.encode(audio, scene), noise, atol=1e-5)
    model.listen(noise, scene).power.sum().backward()
    assert noise.grad is not None
    assert noise.grad.abs().sum() > 0
    assert "mine" in [listed.name for listed in catalogue.listing(settings)]


@pytest.mark.parametrize(
    ("text", "sentence", "remedy"),
    [
        ("x = 1", "AttributeError", "docs/own-model.md"),
        ("import nowhere", "No module named 'nowhere'", "line 1 of"),
        ("import sys\nsys.exit(2)", "SystemExit: 2", "line 2 of"),
        ("def open_model(device):\n    return None", "returned no model: card, decode, denoise", "protocol.py"),
        ("def open_model(device):\n    return 1 / 0", "division by zero", "line 2 of"),
    ],
)
def test_a_fault_in_the_file_is_told_with_its_line(settings: Settings, text: str, sentence: str, remedy: str) -> None:
    """In one sentence that names the file."""
    written(settings, text)
    with pytest.raises(ModelError) as caught:
        catalogue.load("mine", settings)
    assert "mine.py" in caught.value.sentence
    assert sentence in caught.value.sentence
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("name", ["../mine", "./mine", "mine.py", "models/mine", "{}/mine", "{}/mine.py"])
def test_a_request_never_names_a_file(settings: Settings, name: str) -> None:
    """Only plain names in the models folder are run: no path of a request is."""
    file = written(settings, "raise AssertionError")
    with pytest.raises(ModelError):
        catalogue.load(name.format(file.parent), settings)
