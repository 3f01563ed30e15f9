"""What a fresh process loads before it has made a loop, and networks as they lie in their folders."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from engine.errors import ModelError
from engine.pocket.network import PocketNetwork
from engine.pocket.towers import GuideTower

# Each takes longer to import than a loop takes to make.
SLOW = (
    "accelerate", "diffusers", "huggingface_hub", "matplotlib", "networkx", "onnxruntime", "pandas", "PIL", "scipy.io",
    "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.stats", "soundfile", "starlette", "sympy", "torch._dynamo",
    "torch._inductor", "torchvision", "transformers", "zmq",
)  # fmt: skip

MAKE = """
import json, sys
from engine.models import catalogue
from engine.pipeline import make_loop
from engine.request import Method, LoopRequest
from engine.settings import Settings
request = LoopRequest(prompt="house", bars=1, method=Method.NONE)
kinds = [type(event).__name__ for event in make_loop(request, catalogue.load("pocket", Settings()), Settings())]
print(json.dumps({"kinds": kinds, "modules": list(sys.modules)}))
"""


def test_a_loop_is_made_without_what_is_slow_to_import() -> None:
    """`pocket` needs torch, NumPy, Numba and little of SciPy, and none of the libraries of other people's models."""
    done = subprocess.run([sys.executable, "-Ic", MAKE], capture_output=True, text=True, check=True, timeout=240)
    said = json.loads(done.stdout)
    assert "Take" in said["kinds"]
    assert not set(SLOW) & set(said["modules"])


def test_a_network_comes_back_from_its_folder_in_float32(tmp_path: Path) -> None:
    """Written in half precision, read whole: the constructor's arguments and every number."""
    made = PocketNetwork(channels=8, width=16, depth=1, heads=2, condition_channels=5).half()
    made.save(tmp_path)
    found = PocketNetwork.load(tmp_path)
    assert found.config == made.config
    assert not found.training
    for name, tensor in made.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor.float()), name


@pytest.mark.parametrize("damage", ["no config", "no weights", "half a file", "another network", "an unknown width"])
def test_a_network_that_is_not_whole_is_refused_in_one_sentence(tmp_path: Path, damage: str) -> None:
    """Whatever is wrong with its folder, the sentence names the folder and the remedy says what to do."""
    GuideTower(width=16).save(tmp_path)
    config, weights = tmp_path / "config.json", tmp_path / "diffusion_pytorch_model.safetensors"
    match damage:
        case "no config":
            config.unlink()
        case "no weights":
            weights.unlink()
        case "half a file":
            weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
        case "another network":
            config.write_text('{"width": 32}', encoding="utf-8")
        case "an unknown width":
            config.write_text('{"width": "wide"}', encoding="utf-8")
    with pytest.raises(ModelError, match="cannot be loaded") as refused:
        GuideTower.load(tmp_path)
    assert str(tmp_path) in refused.value.sentence
    assert refused.value.remedy
    assert "\n" not in refused.value.sentence
