"""The flow: what it makes of the network's answers, with guidance, in pieces and from memory."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.pocket import condition, musical_time
from engine.pocket.flow import ANSWERS, UNSEEN_INPUTS, Flow, fingerprint
from engine.pocket.network import CONTROL_CHANNELS, PocketNetwork
from engine.pocket.scenes import TEACHER_GUIDANCE, Inputs

FRAMES, CHANNELS = 16, 3


class Known(nn.Module):
    """Answers with the sum of its condition as the velocity, plus, where `looks`, the frame's number in its piece."""

    def __init__(self, *, looks: bool = False) -> None:
        super().__init__()
        self.calls: list[tuple[int, ...]] = []
        self._looks = looks

    def forward(self, latent: Tensor, start: Tensor, end: Tensor, told: Tensor, *_: Any) -> Tensor:
        self.calls.append(tuple(latent.shape))
        velocity = told.sum(-1)[:, None, None].expand_as(latent)
        return velocity + torch.arange(latent.shape[1])[None, :, None] if self._looks else velocity


def inputs(pieces: int = 1, **fields: Any) -> Inputs:
    usual: dict[str, Any] = {"said": (), "avoided": False, "pieces": pieces}
    return Inputs(
        conditional=torch.full((1, condition.CHANNELS), 2.0 / condition.CHANNELS),
        unconditional=torch.full((1, condition.CHANNELS), 1.0 / condition.CHANNELS),
        phases=torch.zeros(1, FRAMES // pieces, 4),
        **(usual | fields),
    )


def flow(network: nn.Module) -> Flow:
    return Flow(network, torch.float32)  # type: ignore[arg-type]


def test_the_teacher_is_guided_and_the_student_is_not() -> None:
    """The flow leans from the unconditional velocity over the conditional one; a jump of the student has it in it."""
    latent, half = torch.zeros(1, FRAMES, CHANNELS), torch.tensor(0.5)
    guided = flow(Known()).denoise(latent, half, inputs(), None)
    assert guided[0, 0, 0] == pytest.approx(-0.5 * (1 + TEACHER_GUIDANCE * (2 - 1)))
    jumped = flow(Known()).denoise(latent, half, inputs(), torch.tensor(0.25))
    assert jumped[0, 0, 0] == pytest.approx(-0.5 * 2)
    away = flow(Known()).denoise(latent, half, inputs(avoided=True), torch.tensor(0.25))
    assert away[0, 0, 0] == pytest.approx(-0.5 * 3)


def test_a_question_is_answered_once() -> None:
    """The same noise, time and inputs are not sampled again; another of any of them is, and old answers make room."""
    network = Known()
    asked = flow(network)
    latent, until = torch.randn(1, FRAMES, CHANNELS), torch.tensor(0.5)
    first = asked.denoise(latent, torch.tensor(1.0), inputs(), until)
    assert asked.denoise(latent.clone(), torch.tensor(1.0), inputs(), until) is first
    assert len(network.calls) == 1
    asked.denoise(latent, torch.tensor(0.9), inputs(), until)
    asked.denoise(latent, torch.tensor(1.0), inputs(avoided=True), until)
    assert len(network.calls) == 3
    for number in range(ANSWERS):
        asked.denoise(latent + number + 1, torch.tensor(1.0), inputs(), until)
    asked.denoise(latent, torch.tensor(1.0), inputs(), until)
    assert len(network.calls) == 4 + ANSWERS


def test_a_gradient_is_never_from_memory() -> None:
    """What is differentiated is computed each time, and reaches the latent."""
    network = Known()
    asked = flow(network)
    latent = torch.randn(1, FRAMES, CHANNELS, requires_grad=True)
    for _ in range(2):
        answer = asked.denoise(latent, torch.tensor(1.0), inputs(), torch.tensor(0.5))
    (gradient,) = torch.autograd.grad(answer.sum(), latent)
    assert len(network.calls) == 2
    assert torch.equal(gradient, torch.ones_like(latent))


def test_pieces_overlap_so_that_no_join_is_heard() -> None:
    """Of a long loop each frame is made in the middle of a piece: where one piece joins another, the other counts."""
    asked = flow(Known(looks=True))
    found = asked.denoise(torch.zeros(1, FRAMES, 1), torch.tensor(1.0), inputs(pieces=2), torch.tensor(0.5))
    velocity = -found[0, :, 0] - 2
    piece = FRAMES // 2
    assert velocity[0] == pytest.approx(piece / 2, abs=0.3)
    assert velocity[piece] == pytest.approx(piece / 2, abs=0.3)
    assert velocity[piece // 2] == pytest.approx(piece / 2, abs=0.3)


@pytest.mark.parametrize(
    "unseen", [{"said": (1, 2)}, {"limits": True}, {"asked": torch.ones(1, FRAMES, CONTROL_CHANNELS)}]
)
def test_what_the_network_does_not_see_asks_no_other_question(unseen: dict[str, Any]) -> None:
    """A curve that is drawn anew, or a limiter, changes no answer: what was sampled before is known, to the bit."""
    torch.manual_seed(0)
    network = PocketNetwork(channels=CHANNELS, width=16, depth=1, heads=2, condition_channels=condition.CHANNELS)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.1)
    plain = replace(inputs(), phases=torch.randn(1, FRAMES, musical_time.CHANNELS))
    other = replace(plain, **unseen)
    assert set(unseen) <= UNSEEN_INPUTS
    latent, time, until = torch.randn(1, FRAMES, CHANNELS), torch.tensor(1.0), torch.tensor(0.5)
    with torch.no_grad():
        assert torch.equal(
            flow(network).denoise(latent, time, plain, until), flow(network).denoise(latent, time, other, until)
        )
    assert fingerprint(latent, plain) == fingerprint(latent, other)


def test_a_fingerprint_is_of_everything_that_the_network_sees() -> None:
    """Two questions have one fingerprint only where noise and all inputs that it reads are equal."""
    noise = torch.randn(1, FRAMES, CHANNELS)
    plain = inputs()
    others = [
        fingerprint(noise + 1e-6, plain),
        fingerprint(noise, replace(plain, avoided=True)),
        fingerprint(noise, replace(plain, controls=torch.zeros(1, FRAMES, 17))),
        fingerprint(noise, replace(plain, conditional=plain.conditional + 1)),
    ]
    assert fingerprint(noise.clone(), inputs()) == fingerprint(noise, plain)
    assert len({fingerprint(noise, plain), *others}) == 5
