"""The whole flow on one screen: a request becomes targets, noise, latent, sound, loop, scores, takes.

`make_loop` is a generator that its caller drives: stop asking and it stops; throw `KeyboardInterrupt` into it and
it answers with the best takes so far; read its `Progress` to see how far it is.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from . import decode, guidance, loop, methods, metrics, optimize, sampling, targets
from .errors import NonFiniteLossError, OutOfMemoryError
from .events import Accepted, Cancelled, Checkpoint, Done, Event, Preview, Progress, Scores, Sound, Take
from .models.protocol import Model, Scene
from .record import noise_facts, what_was_done
from .request import LoopRequest, Start
from .saved import SavedState, noise_from_bytes, noise_to_bytes, open_seeds
from .settings import Settings

PROGRESS_EVERY_SECONDS = 0.1  # ten times a second: a producer sees it move, nobody drowns in messages
SAVE_EVERY_SECONDS = 5.0
PREVIEW_EVERY_SECONDS = 2.0


@dataclass(slots=True)
class Search:
    """How far the optimisation is: the last step, what its losses were, and why it ended."""

    step: optimize.Step | None = None
    free: Tensor | None = None  # the latent that the seeds' noise gives uncontrolled, where the first step made it
    losses: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cancelled: bool = False
    seconds: float = 0.0


def make_loop(
    request: LoopRequest, model: Model, settings: Settings, *, resume: bytes | None = None, live: bool = False
) -> Generator[Event | Checkpoint, None, None]:
    """Yield `Accepted`, `Progress` and the ranked `Take`s of `request`, then `Done` or `Cancelled`.

    With `live` there are `Preview`s and `Checkpoint`s too; `resume` is the state of one of those. Raises `DittoError`
    for what cannot be made. The delivered sound is decode(sample(noise)), resampled, rotated and times one number.
    """
    scene = model.scene(request)
    objective = methods.objective_of(request, scene, model)
    plan = methods.plan(request, model, objective, recomputes=settings.recompute)
    noise = _first_noise(request, scene).to(model.device)
    yield Accepted(request_id=request.request_id, notes=scene.notes)

    search = Search()
    state = SavedState.from_bytes(resume, model.device) if resume else None
    yield from _optimise(request, model, scene, plan, objective, noise, search, state, live=live)

    best, latent = _best(search, plan, objective, model, scene, noise)
    takes = [_finish(request, model, scene, search, best[item], latent[item], item) for item in range(len(best))]
    ranked = sorted(takes, key=lambda take: _rank(take.scores, search, take.take))
    for take in ranked:
        try:
            yield take
        except KeyboardInterrupt:  # there is nothing left to stop: the rest is ready too
            search.cancelled = True
    if search.cancelled:
        yield Cancelled(request_id=request.request_id, takes=len(ranked))
    else:
        yield Done(request_id=request.request_id, takes=len(ranked), best=ranked[0].take)


def rebuild(request: LoopRequest, model: Model, noise: bytes) -> NDArray[np.float32]:
    """Return the loop [2, request.samples] of a take's stored noise: the same sound, without optimising again."""
    scene = model.scene(msgspec.structs.replace(request, start=Start(noise=noise)))
    objective = methods.objective_of(request, scene, model)
    plan = methods.plan(request, model, objective)
    stored = noise_from_bytes(noise, scene.noise_shape)[None].to(model.device)
    search = Search()
    if request.method == "guidance" and objective.goals:
        # Guidance steers along the way, so its noise alone is not the sound: walk the same way again.
        search.step = next(guidance.guide(plan, objective, model, scene, stored))
    _, latent = _best(search, plan, objective, model, scene, stored)
    return loop.finish(decode.to_audio(model, scene, latent)[0], scene, request).audio


def _optimise(
    request: LoopRequest,
    model: Model,
    scene: Scene,
    plan: optimize.Plan,
    objective: targets.Objective,
    noise: Tensor,
    search: Search,
    state: SavedState | None,
    *,
    live: bool,
) -> Iterator[Event | Checkpoint]:
    """Run the method's steps into `search`, yielding what the producer may want to see."""
    if not objective.goals or request.method == "none":
        return
    steps = (
        guidance.guide(plan, objective, model, scene, noise)
        if request.method == "guidance"
        else optimize.minimize(plan, objective, model, scene, noise, resume=state)
    )
    limit_seconds = methods.limit_seconds(request)
    started = said = time.monotonic()
    saved = searching = started
    previewed = -np.inf
    try:
        for search.step in steps:
            search.losses.append(search.step.losses)
            if search.step.index == 0 and request.start is None:
                search.free = search.step.latent
            now = time.monotonic()
            if len(search.losses) == 1:
                searching = now  # the very first step on a machine compiles for many seconds, and searches nothing
            if now - said >= PROGRESS_EVERY_SECONDS or len(search.losses) == 1 or search.step.reached:
                yield _progress(request, search, now - started)
                said = now
            if live and now - previewed >= PREVIEW_EVERY_SECONDS:
                yield _preview(request, model, scene, plan, objective, search.step)
                previewed = now
            if live and now - saved >= SAVE_EVERY_SECONDS:
                yield Checkpoint(search.step.state.to_bytes())
                saved = now
            if limit_seconds is not None and now - searching >= limit_seconds:
                break
    except KeyboardInterrupt:
        search.cancelled = True
    except (NonFiniteLossError, OutOfMemoryError) as error:
        if search.step is None:
            raise
        search.notes.append(f"{error.sentence} This is the best take until then.")
    search.seconds = time.monotonic() - started


