"""The whole flow: what a producer gets when a request ends, is stopped, breaks down or goes on another day."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from asking import Asking

from engine import controls, metrics, pipeline
from engine.errors import NonFiniteLossError, OutOfMemoryError
from engine.events import Accepted, Cancelled, Checkpoint, Done, Event, Phase, Preview, Progress, Sound, Take
from engine.models.speed.threads import with_threads
from engine.models.testing import TinyModel
from engine.request import Budget, LoopRequest, Method
from engine.search import methods
from engine.search import minimize as optimize
from engine.search.methods import Plan
from engine.search.minimize import minimize
from engine.search.objective import Objective
from engine.search.report import Step
from engine.settings import Settings
from engine.takes.noise import noise_from_bytes
from engine.takes.prepared import prepare


@pytest.fixture
def every_step_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PROGRESS_EVERY_SECONDS", "SAVE_EVERY_SECONDS", "PREVIEW_EVERY_SECONDS"):
        monkeypatch.setattr(pipeline, name, 0.0)


def made(request: LoopRequest, model: TinyModel, **named: Any) -> list[Event | Checkpoint]:
    return list(pipeline.make_loop(request, model, Settings(), **named))


def of_kind(kind: type, events: list[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def audio(sound: Sound) -> np.ndarray[Any, Any]:
    return np.frombuffer(sound.samples, "<f4").reshape(-1, sound.channels).T


def stopping(steps: int, error: Exception) -> Callable[..., Iterator[Step]]:
    """Return a search that breaks down after `steps` steps."""

    def broken(*args: Any, **named: Any) -> Iterator[Step]:
        search = minimize(*args, **named)
        for _ in range(steps):
            yield next(search)
        raise error

    return broken


def test_takes_come_best_first(tiny: TinyModel, ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those within every tolerance, then the others, each by how far off they are; the end names the best."""
    found = iter([(True, 3.0), (False, 1.0), (True, 2.0)])

    def judged(*args: Any, **named: Any) -> Iterator[Step]:
        step = next(minimize(*args, **named))
        reached, total = (torch.tensor([value]) for value in next(found))
        yield replace(
            step,
            best_total=total,
            state=replace(step.state, best=replace(step.state.best, total=total, reached=reached)),
        )

    monkeypatch.setattr(optimize, "minimize", judged)
    request = ask.request(ask.intensity(), count=3)
    accepted, *takes, done = made(request, tiny)
    assert isinstance(accepted, Accepted)
    assert [take.take for take in of_kind(Take, takes)] == [2, 0, 1]
    assert done == Done(request_id=request.request_id, takes=3, best=2)


@pytest.mark.parametrize("method", [Method.NONE, Method.GUIDANCE, Method.DITTO, Method.DITTO2, Method.DITTO_PAPER])
def test_a_takes_noise_is_its_sound(tiny: TinyModel, ask: Asking, method: Any) -> None:
    """Whatever the method, the stored noise gives the same loop again, to 1e-4, without a search."""
    request = ask.request(ask.intensity(), ask.melody(), method=method, budget=Budget(steps=3))
    (take,) = of_kind(Take, made(request, tiny))
    again = pipeline.rebuild(request, tiny, take.noise)
    assert again.shape == (2, request.samples)
    np.testing.assert_allclose(again, audio(take.sound), rtol=0, atol=1e-4)


@pytest.mark.usefixtures("every_step_is_told")
def test_progress_ends_where_it_said(tiny: TinyModel, ask: Asking) -> None:
    """Of 4 steps the fourth is the last, then the sound is left; the first tells no time, and each control its loss."""
    request = ask.request(ask.intensity(), ask.melody(), budget=Budget(steps=4, until_tolerance=False))
    told = [progress for progress in of_kind(Progress, made(request, tiny)) if progress.phase == Phase.OPTIMISE]
    assert {progress.steps for progress in told} == {4}
    assert [progress.step for progress in told] == [1, 2, 3, 4, 4]
    assert told[0].seconds_left < 0 <= told[-1].seconds_left <= told[1].seconds_left
    assert all(progress.losses.keys() == {"intensity", "melody"} for progress in told)


