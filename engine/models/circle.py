"""Circular padding in time for frozen networks: a U-Net with it treats a loop as a circle.

A U-Net and an image autoencoder tell the ends of a piece from its middle only by the zeros that their convolutions
are padded with; attention without positions and group norms are equivariant to rotation. With those zeros replaced by
the other end, rotating the input in time by whole strides rotates the output, exactly, and no seam has a fixed place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class TimeCircle:
    """Switches the 2-D convolutions of a network between zero and circular padding in time (axis -2), by hooks."""

    def __init__(self, network: nn.Module) -> None:
        self._closed = False
        for module in network.modules():
            if isinstance(module, nn.Conv2d) and module.padding not in ("valid", (0, 0)):
                module.register_forward_pre_hook(self._wrap)
                module.register_forward_hook(self._crop)

    @contextmanager
    def closed(self, circular: bool) -> Iterator[None]:
        """Return a context in which time is padded circularly if `circular`, and with zeros otherwise.

        Enter it inside the function that is checkpointed, so that both passes use the same padding.
        """
        before, self._closed = self._closed, circular
        try:
            yield
        finally:
            self._closed = before

    def _wrap(self, conv: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        if not self._closed:
            return None
        edge = _edge(conv)
        rows = inputs[0].shape[-2]
        around = torch.arange(-edge, rows + edge, device=inputs[0].device) % rows
        return (inputs[0].index_select(-2, around), *inputs[1:])

    def _crop(self, conv: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor | None:
        if not self._closed:
            return None
        edge = _edge(conv) // _stride(conv)
        return output[..., edge : output.shape[-2] - edge, :]


def _stride(conv: nn.Module) -> int:
    assert isinstance(conv, nn.Conv2d)
    return conv.stride[0]


def _edge(conv: nn.Module) -> int:
    """Return the rows to add at each end: the padding rounded up to whole strides, so that whole rows are cropped."""
    assert isinstance(conv, nn.Conv2d)
    padding = conv.padding[0]
    assert isinstance(padding, int)
    return -(-padding // conv.stride[0]) * conv.stride[0]