def _best(
    search: Search, plan: optimize.Plan, objective: targets.Objective, model: Model, scene: Scene, noise: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the best noise so far and its finished latent, both [takes, ...]."""
    step = search.step
    if step is not None and step.latent is not None:
        return step.best_noise, objective.settled(step.latent)
    best = step.best_noise if step is not None else noise
    return best, objective.settled(_latent(model, scene, plan, best))


def _latent(model: Model, scene: Scene, plan: optimize.Plan, noise: Tensor) -> Tensor:
    schedule = model.schedule(plan.decode.steps, scene)
    return sampling.sample(model, scene, noise.detach(), schedule, plan.decode.sampler, checkpoint=False)


def _finish(
    request: LoopRequest, model: Model, scene: Scene, search: Search, noise: Tensor, latent: Tensor, item: int
) -> Take:
    """Decode, cut, level and score one take."""
    finished = loop.finish(decode.to_audio(model, scene, latent[None])[0], scene, request)
    scores = metrics.score(finished.audio, request.sample_rate, request)
    if hasattr(model, "held_out") and request.controls:
        free = search.free[item : item + 1] if search.free is not None else None
        scores["held_out"] = model.held_out(latent[None], sampling.start_noise(scene, request.seed + item), scene, free)
    record = what_was_done(request, model.card, search.losses, search.seconds) | noise_facts(noise, scene.time_axis)
    record |= {"gain_db": finished.gain_db, "rotation_samples": finished.rotation_samples}
    return Take(
        request_id=request.request_id,
        take=item,
        sound=_sound(finished.audio, request.sample_rate),
        scores=scores,
        noise=noise_to_bytes(noise, model=model.card.name, seed=request.seed + item, open_seeds=open_seeds(request)),
        record=record,
        notes=tuple(search.notes),
    )


def _first_noise(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the noise to start from [count, *noise_shape]: the seeds', or an earlier take's, varied as asked."""
    if request.start is None:
        return sampling.start_noise(scene, request.seed, request.count)
    stored = noise_from_bytes(request.start.noise, scene.noise_shape)
    same = stored.expand(request.count, *scene.noise_shape)
    return sampling.vary(same, request.start.variation, request.seed) if request.start.variation else same.clone()


def _progress(request: LoopRequest, search: Search, seconds: float) -> Progress:
    step = search.step
    assert step is not None
    share = (step.index + 1) / max(step.steps, step.index + 1)
    left = 0.0 if step.reached else seconds * (1 - share) / share
    limit_seconds = methods.limit_seconds(request)
    if limit_seconds is not None:
        left = min(left, max(0.0, limit_seconds - seconds))
    return Progress(
        request_id=request.request_id,
        take=0,
        step=step.index + 1,
        steps=max(step.steps, step.index + 1),
        seconds_left=round(left, 2),
        losses=step.losses,
        phase=step.phase,
    )


def _preview(
    request: LoopRequest,
    model: Model,
    scene: Scene,
    plan: optimize.Plan,
    objective: targets.Objective,
    step: optimize.Step,
) -> Preview:
    latent = step.latent if step.latent is not None else _latent(model, scene, plan, step.best_noise[:1])
    finished = loop.finish(decode.to_audio(model, scene, objective.settled(latent[:1]))[0], scene, request)
    return Preview(
        request_id=request.request_id, take=0, step=step.index + 1, sound=_sound(finished.audio, request.sample_rate)
    )


def _sound(audio: NDArray[np.float32], sample_rate: int) -> Sound:
    return Sound(
        samples=np.ascontiguousarray(audio.T).astype("<f4").tobytes(), sample_rate=sample_rate, channels=len(audio)
    )


def _rank(scores: Scores, search: Search, item: int) -> tuple[float, float]:
    """Order takes by what was asked of them, then by their seam."""
    asked = float(search.step.best_total[item]) if search.step is not None else 0.0
    return asked, scores.get("seam_ratio") or 0.0