@pytest.mark.usefixtures("every_step_is_told")
def test_what_follows_the_search_is_told(tiny: TinyModel, ask: Asking) -> None:
    """Newcomer B11: each take that is turned into sound is told, and how long the others take once one is known."""
    told = of_kind(Progress, made(ask.request(ask.intensity(), count=3, budget=Budget(steps=2)), tiny))
    search, decoding = (
        [progress for progress in told if (progress.phase == Phase.DECODE) is after] for after in (False, True)
    )
    assert [one.take for one in told] == sorted(one.take for one in told)
    assert {one.take for one in search} == {0, 1, 2}
    for take in range(3):
        phases = [one.phase for one in told if one.take == take]
        assert phases == [*[Phase.OPTIMISE] * (len(phases) - 1), Phase.DECODE]
    assert [(one.take, one.step, one.steps) for one in decoding] == [(0, 0, 3), (1, 1, 3), (2, 2, 3)]
    assert [progress.seconds_left < 0 for progress in decoding] == [True, False, False]


@pytest.mark.parametrize(
    ("budget", "quality_seconds", "said"),
    [(Budget(), 0.0, "a higher quality"), (Budget(seconds=1e-9), 60.0, "more seconds"), (Budget(steps=1), 60.0, "")],
)
def test_a_search_that_ends_by_the_clock_says_so(
    budget: Budget, quality_seconds: float, said: str, tiny: TinyModel, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The take is the best until then, and the sentence names what would let the search go on."""
    monkeypatch.setitem(methods.LIMIT_SECONDS, "normal", quality_seconds)
    request = ask.request(ask.intensity(-50.0, -12.0), budget=budget)
    (take,) = of_kind(Take, made(request, tiny))
    told = [note for note in take.notes if "out of time" in note]
    assert len(told) == bool(said)
    assert all(said in note for note in told)


@pytest.mark.usefixtures("every_step_is_told")
def test_a_preview_is_a_whole_loop(tiny: TinyModel, ask: Asking) -> None:
    """It has the length of the take, and the last is the take itself."""
    request = ask.request(ask.intensity(), method=Method.DITTO, budget=Budget(steps=3))
    events = made(request, tiny, live=True)
    previews, (take,) = of_kind(Preview, events), of_kind(Take, events)
    assert len(previews) >= 3
    assert {audio(preview.sound).shape for preview in previews} == {(2, request.samples)}
    np.testing.assert_allclose(audio(previews[-1].sound), audio(take.sound), rtol=0, atol=1e-4)


@pytest.mark.usefixtures("every_step_is_told")
@pytest.mark.parametrize("method", [Method.DITTO, Method.DITTO2])
def test_what_was_interrupted_goes_on_to_the_same_take(tiny: TinyModel, ask: Asking, method: Any) -> None:
    """From the checkpoint of any step; the one after the last has nothing left to do but to finish."""
    request = ask.request(ask.intensity(), ask.melody(), method=method, budget=Budget(steps=8, until_tolerance=False))
    events = made(request, tiny, live=True)
    (whole,) = of_kind(Take, events)
    states = [checkpoint.state for checkpoint in of_kind(Checkpoint, events)]
    for state in (states[0], states[4], states[-1]):
        (again,) = of_kind(Take, made(request, tiny, resume=state))
        np.testing.assert_allclose(audio(again.sound), audio(whole.sound), rtol=0, atol=1e-4)


@pytest.mark.usefixtures("every_step_is_told")
def test_a_cancelled_search_leaves_its_best(tiny: TinyModel, ask: Asking) -> None:
    """It answers with the take so far, which is nearer to what was asked than the seed alone, and says so."""
    request = ask.request(ask.intensity(), method=Method.DITTO, budget=Budget(steps=60, until_tolerance=False))
    making = pipeline.make_loop(request, tiny, Settings())
    for event in making:
        if isinstance(event, Progress) and event.step == 20:
            break
    making.stop()
    decoding, take, end = making
    assert isinstance(decoding, Progress)
    assert isinstance(take, Take)
    assert end == Cancelled(request_id=request.request_id, takes=1)
    assert take.record["steps"] == 20
    (alone,) = of_kind(Take, made(ask.request(ask.intensity(), method=Method.NONE), tiny))
    assert take.scores["intensity_mse"] < 0.5 * alone.scores["intensity_mse"]


def test_a_stop_among_finished_takes_loses_none(tiny: TinyModel, ask: Asking) -> None:
    """What is ready is sent, though the end says that it was stopped."""
    making = pipeline.make_loop(ask.request(method=Method.NONE, count=3), tiny, Settings())
    assert isinstance(next(making), Accepted)
    first = next(event for event in making if isinstance(event, Take))
    making.stop()
    second, third, end = making
    assert len({take.take for take in (first, second, third) if isinstance(take, Take)}) == 3
    assert isinstance(end, Cancelled)


@pytest.mark.parametrize("method", [Method.DITTO, Method.DITTO2])
def test_a_take_of_several_is_the_take_of_its_seed(tiny: TinyModel, ask: Asking, method: Any) -> None:
    """To the bit, however many others are asked for: each is searched for alone."""
    request = ask.request(ask.intensity(), method=method, count=3, budget=Budget(steps=6))
    several = sorted(of_kind(Take, made(request, tiny)), key=lambda take: take.take)
    for number, take in enumerate(several):
        seeded = msgspec.structs.replace(request, seed=request.seed + number, count=1)
        (alone,) = of_kind(Take, made(seeded, tiny))
        assert take.sound == alone.sound
        assert noise_from_bytes(take.noise, tiny.scene(request).noise_shape).equal(
            noise_from_bytes(alone.noise, tiny.scene(request).noise_shape)
        )


@pytest.mark.usefixtures("every_step_is_told")
def test_takes_go_on_where_they_were_interrupted(tiny: TinyModel, ask: Asking) -> None:
    """From a checkpoint in the middle of the second of three, all three are as without the interruption."""
    request = ask.request(ask.intensity(), count=3, budget=Budget(steps=4, until_tolerance=False))
    events = made(request, tiny, live=True)
    whole = of_kind(Take, events)
    states = [checkpoint.state for checkpoint in of_kind(Checkpoint, events)]
    assert len(states) == 3 * 5
    for state in (states[7], states[-1]):
        again = of_kind(Take, made(request, tiny, resume=state))
        assert [take.take for take in again] == [take.take for take in whole]
        for one, other in zip(again, whole, strict=True):
            np.testing.assert_allclose(audio(one.sound), audio(other.sound), rtol=0, atol=1e-4)


def test_takes_that_were_searched_together_go_on_apart(tiny: TinyModel, ask: Asking) -> None:
    """The journal of an earlier version holds one state of all takes; on another device the search begins anew."""
    request = ask.request(ask.intensity(), count=3, budget=Budget(steps=4, until_tolerance=False))
    ready = prepare(request, tiny)
    (*_, last) = minimize(ready.plan, ready.objective, tiny, ready.scene, ready.noise)
    takes = of_kind(Take, made(request, tiny, resume=last.state.to_bytes()))
    assert {take.take: take.record["steps"] for take in takes} == {0: 1, 1: 1, 2: 1}
    two = prepare(ask.request(ask.intensity(), count=2, budget=Budget(steps=4, until_tolerance=False)), tiny)
    (*_, other) = minimize(two.plan, two.objective, tiny, two.scene, two.noise)
    takes = of_kind(Take, made(request, tiny, resume=other.state.to_bytes()))
    assert {take.record["steps"] for take in takes} == {5}


def test_an_accelerator_searches_for_all_takes_at_once(tiny: TinyModel, ask: Asking) -> None:
    """There a batch costs hardly more than one take; a processor takes them in turn."""
    ready = prepare(ask.request(ask.intensity(), count=3), tiny)
    assert [(group.first, len(group.noise)) for group in ready.groups()] == [(0, 1), (1, 1), (2, 1)]
    (together,) = replace(ready, model=SimpleNamespace(device=torch.device("cuda"))).groups()
    assert len(together.noise) == 3


@pytest.mark.usefixtures("every_step_is_told")
def test_a_stop_between_takes_keeps_those_that_are_ready(tiny: TinyModel, ask: Asking) -> None:
    """And the best so far of the one that is searched for; those that were not begun are left out."""
    making = pipeline.make_loop(ask.request(ask.intensity(), count=3, budget=Budget(steps=4)), tiny, Settings())
    for event in making:
        if isinstance(event, Progress) and event.take == 1:
            break
    making.stop()
    *_, end = events = list(making)
    assert {take.take for take in of_kind(Take, events)} == {0, 1}
    assert isinstance(end, Cancelled)
    assert end.takes == 2


def test_a_take_that_breaks_down_leaves_those_before_it(
    tiny: TinyModel, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come with a sentence on what is missing and why."""
    kinds = iter([minimize, stopping(0, OutOfMemoryError("It is full."))])
    monkeypatch.setattr(optimize, "minimize", lambda *args, **named: next(kinds)(*args, **named))
    events = made(ask.request(ask.intensity(), count=3, budget=Budget(steps=2)), tiny)
    (take,) = of_kind(Take, events)
    assert take.notes[-1] == "It is full. So 2 more takes are missing."
    assert events[-1] == Done(request_id=take.request_id, takes=1, best=0)


@pytest.mark.parametrize("error", [NonFiniteLossError("The loss of melody was nan."), OutOfMemoryError("It is full.")])
def test_a_search_that_breaks_down_leaves_its_best(
    tiny: TinyModel, ask: Asking, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The take comes with a note of what went wrong; with nothing heard yet, the error is all there is to say."""
    request = ask.request(ask.intensity(), method=Method.DITTO, budget=Budget(steps=12))
    monkeypatch.setattr(optimize, "minimize", stopping(5, error))
    *_, take, end = made(request, tiny)
    assert isinstance(take, Take)
    assert isinstance(end, Done)
    assert str(error) in take.notes[0]
    assert np.isfinite(audio(take.sound)).all()
    monkeypatch.setattr(optimize, "minimize", stopping(0, error))
    with pytest.raises(type(error)):
        made(request, tiny)


def test_a_take_is_made_again_with_its_own_number_of_threads(
    tiny: TinyModel, ask: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums come out otherwise with another; the record tells it, and afterwards torch has the number of before."""
    request = ask.request(method=Method.NONE)
    with with_threads(2):
        (take,) = of_kind(Take, made(request, tiny))
    assert {name: take.record["computed"][name] for name in ("device", "precision", "threads")} == {
        "device": "cpu", "precision": "float32", "threads": 2,
    }  # fmt: skip
    seen: list[int] = []
    decode = tiny.decode

    def watched(*args: Any) -> torch.Tensor:
        seen.append(torch.get_num_threads())
        return decode(*args)

    monkeypatch.setattr(tiny, "decode", watched)
    with with_threads(1):
        again = pipeline.rebuild(request, tiny, take.noise)
        assert torch.get_num_threads() == 1
    assert seen == [2]
    np.testing.assert_array_equal(again, audio(take.sound))


def test_scores_are_those_of_what_is_delivered(tiny: TinyModel, ask: Asking) -> None:
    """Measured from the sound on the wire, they are the same."""
    request = ask.request(ask.intensity(), ask.melody(), budget=Budget(steps=3))
    (take,) = of_kind(Take, made(request, tiny))
    again = metrics.score(audio(take.sound), request.sample_rate, request, controls.metrics())
    assert {name: take.scores[name] for name in again} == pytest.approx(again, abs=1e-6)


def test_the_papers_own_losses_and_weights_reach_the_search(tiny: TinyModel, ask: Asking) -> None:
    """The whole flow minimises what the paper does, to its own tolerances, and not only plans for it."""
    request = ask.request(ask.intensity(), ask.melody(), method=Method.DITTO_PAPER, budget=Budget(steps=1))
    handed: list[Objective] = []

    def seen(chosen: Plan, objective: Objective, *args: Any, **named: Any) -> Iterator[Step]:
        handed.append(objective)
        return minimize(chosen, objective, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimize, "minimize", seen)
        assert of_kind(Take, made(request, tiny))
    found = {goal.kind: (goal.weight, goal.tolerance) for goal in handed[0].goals}
    assert found == {"intensity-paper": (0.25, 4.0), "melody-paper": (1.0, 0.05)}


def test_activations_may_be_kept(tiny: TinyModel, ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recomputing is the rule; who has the memory may have the time instead, and the loop is the same."""
    request = ask.request(ask.intensity(), method=Method.DITTO, budget=Budget(steps=3))
    objective = methods.objective_of(request, tiny.scene(request), tiny)
    assert methods.plan(request, tiny, objective).recompute
    assert not methods.plan(request, tiny, objective, recomputes=False).recompute
    takes = []
    for word in ("on", "off"):
        monkeypatch.setenv("DITTO_RECOMPUTE", word)
        assert Settings().recompute == (word == "on")
        takes += of_kind(Take, made(request, tiny))
    assert takes[0].sound == takes[1].sound
