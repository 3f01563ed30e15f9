"""`pocket`'s learned first step: circular, layer by layer, and silent where nothing is asked."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.controls import FeatureKind, Features
from engine.pocket.bands import FRAMES_PER_LATENT
from engine.pocket.first_step import CHANNELS, DOWN_BEGINS, FEATURES, TOWARDS_BEGINS, FirstStep, change, feature_rows
from engine.pocket.layers import LAYERS

WIDE = 12


@pytest.fixture(scope="module")
def network() -> FirstStep:
    torch.manual_seed(0)
    made = FirstStep(torch.rand(WIDE) + 0.5).eval()
    torch.nn.init.normal_(made.leave.weight, std=0.1)
    torch.nn.init.normal_(made.leave.bias, std=0.1)
    return made.requires_grad_(False)


def scene(*layers: str) -> Any:
    return SimpleNamespace(layers=layers)


def level(batch: int, frames: int, *layers: str) -> Features:
    values = torch.randn(batch, CHANNELS[FeatureKind.LEVEL], FRAMES_PER_LATENT * frames)
    return Features(kind=FeatureKind.LEVEL, values=values, layers=layers)


@given(frames=st.integers(1, 40), turn=st.integers(0, 60))
def test_a_turned_loop_has_a_turned_change(network: FirstStep, frames: int, turn: int) -> None:
    """It knows no beginning: turned inputs give the turned change, in loops shorter than its reach, too."""
    torch.manual_seed(frames)
    noise, way, *latents = torch.randn(5, 1, frames, WIDE)
    features, layer = torch.randn(1, frames, FEATURES), torch.zeros(1, len(LAYERS))
    straight = network(noise, way, torch.stack(latents), features, layer)
    rows = noise.roll(turn, 1), way.roll(turn, 1), torch.stack(latents).roll(turn, 2), features.roll(turn, 1)
    turned = network(*rows, layer)
    assert torch.allclose(straight.roll(turn, 1), turned, atol=1e-5)


def test_nothing_asked_changes_nothing(network: FirstStep) -> None:
    """Without a feature the change is 0 to the bit; so it is for layers that no control reaches."""
    (noise, way), latents = torch.randn(2, 2, 3, 20, WIDE), torch.randn(3, 2, 3, 20, WIDE)
    none = change(network, noise, way, latents, (), scene("drums", "bass", "lead"), torch.eye(6)[:3])
    assert not none.any()
    some = change(
        network, noise, way, latents, (level(2, 20, "lead"),), scene("drums", "bass", "lead"), torch.eye(6)[:3]
    )
    assert some[:, 2].any()
    assert not some[:, :2].any()


def test_an_untrained_step_goes_down_and_towards_the_shown_loop() -> None:
    """Before any training the change is a share of the way down, and one of that to the loop that is shown the goal."""
    untrained = FirstStep(torch.full((WIDE,), 2.0))
    noise, way, own, shown, anchor = torch.randn(5, 1, 9, WIDE)
    latents, layer = torch.stack([own, shown, anchor]), torch.zeros(1, len(LAYERS))
    made = untrained(noise, way, latents, torch.ones(1, 9, FEATURES), layer)
    assert torch.allclose(made, DOWN_BEGINS * way + TOWARDS_BEGINS * (shown - own) / 2, atol=1e-6)


def test_features_lie_in_their_own_channels() -> None:
    """Two kinds side by side are where each is alone, and a pair of analysis frames belongs to one latent frame."""
    one, other = level(1, 8), Features(kind=FeatureKind.ONSETS, values=torch.randn(1, 3, 16))
    both = feature_rows((one, other), scene(), 1, 8)
    assert torch.equal(both, feature_rows((one,), scene(), 1, 8) + feature_rows((other,), scene(), 1, 8))
    assert both[0, 0, 3, 0] == one.values[0, 0, 6]
    assert both[0, 0, 3, FEATURES // 2] == one.values[0, 0, 7]


def test_weights_read_back(network: FirstStep, tmp_path: Path) -> None:
    """What was saved answers alike to float16's precision; a folder without the file has no first step."""
    assert FirstStep.load(tmp_path) is None
    network.save(tmp_path)
    read = FirstStep.load(tmp_path)
    assert read is not None
    latents, features = torch.randn(3, 1, 9, WIDE), torch.randn(1, 9, FEATURES)
    rows = *torch.randn(2, 1, 9, WIDE), latents, features, torch.zeros(1, len(LAYERS))
    assert torch.allclose(read(*rows), network(*rows), atol=0.02)
