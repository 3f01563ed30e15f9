"""CUDA graphs of a network: its kernels are recorded once for each set of shapes, then launched all at once.

A search's step through a small network is mostly the launching of its kernels. A recording has fixed places for what
goes in and comes out, so the gradient has a recording of its own that begins with the forward pass: no activations are
kept from one to the other, and whatever runs between them overwrites none. Elsewhere than on an NVIDIA GPU nothing is
recorded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

WARM_UP = 3  # calls before a recording, in which libraries choose their kernels (as PyTorch's notes on graphs say)
KEPT = 16  # recordings, each with the memory of one call: forward and gradient of so many kinds of loops

Work = Callable[[Sequence[Tensor]], Tensor]
"""From tensors of fixed shapes to one tensor."""

Record = Callable[[Work, Sequence[Tensor]], Work]
"""From work and tensors like those that it will be given to a recording of it."""


class Kind(NamedTuple):
    """What one recording serves: shapes and types of the arguments (None where one is None), autocast, gradient."""

    arguments: tuple[tuple[torch.Size, torch.dtype, torch.device] | None, ...]
    autocast: torch.dtype | None
    gradient: bool


@dataclass(slots=True)
class Graphs:
    """Recordings of `forward`, made by `record` when a kind of call is first seen; the oldest make room."""

    forward: Callable[..., Tensor]
    record: Record
    kept: int = KEPT
    recordings: dict[Kind, Work] = field(default_factory=dict)

    def __call__(self, *arguments: Any, **named: Any) -> Tensor:
        """Return what `forward` answers; the gradient goes to the first argument alone, and is whole.

        Calls with other arguments than tensors and None, or that need another gradient, are not recorded.
        """
        if named or not all(one is None or isinstance(one, Tensor) for one in arguments):
            return self.forward(*arguments, **named)
        first, *others = arguments
        wanted = [one is not None and one.requires_grad for one in others]
        if torch.is_grad_enabled() and any(wanted):
            return self.forward(*arguments)
        output: Tensor = _Replayed.apply(  # type: ignore[no-untyped-call]
            self, autocast_of(first.device), first, *others
        )
        return output

    def forward_pass(self, autocast: torch.dtype | None, arguments: Sequence[Tensor | None]) -> Tensor:
        """Return the network's output, without a gradient."""
        kind, given = _kind(autocast, arguments, gradient=False), _tensors(arguments)

        def work(tensors: Sequence[Tensor]) -> Tensor:
            with torch.no_grad(), _autocast(arguments, autocast):
                return self.forward(*_arguments(arguments, tensors))

        return self._replay(kind, work, given)

    def vjp(self, autocast: torch.dtype | None, cotangent: Tensor, arguments: Sequence[Tensor | None]) -> Tensor:
        """Return the vector-Jacobian product: the gradient of `cotangent` times the output in the first argument."""
        kind, given = _kind(autocast, arguments, gradient=True), [cotangent.contiguous(), *_tensors(arguments)]

        def work(tensors: Sequence[Tensor]) -> Tensor:
            first, *others = _arguments(arguments, tensors[1:])
            with torch.enable_grad(), _autocast(arguments, autocast):
                at = first.detach().requires_grad_()
                output = self.forward(at, *others)
            (gradient,) = torch.autograd.grad(output, at, tensors[0])
            return gradient

        return self._replay(kind, work, given)

    def _replay(self, kind: Kind, work: Work, given: Sequence[Tensor]) -> Tensor:
        recording = self.recordings.pop(kind, None) or self.record(work, given)
        while len(self.recordings) >= self.kept:
            del self.recordings[next(iter(self.recordings))]
        self.recordings[kind] = recording  # last: the one that was used longest ago makes room first
        return recording(given)


class _Replayed(torch.autograd.Function):
    """The output by one recording, and its gradient by another."""

    @staticmethod
    def forward(
        ctx: Any, graphs: Graphs, autocast: torch.dtype | None, first: Tensor, *others: Tensor | None
    ) -> Tensor:
        """Return the output by a recording."""
        ctx.graphs, ctx.autocast = graphs, autocast
        ctx.save_for_backward(first, *others)
        return graphs.forward_pass(autocast, (first, *others))

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the first argument by a recording."""
        arguments = ctx.saved_tensors
        gradient = ctx.graphs.vjp(ctx.autocast, cotangents[0], arguments)
        return None, None, gradient, *([None] * (len(arguments) - 1))


def record_on_gpu(work: Work, given: Sequence[Tensor]) -> Work:
    """Return a recording of `work` for tensors like `given`, as a CUDA graph."""
    places = [one.detach().clone(memory_format=torch.contiguous_format) for one in given]
    graph, beside = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):
        for _ in range(WARM_UP):
            work(places)
    torch.cuda.current_stream().wait_stream(beside)
    with torch.cuda.graph(graph):
        result = work(places)

    def replay(tensors: Sequence[Tensor]) -> Tensor:
        for place, one in zip(places, tensors, strict=True):
            place.copy_(one)
        graph.replay()
        return result.clone()  # the next replay writes to the same place

    return replay


def replay_graphs(network: nn.Module, device: torch.device) -> bool:
    """Let `network` answer by recordings from now on; return False, and change nothing, where `device` has none."""
    if device.type != "cuda":
        return False
    graphs = Graphs(network.forward, record_on_gpu)
    network.__dict__["forward"] = graphs  # as `nn.Module` allows: a call finds the instance's own before its class's
    return True


def autocast_of(device: torch.device) -> torch.dtype | None:
    """Return the type that calls on `device` are cast to at present; None where they are not."""
    kind = device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None


def _kind(autocast: torch.dtype | None, arguments: Sequence[Tensor | None], *, gradient: bool) -> Kind:
    shapes = tuple(None if one is None else (one.shape, one.dtype, one.device) for one in arguments)
    return Kind(shapes, autocast, gradient)


def _autocast(arguments: Sequence[Tensor | None], dtype: torch.dtype | None) -> torch.autocast:
    # Without the cache of cast weights: a recording would keep one that is freed after it.
    device = _tensors(arguments)[0].device.type
    return torch.autocast(device, dtype, enabled=dtype is not None, cache_enabled=False)


def _tensors(arguments: Sequence[Tensor | None]) -> list[Tensor]:
    return [one for one in arguments if one is not None]


def _arguments(like: Sequence[Tensor | None], tensors: Sequence[Tensor]) -> list[Any]:
    """Return `tensors` as arguments, None where `like` has None."""
    rest = iter(tensors)
    return [None if one is None else next(rest) for one in like]
