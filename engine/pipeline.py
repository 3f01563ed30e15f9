"""The whole flow on one screen: a request becomes targets, noise, latent, sound, loop, scores, takes.

`make_loop` returns an iterator that its caller drives: stop asking and the work stops; call `stop()` and the best takes
so far follow; read its `Progress` to see how far it is.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, no_grad

from . import controls, metrics, sampling
from .audio import finish as loop
from .errors import NonFiniteLossError, OutOfMemoryError
from .events import Accepted, Cancelled, Checkpoint, Done, Event, Preview, Progress, Run, Scores, Sound, Take
from .metrics import ending
from .models import decode
from .models.protocol import EmbeddingDistance, Layers, Model, Scene
from .request import LoopRequest, Start
from .search import guidance, methods, minimize
from .search.objective import Objective
from .search.report import Step
from .search.state import SearchState
from .search.surrogate import latent_of
from .settings import Settings
from .takes.noise import heard_from_bytes, noise_from_bytes, noise_to_bytes, open_seeds
from .takes.record import noise_facts, what_was_done

PROGRESS_EVERY_SECONDS = 0.1  # ten times a second: a producer sees it move, and no socket is flooded
SAVE_EVERY_SECONDS = 5.0
PREVIEW_EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as one model sees it, with the objective and the plan of its search."""

    request: LoopRequest
    model: Model
    scene: Scene
    objective: Objective
    plan: methods.Plan


