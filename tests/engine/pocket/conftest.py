"""`pocket` at toy size."""

import pytest
import torch

from engine.pocket import condition
from engine.pocket.arrangement import LayerRepertoire
from engine.pocket.layered import LayeredPocket
from engine.pocket.model import Pocket
from engine.pocket.network import PocketNetwork
from engine.training.inputs import fitted
from engine.training.layer_repertoire import layer_repertoire


@pytest.fixture(scope="package")
def pocket() -> Pocket:
    """Return the real classes at toy size with fixed random weights."""
    torch.manual_seed(0)
    network = PocketNetwork(channels=12, width=32, depth=2, heads=2, condition_channels=condition.CHANNELS)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    bands = torch.randn(512, 295).cumsum(0) * 0.1
    return Pocket(network, fitted(bands, channels=12))


@pytest.fixture(scope="package")
def repertoire() -> LayerRepertoire:
    """Return what is said of a few loops."""
    return layer_repertoire(60)


@pytest.fixture(scope="package")
def layered(repertoire: LayerRepertoire) -> LayeredPocket:
    """Return the real classes at toy size, with weights that listen to everything."""
    torch.manual_seed(0)
    network = PocketNetwork(
        channels=12, width=32, depth=2, heads=2, condition_channels=condition.CHANNELS, layered=True
    )
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    bands = torch.randn(512, 295).cumsum(0) * 0.1
    return LayeredPocket(Pocket(network, fitted(bands, channels=12), weights="a" * 12), repertoire, "b" * 12)
