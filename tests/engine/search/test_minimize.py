"""The optimiser finds what it should, keeps the best, and can be stopped and resumed anywhere."""

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
from asking import Asking
from torch import Tensor

from engine.controls import Term
from engine.errors import NonFiniteLossError, OutOfMemoryError
from engine.models import catalogue
from engine.models.protocol import Sampler, Scene
from engine.models.testing import TinyModel, tiny_noise
from engine.request import Budget, LoopRequest
from engine.sampling import start_noise
from engine.search import methods
from engine.search import objective as targets
from engine.search.balance import Balance
from engine.search.methods import Plan
from engine.search.minimize import minimize
from engine.search.objective import Goal, Objective
from engine.search.report import Step
from engine.search.shell import Shell
from engine.search.state import SearchState
from engine.search.step import Easing, Pace, Padam, StepSize, TrustRegion
from engine.search.surrogate import Chain, Verification, latent_of
from engine.settings import Settings
from engine.spectrum import Spectrum

ONE, THREE = Chain(steps=1, sampler=Sampler.DDIM), Chain(steps=3, sampler=Sampler.DDIM)
EASED = StepSize(learning_rate=0.05, easing=Easing())


def plan(**fields: Any) -> Plan:
    usual: dict[str, Any] = {
        "chain": THREE,
        "decode": THREE,
        "steps": 12,
        "step_size": EASED,
        "step_rule": Padam(),
        "trust_region": None,
        "balance": Balance(),
        "anchor": None,
        "shell": Shell(),
        "verification": None,
    }
    return Plan(**(usual | fields))


def scene_of(model: TinyModel, request: LoopRequest) -> tuple[Scene, Objective, Tensor]:
    scene = model.scene(request)
    return scene, targets.build(request, scene, model), tiny_noise(model, scene)


def goal(name: str, loss: Any, tolerance: float = 1e-9) -> Objective:
    term = Term(lambda spectrum, latent: loss(latent), lambda spectrum, latent: loss(latent).detach())
    return Objective((Goal(name=name, kind=name, weight=1.0, tolerance=tolerance, term=term),))


class Itself(TinyModel):
    """A model whose latent is its noise, and which is silent: only the loss counts."""

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        return latent

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        spectrum = super().listen(latent, scene)
        return replace(spectrum, power=spectrum.power * 1e-9)


def noise_to_find(ask: Asking, *, turned: int = 0, tolerance: float = 1e-4) -> tuple[Itself, Scene, Objective, Tensor]:
    """A noise that is the target itself, heard as the distance to it."""
    model = Itself(dtype=torch.float64)
    scene = model.scene(ask.request(bars=1))
    wanted = tiny_noise(model, scene).roll(turned, 1)
    there = goal("there", lambda latent: (latent - wanted).square().mean((1, 2)), tolerance=tolerance)
    return model, scene, there, wanted


def a_little_off(wanted: Tensor) -> Tensor:
    return wanted + 0.02 * torch.randn(wanted.shape, generator=torch.Generator().manual_seed(1), dtype=wanted.dtype)


def run(chosen: Plan, objective: Objective, model: TinyModel, scene: Scene, noise: Tensor, **named: Any) -> list[Step]:
    return list(minimize(chosen, objective, model, scene, noise, **named))


def test_a_known_minimum_is_found(ask: Asking) -> None:
    """The loss (x - c)^2 through the identity ends at c."""
    model = Itself(dtype=torch.float64)
    scene = model.scene(ask.request(bars=1))
    noise = tiny_noise(model, scene)
    wanted = torch.linspace(-1, 1, noise[0].numel(), dtype=torch.float64).view(noise.shape)
    objective = goal("there", lambda latent: (latent - wanted).square().mean((1, 2)))
    steps = run(plan(chain=ONE, steps=400, shell=None), objective, model, scene, noise)
    assert float(steps[-1].best_total) < 1e-4
    torch.testing.assert_close(steps[-1].best_noise, wanted, rtol=0, atol=0.05)


@pytest.mark.parametrize("verification", [None, Verification(chain=THREE)])
@pytest.mark.parametrize("controls", [("intensity",), ("melody",), ("intensity", "melody")])
def test_every_control_comes_nearer_and_the_best_never_rises(
    tiny: TinyModel, ask: Asking, controls: tuple[str, ...], verification: Verification | None
) -> None:
    """Alone and together, through the chain and through a corrected surrogate."""
    parts = [getattr(ask, name)() for name in controls]
    scene, objective, noise = scene_of(tiny, ask.request(*parts))
    chosen = plan(chain=ONE if verification else THREE, verification=verification, steps=36, until_tolerance=False)
    steps = run(chosen, objective, tiny, scene, noise)
    best = [float(step.best_total) for step in steps if step.exact]
    assert best == sorted(best, reverse=True)
    assert best[-1] < 0.5 * best[0]
    exact = [step for step in steps if step.exact]
    for name in steps[0].losses:
        assert exact[-1].losses[name] < 0.8 * exact[0].losses[name]


