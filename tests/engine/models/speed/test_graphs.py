"""A network that is replayed from recordings answers as before, and pulls gradients back as before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from engine.events import Take
from engine.models import catalogue
from engine.models.speed.graphs import Graphs, Work, replay_graphs
from engine.pipeline import make_loop
from engine.request import Budget, Control, Curve, LoopRequest, Point
from engine.settings import Settings

SETTINGS = Settings(device="cpu", dtype="float32")


@dataclass
class Recorder:
    """Recordings as strict as CUDA graphs: fixed places for what goes in, one place for what comes out."""

    made: int = 0
    replayed: list[int] = field(default_factory=list)

    def __call__(self, work: Work, given: Sequence[Tensor]) -> Work:
        number, self.made = self.made, self.made + 1
        places = [one.detach().clone() for one in given]
        assert not any(place.requires_grad for place in places)
        result = work(places)
        assert not result.requires_grad

        def replay(tensors: Sequence[Tensor]) -> Tensor:
            self.replayed.append(number)
            for place, one in zip(places, tensors, strict=True):
                assert (place.shape, place.dtype) == (one.shape, one.dtype)
                place.copy_(one)
            with torch.no_grad():
                result.copy_(work(places))
            return result.clone()

        return replay


class Small(nn.Module):
    """A network of two inputs, one of which may be missing."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, latent: Tensor, told: Tensor | None = None, *, twice: bool = False) -> Tensor:
        hidden = self.one(latent).tanh()
        hidden = hidden if told is None else hidden + self.other(told)
        return hidden * (2 if twice else 1) * latent


def pair(kept: int = 16) -> tuple[Small, Graphs, Recorder]:
    """Return a frozen network, and its recordings on a processor."""
    torch.manual_seed(0)
    network, recorder = Small().requires_grad_(False), Recorder()
    return network, Graphs(network.forward, recorder, kept), recorder


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_answers_and_gradients_are_those_of_the_network(calls: list[tuple[int, bool]]) -> None:
    """Also where several answers wait for their gradients at once, each of another shape or the same one."""
    network, graphs, _ = pair()
    found, wanted = [], []
    for index, (batch, told) in enumerate(calls):
        generator = torch.Generator().manual_seed(index)
        latent = torch.randn(batch, 5, 4, generator=generator)
        beside = torch.randn(batch, 5, 4, generator=generator) if told else None
        for made, asked in ((found, graphs), (wanted, network)):
            at = latent.clone().requires_grad_()
            made.append((at, asked(at, beside)))
    for (at, answer), (own, expected) in reversed(list(zip(found, wanted, strict=True))):
        assert torch.equal(answer, expected)
        (gradient,) = torch.autograd.grad(answer.square().sum(), at)
        (exact,) = torch.autograd.grad(expected.square().sum(), own)
        assert torch.equal(gradient, exact)


def test_each_kind_of_call_is_recorded_once() -> None:
    """Shapes, arguments that are missing, the precision and the gradient make a kind."""
    _, graphs, recorder = pair()
    latent = torch.randn(1, 5, 4)
    for _ in range(3):
        graphs(latent)
    assert recorder.made == 1
    graphs(latent, latent)
    graphs(latent[:, :3])
    with torch.autocast("cpu", torch.bfloat16):
        graphs(latent)
    assert recorder.made == 4
    for _ in range(2):
        at = latent.clone().requires_grad_()
        graphs(at).sum().backward()
    assert recorder.made == 5
    assert recorder.replayed == [0, 0, 0, 1, 2, 3, 0, 4, 0, 4]


def test_a_gradient_is_of_the_precision_that_its_answer_had() -> None:
    """The backward pass runs outside of autocast, and its recording inside."""
    network, graphs, _ = pair()
    latent = torch.randn(1, 5, 4)
    gradients = []
    for asked in (graphs, network):
        at = latent.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            answer = asked(at)
        gradients.append(torch.autograd.grad(answer.float().sum(), at)[0])
    assert torch.equal(*gradients)


def test_the_recording_used_longest_ago_makes_room() -> None:
    """No more are kept than fit."""
    _, graphs, recorder = pair(kept=2)
    one, two, three = (torch.randn(size, 5, 4) for size in (1, 2, 3))
    for latent in (one, two, one, three, one):
        graphs(latent)
    assert len(graphs.recordings) == 2
    assert recorder.made == 3
    graphs(two)
    assert recorder.made == 4


def test_whatever_cannot_be_recorded_is_computed() -> None:
    """Other arguments than tensors, and gradients of others than the first, are the network's own."""
    network, graphs, recorder = pair()
    latent = torch.randn(1, 5, 4)
    assert torch.equal(graphs(latent, twice=True), network(latent, twice=True))
    told = torch.randn(1, 5, 4, requires_grad=True)
    graphs(latent, told).sum().backward()
    assert told.grad is not None
    assert recorder.made == 0


def test_a_processor_has_no_recordings() -> None:
    """The network stays as it is."""
    network = Small()
    assert not replay_graphs(network, torch.device("cpu"))
    assert "forward" not in vars(network)


@pytest.mark.parametrize("layers", [("mix",), ("drums", "bass")])
def test_a_search_of_pocket_is_the_same_through_recordings(layers: tuple[str, ...]) -> None:
    """Every call of a search can be recorded; only where gradients are added do sums round otherwise."""
    target = Curve(points=(Point(Fraction(0), -30.0), Point(Fraction(4), -18.0)))
    request = LoopRequest(
        prompt="house", bars=1, seed=3, layers=layers, controls=(Control(kind="intensity", target=target),),
        budget=Budget(steps=2, until_tolerance=False),
    )  # fmt: skip
    recorder, searched = Recorder(), []
    for replays in (False, True):
        model = catalogue.load("pocket", SETTINGS)
        if replays:
            model.network.__dict__["forward"] = Graphs(model.network.forward, recorder)
        (take,) = (event for event in make_loop(request, model, SETTINGS) if isinstance(event, Take))
        searched.append(take.record["loss_curves"]["intensity"])
    assert searched[1] == pytest.approx(searched[0], rel=1e-3)
    assert 2 <= recorder.made < len(recorder.replayed)


@pytest.mark.gpu
def test_pocket_is_replayed_on_a_gpu() -> None:
    """A step's gradient through recordings is that of the network, to rounding."""
    device = torch.device("cuda")
    torch.manual_seed(0)
    network = Small().requires_grad_(False).to(device)
    latent = torch.randn(2, 5, 4, device=device)
    plain = latent.clone().requires_grad_()
    (exact,) = torch.autograd.grad(network(plain).square().sum(), plain)
    assert replay_graphs(network, device)
    for _ in range(2):
        at = latent.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(network(at).square().sum(), at)
        torch.testing.assert_close(gradient, exact)
