"""Each method is a list of parts."""

from typing import Any

import msgspec
import pytest
from asking import Asking

from engine.models.protocol import Sampler
from engine.models.testing import TinyModel
from engine.request import Budget, Method, Start
from engine.search import methods
from engine.search import objective as targets
from engine.search.objective import Objective
from engine.search.step import Easing, Padam, StepSize, TrustRegion
from engine.search.surrogate import Chain


def plan_of(request: Any, model: TinyModel) -> methods.Plan:
    return methods.plan(request, model, methods.objective_of(request, model.scene(request), model))


def test_the_papers_plan_is_to_the_letter(tiny: TinyModel, ask: Asking) -> None:
    """20 DDIM steps, Adam 5e-3, 70 steps or 150 with melody or structure, no shell, and 1/4 for intensity beside it."""
    request = ask.request(ask.intensity(), ask.melody(), method=Method.DITTO_PAPER)
    objective = methods.objective_of(request, tiny.scene(request), tiny)
    chosen = methods.plan(request, tiny, objective)
    assert (chosen.chain, chosen.decode, chosen.steps) == (*[Chain(steps=20, sampler=Sampler.DDIM)] * 2, 150)
    assert chosen.step_size == StepSize(learning_rate=5e-3)
    assert chosen.step_rule == Padam(betas=(0.9, 0.999), adaptivity=1.0)
    ours = (chosen.balance, chosen.anchor, chosen.trust_region, chosen.shell, chosen.verification)
    assert ours == (None,) * 5
    found = {goal.kind: (goal.weight, goal.tolerance) for goal in objective.goals}
    assert found == {"intensity-paper": (0.25, 4.0), "melody-paper": (1.0, 0.05)}


@pytest.mark.parametrize("method", [Method.NONE, Method.DITTO, Method.DITTO2, Method.GUIDANCE])
def test_steps_are_as_many_as_asked(tiny: TinyModel, ask: Asking, method: Any) -> None:
    """A budget of 7 steps is 7 steps for the searches; without a control there is nothing to do."""
    request = ask.request(ask.intensity(), method=method, budget=Budget(steps=7))
    objective = targets.build(request, tiny.scene(request), tiny)
    assert methods.plan(request, tiny, objective).steps == (7 if method.startswith("ditto") else 0)
    assert methods.plan(request, tiny, Objective(())).steps == 0


def test_only_a_surrogate_is_verified(tiny: TinyModel, ask: Asking) -> None:
    """`ditto` follows the delivered chain, `ditto2` a shorter one that the delivered chain verifies."""
    ditto, ditto2 = (
        plan_of(ask.request(ask.intensity(), method=method), tiny) for method in (Method.DITTO, Method.DITTO2)
    )
    assert ditto.verification is None
    assert ditto.chain == ditto.decode == ditto2.decode
    assert ditto2.verification is not None
    assert ditto2.verification.chain == ditto2.decode
    assert ditto2.chain.steps < ditto2.decode.steps


def test_a_redraw_goes_in_short_steps(tiny: TinyModel, ask: Asking) -> None:
    """It starts near its target and is verified often; a variation starts anywhere, like a seed, and only aims."""
    request = ask.request(ask.intensity(), method=Method.DITTO2)
    seed, redraw, variation = (
        plan_of(msgspec.structs.replace(request, start=start), tiny)
        for start in (None, Start(noise=b""), Start(noise=b"", variation=0.5))
    )
    assert all(one.trust_region == TrustRegion() for one in (seed, redraw, variation))
    assert (seed.step_size.easing, redraw.step_size.easing, variation.step_size.easing) == (None, Easing(), None)
    assert redraw.verification is not None
    assert seed.verification is not None
    assert redraw.verification.always_waveform
    assert redraw.verification.every_steps < seed.verification.every_steps


def test_without_steps_a_search_begins_at_the_noise_of_its_seed(tiny: TinyModel, ask: Asking) -> None:
    """No step is no change: neither a recording nor what was learnt moves the noise then."""
    assert plan_of(ask.request(ask.intensity(), method=Method.DITTO2), tiny).inverts
    without = plan_of(ask.request(ask.intensity(), method=Method.DITTO2, budget=Budget(steps=0)), tiny)
    assert not without.inverts
    assert not without.first_step