def test_the_last_point_counts(tiny: TinyModel, ask: Asking) -> None:
    """The update of the last step is listened to: with one step there are two evaluations, the second better."""
    scene, objective, noise = scene_of(tiny, ask.request(ask.intensity()))
    steps = run(plan(steps=1), objective, tiny, scene, noise)
    assert [step.index for step in steps] == [0, 1]
    assert float(steps[1].total) < float(steps[0].total)
    assert torch.equal(steps[1].best_noise, steps[0].state.noise)


@pytest.mark.parametrize("verification", [None, Verification(chain=THREE)])
def test_a_resumed_run_is_the_same_run(tiny: TinyModel, ask: Asking, verification: Verification | None) -> None:
    """Stopped after any step, stored as bytes and resumed, the losses go on as if nothing had happened."""
    scene, objective, noise = scene_of(tiny, ask.request(ask.intensity(), ask.melody()))
    verification = verification and replace(verification, every_steps=4)
    chosen = plan(chain=ONE if verification else THREE, verification=verification)
    whole = run(chosen, objective, tiny, scene, noise)
    for stop in (0, 3, 7, 11):
        stored = whole[stop].state.to_bytes()
        resumed = run(chosen, objective, tiny, scene, noise, resume=SearchState.from_bytes(stored))
        rest = whole[stop + 1 :]
        assert len(resumed) == len(rest)
        for again, before in zip(resumed, rest, strict=True):
            assert again.losses == pytest.approx(before.losses, rel=1e-4)
        torch.testing.assert_close(resumed[-1].best_noise, whole[-1].best_noise, rtol=0, atol=1e-2)


def test_a_latent_at_hand_is_what_the_best_noise_gives(ask: Asking) -> None:
    """What is delivered without walking the chain again is what the chain makes; the first is the seed's own loop."""
    model = catalogue.load("pocket", Settings())
    plain = Budget(plain_start=True)
    request = ask.request(ask.intensity(low=-40.0), prompt="house", bars=2, layers=("mix",), budget=plain)
    scene = model.scene(request)
    objective = targets.build(request, scene, model)
    chosen = replace(methods.plan(request, model, objective), steps=7)
    noise = start_noise(scene, 1)
    steps = list(minimize(chosen, objective, model, scene, noise))
    at_hand = [step for step in steps if step.latent is not None]
    assert at_hand[0].index == 0
    assert not at_hand[0].exact
    assert torch.equal(at_hand[0].best_noise, noise)
    assert len(at_hand) > 1
    assert torch.equal(at_hand[-1].best_noise, steps[-1].best_noise)
    for step in at_hand:
        again = latent_of(model, scene, step.best_noise, chosen.decode, checkpoint=False)
        torch.testing.assert_close(step.latent, again, rtol=0, atol=1e-4)


def test_stopping_at_the_tolerance(tiny: TinyModel, ask: Asking) -> None:
    """It stops at the first step where all controls are within their tolerance, and says so."""
    scene, objective, noise = scene_of(tiny, ask.request(ask.intensity()))
    easy = Objective(tuple(replace(goal, tolerance=20.0) for goal in objective.goals))
    steps = run(plan(steps=60), easy, tiny, scene, noise)
    assert len(steps) < 60
    assert [step.reached for step in steps] == [False] * (len(steps) - 1) + [True]
    patient = run(plan(steps=len(steps) + 2, until_tolerance=False), easy, tiny, scene, noise)
    assert len(patient) == len(steps) + 3


def test_a_batch_keeps_the_best_of_each(tiny: TinyModel, ask: Asking) -> None:
    """Two seeds at once do what each does alone."""
    scene, objective, _ = scene_of(tiny, ask.request(ask.intensity()))
    both = run(plan(steps=6), objective, tiny, scene, tiny_noise(tiny, scene, 3, 2))[-1]
    for item in range(2):
        alone = run(plan(steps=6), objective, tiny, scene, tiny_noise(tiny, scene, 3 + item))[-1]
        torch.testing.assert_close(both.best_total[item], alone.best_total[0], rtol=1e-3, atol=1e-4)


def test_nan_stops_and_names_the_control(ask: Asking) -> None:
    """The last step before it holds the best noise, which is finite."""
    model = Itself()
    scene = model.scene(ask.request(bars=1))
    calls = iter(range(100))
    objective = goal("brittle", lambda latent: latent.square().mean((1, 2)) / (0.0 if next(calls) >= 8 else 1.0))
    seen: list[Step] = []
    with pytest.raises(NonFiniteLossError, match="brittle"):
        seen.extend(minimize(plan(chain=ONE), objective, model, scene, tiny_noise(model, scene)))
    assert seen
    assert torch.isfinite(seen[-1].best_noise).all()


def test_no_memory_is_said_in_a_sentence(ask: Asking) -> None:
    """Whatever torch raises for it."""
    model = Itself()
    scene = model.scene(ask.request(bars=1))

    def too_much(latent: Tensor) -> Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(OutOfMemoryError, match="memory"):
        run(plan(chain=ONE), goal("huge", too_much), model, scene, tiny_noise(model, scene))