@dataclass(slots=True)
class Search:
    """How far the optimisation is: the last step, the losses of all steps, and notes on how it ended."""

    step: Step | None = None
    uncontrolled: Tensor | None = None  # the latent that the seeds' noise gives, where the first step made it
    losses: list[dict[str, float]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0


def make_loop(
    request: LoopRequest, model: Model, settings: Settings, *, resume: bytes | None = None, live: bool = False
) -> Run[Event | Checkpoint]:
    """Return a run that yields `Accepted`, `Progress` and the ranked `Take`s of `request`, then `Done` or `Cancelled`.

    With `live` there are `Preview`s and `Checkpoint`s too; `resume` is the state of one of those. The run raises
    `DittoError` for a loop that cannot be made. The delivered sound is decode(sample(noise)), resampled, rotated and
    multiplied by one number.
    """
    return Run(partial(_make_loop, request, model, settings, resume, live))


def _make_loop(
    request: LoopRequest,
    model: Model,
    settings: Settings,
    resume: bytes | None,
    live: bool,
    stopped: Callable[[], bool],
) -> Generator[Event | Checkpoint, None, None]:
    ready = _prepare(request, model, recomputes=settings.recompute)
    noise = _first_noise(request, ready.scene).to(model.device)
    ready, heard = _rehearsed(ready, noise)
    yield Accepted(request_id=request.request_id, notes=ready.scene.notes)

    search = Search()
    state = SearchState.from_bytes(resume, model.device) if resume else None
    if not stopped():
        yield from _optimise(ready, noise, search, state, stopped, live=live)
    if stopped() and search.step is None:  # there is nothing to keep yet
        yield Cancelled(request_id=request.request_id)
        return

    best, latent = _best(ready, search, noise)
    takes = [_finish(ready, search, best[item], latent[item], item, heard) for item in range(len(best))]
    ranked = sorted(takes, key=lambda take: _rank(take.scores, search, take.take))
    yield from ranked
    if stopped():
        yield Cancelled(request_id=request.request_id, takes=len(ranked))
    else:
        yield Done(request_id=request.request_id, takes=len(ranked), best=ranked[0].take)


def rebuild(request: LoopRequest, model: Model, noise: bytes) -> NDArray[np.float32]:
    """Return the loop [2, request.samples] of a take's stored noise: the same sound, without optimising again."""
    ready = _prepare(msgspec.structs.replace(request, start=Start(noise=noise)), model)
    stored = noise_from_bytes(noise, ready.scene.noise_shape)[None].to(model.device)
    ready, _ = _rehearsed(ready, stored)
    search = Search()
    if request.method == "guidance" and ready.objective.goals:
        # Guidance steers the chain, so its noise alone does not give the sound: guide the same chain again.
        search.step = next(guidance.guide(ready.objective, model, ready.scene, stored))
    _, latent = _best(ready, search, stored)
    return _finished(ready, latent[0]).audio


def _prepare(request: LoopRequest, model: Model, *, recomputes: bool = True) -> Prepared:
    scene = model.scene(request)
    objective = methods.objective_of(request, scene, model)
    plan = methods.plan(request, model, objective, recomputes=recomputes)
    return Prepared(request, model, scene, objective, plan)


def _rehearsed(ready: Prepared, noise: Tensor) -> tuple[Prepared, Tensor | None]:
    """Return `ready` with layers that hear each other, and what each hears [takes, ...]; None where there are none.

    A take that is begun from keeps what its layers heard, unless it is varied.
    """
    model, scene, start = ready.model, ready.scene, ready.request.start
    if not scene.layers or not isinstance(model, Layers):
        return ready, None
    known = None if start is None or start.variation else heard_from_bytes(start.noise, scene.layers)
    if known is not None:
        heard = known.expand(len(noise), *known.shape)
        return replace(ready, scene=model.with_heard(scene, heard)), heard
    scene, heard = model.rehearsed(scene, noise)
    return replace(ready, scene=scene), heard


def _steps(ready: Prepared, noise: Tensor, state: SearchState | None) -> Iterator[Step]:
    """Return the steps of the request's method."""
    objective, model, scene = ready.objective, ready.model, ready.scene
    if not objective.goals or ready.request.method == "none":
        return iter(())
    if ready.request.method == "guidance":
        return guidance.guide(objective, model, scene, noise)
    return minimize.minimize(ready.plan, objective, model, scene, noise, resume=state)


def _optimise(
    ready: Prepared,
    noise: Tensor,
    search: Search,
    state: SearchState | None,
    stopped: Callable[[], bool],
    *,
    live: bool,
) -> Iterator[Event | Checkpoint]:
    """Run the method's steps into `search`, yielding progress, previews and checkpoints when they are due."""
    limit_seconds = methods.limit_seconds(ready.request)
    started = searching = time.monotonic()
    news = _News(ready, search, started, live=live)
    try:
        for search.step in _steps(ready, noise, state):
            search.losses.append(search.step.losses)
            if search.step.index == 0 and ready.request.start is None and not ready.plan.first_step:
                search.uncontrolled = search.step.latent
            now = time.monotonic()
            if len(search.losses) == 1:
                searching = now  # the first step on a machine compiles for many seconds, and searches nothing
            for event in news.due(now):
                yield event
                if stopped():
                    return
            if stopped() or (limit_seconds is not None and now - searching >= limit_seconds):
                return
    except (NonFiniteLossError, OutOfMemoryError) as error:
        if search.step is None:
            raise
        search.notes.append(f"{error.sentence} This is the best take until then.")
    finally:
        search.seconds = time.monotonic() - started


class _News:
    """Tells the producer of a search, each kind of event at its own interval."""

    def __init__(self, ready: Prepared, search: Search, started: float, *, live: bool) -> None:
        self._ready, self._search, self._started, self._live = ready, search, started, live
        self._told = self._saved = started
        self._previewed = -np.inf

    def due(self, now: float) -> Iterator[Event | Checkpoint]:
        """Yield the events that are due after a step, each made when it is asked for."""
        step, first = self._search.step, len(self._search.losses) == 1
        assert step is not None
        if now - self._told >= PROGRESS_EVERY_SECONDS or first or step.reached:
            self._told = now
            yield _progress(self._ready.request, step, now - self._started)
        if self._live and now - self._previewed >= PREVIEW_EVERY_SECONDS:
            self._previewed = now
            yield _preview(self._ready, step)
        if self._live and now - self._saved >= SAVE_EVERY_SECONDS:
            self._saved = now
            yield Checkpoint(step.state.to_bytes())


def _best(ready: Prepared, search: Search, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Return the best noise so far and its settled latent, both [takes, ...]."""
    step = search.step
    if step is not None and step.latent is not None:
        return step.best_noise, ready.objective.settled(step.latent)
    best = step.best_noise if step is not None else noise
    return best, _latent(ready, best)


def _latent(ready: Prepared, noise: Tensor) -> Tensor:
    """Return the settled latent of `noise` [takes, ...] by the chain that makes the loop."""
    latent = latent_of(ready.model, ready.scene, noise.detach(), ready.plan.decode, checkpoint=False)
    return ready.objective.settled(latent)


def _finished(ready: Prepared, latent: Tensor) -> loop.Finished:
    """Return the loop of one settled latent."""
    model, scene = ready.model, ready.scene
    if scene.layers and isinstance(model, Layers):
        with no_grad():
            stems = model.stems(latent[None], scene)[0].float().cpu()
        return loop.finish(stems.sum(0), scene, ready.request, stems=stems)
    return loop.finish(decode.to_audio(model, scene, latent[None])[0], scene, ready.request)


def _finish(
    ready: Prepared, search: Search, noise: Tensor, latent: Tensor, item: int, heard: Tensor | None = None
) -> Take:
    """Decode, cut, level and score one take."""
    request, model, scene = ready.request, ready.model, ready.scene
    finished = _finished(ready, latent)
    judges, say = controls.metrics(), search.notes.append
    scores = metrics.score(finished.audio, request.sample_rate, request, judges, say)
    if isinstance(model, EmbeddingDistance) and request.controls:
        uncontrolled = search.uncontrolled[item : item + 1] if search.uncontrolled is not None else None
        first = sampling.start_noise(scene, request.seed + item)
        scores["embedding_distance"] = model.embedding_distance(latent[None], first, scene, uncontrolled)
    verdicts = metrics.judge(finished.audio, request.sample_rate, request, judges)
    record = what_was_done(request, model.card, search.losses, search.seconds) | noise_facts(noise, scene.time_axis)
    record |= {
        **scene.record,
        "verdicts": [msgspec.to_builtins(one) for one in verdicts],
        "gain_db": finished.gain_db,
        "rotation_samples": finished.rotation_samples,
    }
    return Take(
        request_id=request.request_id,
        take=item,
        sound=_sound(finished.audio, request.sample_rate),
        scores=scores,
        noise=noise_to_bytes(
            noise,
            model=model.card.name,
            seed=request.seed + item,
            open_seeds=open_seeds(request),
            layers=scene.layers,
            heard=None if heard is None else heard[item],
        ),
        record=record,
        notes=(
            *dict.fromkeys(search.notes),
            *(one.sentence for one in verdicts),
            *ending.remarks(finished.audio, request),
        ),
    )


def _first_noise(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the noise to start from [count, *noise_shape]: the seeds', or an earlier take's, varied as asked."""
    if request.start is None:
        return sampling.start_noise(scene, request.seed, request.count)
    stored = noise_from_bytes(request.start.noise, scene.noise_shape)
    same = stored.expand(request.count, *scene.noise_shape)
    return sampling.vary(same, request.start.variation, request.seed) if request.start.variation else same.clone()


def _progress(request: LoopRequest, step: Step, seconds: float) -> Progress:
    done, steps = _counted(step)
    left = 0.0 if step.reached else seconds * (steps - done) / done
    limit_seconds = methods.limit_seconds(request)
    if limit_seconds is not None:
        left = min(left, max(0.0, limit_seconds - seconds))
    return Progress(
        request_id=request.request_id,
        take=0,
        step=done,
        steps=steps,
        seconds_left=round(left, 2),
        losses=step.losses,
        phase=step.phase,
    )


def _preview(ready: Prepared, step: Step) -> Preview:
    known = step.latent
    latent = _latent(ready, step.best_noise[:1]) if known is None else ready.objective.settled(known[:1])
    sound = _sound(_finished(ready, latent[0]).audio, ready.request.sample_rate)
    return Preview(request_id=ready.request.request_id, take=0, step=_counted(step)[0], sound=sound)


def _counted(step: Step) -> tuple[int, int]:
    """Return which step this is, and of how many; the evaluation after the last step is not counted as a step."""
    steps = max(step.steps, 1)
    return min(step.index + 1, steps), steps


def _sound(audio: NDArray[np.float32], sample_rate: int) -> Sound:
    return Sound(
        samples=np.ascontiguousarray(audio.T).astype("<f4").tobytes(), sample_rate=sample_rate, channels=len(audio)
    )


def _rank(scores: Scores, search: Search, item: int) -> tuple[bool, float, float]:
    """Order takes by their loss, those within all tolerances first, and takes without a search by their seam."""
    step, seam = search.step, scores.get("seam_ratio") or 0.0
    if step is None:
        return False, 0.0, seam
    return not step.state.best.reached[item], float(step.best_total[item]), seam