def test_controls_that_pull_unequally_are_balanced(ask: Asking) -> None:
    """One loss is a thousand times the other; balanced, both fall, unbalanced the small one hardly does."""
    model = Itself(dtype=torch.float64)
    scene = model.scene(ask.request(bars=1))
    noise = tiny_noise(model, scene)

    def both(strong: float) -> Objective:
        first = goal("strong", lambda latent: strong * (latent[:, ::2] - 1).square().mean((1, 2)))
        second = goal("weak", lambda latent: (latent + 1).square().mean((1, 2)))
        return Objective((*first.goals, *second.goals))

    ends = {}
    for balance in (True, False):
        chosen = plan(chain=ONE, steps=60, shell=None, balance=Balance() if balance else None)
        steps = run(chosen, both(1000.0), model, scene, noise)
        ends[balance] = steps[-1].losses["weak"] / steps[0].losses["weak"]
    assert ends[True] < 0.9 * ends[False]


def test_the_noise_stays_noise(tiny: TinyModel, ask: Asking) -> None:
    """After 30 steps its mean is within 0.02 and its deviation within 0.05 of a Gaussian's, as the bar asks."""
    request = ask.request(ask.intensity())
    scene, objective, noise = scene_of(tiny, request)
    best = run(plan(steps=30, until_tolerance=False), objective, tiny, scene, noise)[-1].best_noise
    assert abs(float(best.mean())) < 0.02
    assert abs(float(best.std()) - 1) < 0.05


class Misleading(TinyModel):
    """A model whose one-step surrogate hears the opposite of its longer chains."""

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        clean = super().denoise(latent, time, scene, until=until)
        return clean if float(time) < 1 else -clean


def test_what_gets_worse_goes_slower(tiny: TinyModel, ask: Asking) -> None:
    """A surrogate that misleads is followed in shorter steps; a good one is not slowed down."""
    verification = Verification(chain=THREE, every_steps=2)
    rates = {}
    for model in (tiny, Misleading()):
        scene, objective, noise = scene_of(model, ask.request(ask.intensity()))
        steps = run(plan(chain=ONE, verification=verification), objective, model, scene, noise)
        rates[type(model)] = min(float(step.state.pace.rate) for step in steps)
    assert rates[TinyModel] == 1
    assert rates[Misleading] < 1


def test_a_search_that_leaps_over_its_target_goes_slower(ask: Asking) -> None:
    """Between looks as well: steps that are far too long get shorter, grow back, and the end is nearer for it."""
    model, scene, objective, _ = noise_to_find(ask, turned=1)
    verification, long = Verification(chain=ONE, every_steps=100), replace(EASED, learning_rate=1.5)
    made = plan(chain=ONE, verification=verification, steps=20, step_size=long, shell=None)
    steps = run(made, objective, model, scene, tiny_noise(model, scene))
    rates = [float(step.state.pace.rate) for step in steps]
    assert min(rates) < 1
    assert any(later > earlier for earlier, later in itertools.pairwise(rates))
    assert max(rates) <= 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pace, "SLOWER", 1.0)
        leaping = run(made, objective, model, scene, tiny_noise(model, scene))
    assert float(steps[-1].total) < 0.7 * float(leaping[-1].total)


def test_a_surrogate_that_is_within_its_tolerances_is_verified_at_once(ask: Asking) -> None:
    """A search whose surrogate is right ends at its target, not at the next look that was due anyway."""
    model, scene, objective, _ = noise_to_find(ask, turned=1, tolerance=0.1)
    made = plan(chain=ONE, verification=Verification(chain=ONE, every_steps=100), steps=200, shell=None)
    *_, before, last = steps = run(made, objective, model, scene, tiny_noise(model, scene))
    assert [step.index for step in steps if step.exact] == [0, last.index]
    assert last.reached
    assert last.distances["there"] <= Verification.BELIEVED < before.distances["there"]


def test_a_search_that_begins_near_does_not_lose_it(ask: Asking) -> None:
    """Near the target steps are short: no step on the way is worse than the start."""
    model, scene, objective, wanted = noise_to_find(ask)
    start = a_little_off(wanted)
    worst, taken = {}, float((start - wanted).square().mean())
    for eases in (False, True):
        size = EASED if eases else replace(EASED, easing=None)
        made = plan(chain=ONE, steps=10, shell=None, step_size=size)
        worst[eases] = max(float(step.total) for step in run(made, objective, model, scene, start))
    assert worst[True] <= 1.01 * taken
    assert worst[False] > 1.5 * taken


def test_a_redraw_does_not_leap_over_its_target(ask: Asking) -> None:
    """From a take that is a few tolerances off, steps as long as a search's would lead farther away first."""
    model, scene, objective, wanted = noise_to_find(ask)
    start = a_little_off(wanted)
    far, near = (
        run(
            plan(
                chain=ONE,
                verification=Verification(chain=ONE, always_waveform=near),
                steps=10,
                shell=None,
                step_size=replace(EASED, learning_rate=0.2),
                trust_region=TrustRegion() if near else None,
            ),
            objective,
            model,
            scene,
            start,
        )
        for near in (False, True)
    )
    assert max(float(step.total) for step in far) > 2 * float(far[0].total)
    assert max(float(step.total) for step in near) <= float(near[0].total)
    assert near[-1].reached
