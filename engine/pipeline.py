"""The whole flow on one screen: a request becomes targets, noise, latent, sound, loop, scores, takes.

`make_loop` returns an iterator that its caller drives: stop asking and the work stops; call `stop()` and the best takes
so far follow; read its `Progress` to see how far it is.
"""

import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .errors import NonFiniteLossError, OutOfMemoryError
from .events import Accepted, Cancelled, Checkpoint, Done, Event, Preview, Run, Stems, Take
from .models.hardware import telling_exhaustion
from .models.protocol import Model
from .models.speed.threads import with_threads
from .request import Budget, LoopRequest, Method, Start
from .search import guidance, minimize
from .search.report import Step, counted, decoding, progress
from .search.state import SearchState
from .search.surrogate import latent_of
from .settings import Settings
from .takes import audibility
from .takes.finished import finish_take, finished, sound_of
from .takes.groups import TakeGroups
from .takes.prepared import Prepared, Search, prepare
from .takes.record import threads_of
from .takes.weights import check_rebuilt

READING, MAKING = "reading the request", "making the loop"  # what was done when memory ran out
PROGRESS_EVERY_SECONDS = 0.1  # ten times a second: a producer sees it move, and no socket is flooded
SAVE_EVERY_SECONDS = 5.0
PREVIEW_EVERY_SECONDS = 2.0


class _Made(NamedTuple):
    """A take with its stems, and its rank among those of its request: the lowest is the best."""

    take: Take
    stems: Stems | None
    rank: tuple[bool, float, float]


def make_loop(
    request: LoopRequest, model: Model, settings: Settings, *, resume: bytes | None = None, live: bool = False
) -> Run[Event | Checkpoint]:
    """Return a run that yields `Accepted`, `Progress` and the ranked `Take`s of `request`, then `Done` or `Cancelled`.

    With `live` there are `Preview`s and `Checkpoint`s too; `resume` is the state of one of those. The run raises
    `DittoError` for a loop that cannot be made. The delivered sound is decode(sample(noise)), resampled and
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
    with telling_exhaustion(READING):
        ready = prepare(request, model, recomputes=settings.recompute)
    yield Accepted(request_id=request.request_id, notes=(*model.card.notes, *ready.scene.notes))

    made: list[_Made] = []
    groups = TakeGroups.of(ready, resume)
    for group in groups:
        search = Search()
        try:
            with telling_exhaustion(MAKING):
                if not stopped():
                    yield from _optimise(group, search, groups, stopped, live=live)
                if stopped() and search.step is None:  # there is nothing to keep of this one
                    break
                yield from _finish(group, search, groups, made)
        except (NonFiniteLossError, OutOfMemoryError) as error:
            if not made:
                raise
            made[-1] = _remarked(made[-1], f"{error.sentence} So {request.count - len(made)} more takes are missing.")
            break
    yield from _delivered(request, made, stopped)


def _delivered(request: LoopRequest, made: list[_Made], stopped: Callable[[], bool]) -> Iterator[Event]:
    """Yield the takes, the best first, and the end."""
    ranked = sorted(made, key=lambda one: one.rank)
    for one in ranked:
        yield one.take
        if one.stems is not None:
            yield one.stems
    if stopped():
        yield Cancelled(request_id=request.request_id, takes=len(ranked))
    else:
        yield Done(request_id=request.request_id, takes=len(ranked), best=ranked[0].take.take)


def rebuild(request: LoopRequest, model: Model, noise: bytes) -> NDArray[np.float32]:
    """Return the loop [2, request.samples] of a take's stored noise: the same sound, without optimising again.

    It is computed with as many threads as the take, because sums come out otherwise in their last bits.
    """
    with with_threads(threads_of(noise)), telling_exhaustion(MAKING):
        return _rebuilt(request, model, noise)


def _rebuilt(request: LoopRequest, model: Model, noise: bytes) -> NDArray[np.float32]:
    # Without a search a take has the control inputs that are stored with its noise, whatever the request asks.
    stored = msgspec.structs.replace(request, start=Start(noise=noise), again=(), count=1, budget=Budget(steps=0))
    ready = prepare(stored, model)
    check_rebuilt(noise, model, ready.scene)
    search = Search()
    if request.method is Method.GUIDANCE and ready.objective.goals:
        # Guidance steers the chain, so its noise alone does not give the sound: guide the same chain again.
        search.step = next(guidance.guide(ready.objective, model, ready.part.scene, ready.part.of(ready.noise)))
    _, latent = _best(ready, search)
    return finished(ready, latent[0]).audio


def _steps(ready: Prepared, state: SearchState | None, near: Tensor | None) -> Iterator[Step]:
    """Return the steps of the request's method, on the part of the loop that its controls move and near `near`."""
    objective, model, scene, noise = ready.objective, ready.model, ready.part.scene, ready.part.of(ready.noise)
    if not objective.goals or ready.request.method is Method.NONE:
        return iter(())
    if ready.request.method is Method.GUIDANCE:
        return guidance.guide(objective, model, scene, noise)
    return minimize.minimize(ready.plan, objective, model, scene, noise, resume=state, near=near)


def _optimise(
    ready: Prepared, search: Search, groups: TakeGroups, stopped: Callable[[], bool], *, live: bool
) -> Iterator[Event | Checkpoint]:
    """Run the method's steps into `search`, yielding progress, previews and checkpoints when they are due."""
    limit_seconds = groups.limit_seconds
    started = searching = time.monotonic()
    reporter = _Reporter(ready, search, groups, started, live=live)
    try:
        near = None
        if (uncontrolled := ready.uncontrolled()) is not None:
            search.uncontrolled = ready.part.put(uncontrolled, ready.still)
            near = audibility.anchor_latent(ready, uncontrolled)
        for search.step in _steps(ready, groups.state, near):
            search.losses.append(search.step.losses)
            if search.step.index == 0 and _is_uncontrolled(ready):
                known = search.step.latent
                search.uncontrolled = None if known is None else ready.part.put(known, ready.still)
            now = time.monotonic()
            if len(search.losses) == 1:
                searching = now  # the first step on a machine compiles for many seconds, and searches nothing
            over = limit_seconds is not None and now - searching >= limit_seconds
            for event in reporter.due(now, over=over):
                yield event
                if stopped():
                    return
            if over and limit_seconds is not None and not search.step.reached:
                search.notes.append(_out_of_time(ready.request, limit_seconds))
            if stopped() or over:
                return
    except (NonFiniteLossError, OutOfMemoryError) as error:
        if search.step is None:
            raise
        search.notes.append(f"{error.sentence} This is the best take until then.")
    finally:
        search.seconds = time.monotonic() - started
        groups.spent_seconds += search.seconds
        if search.step is not None:
            groups.keep(search.step.state)


def _out_of_time(request: LoopRequest, limit_seconds: float) -> str:
    """Return a sentence on a search that ended by the clock, before its targets were reached."""
    longer = "more seconds" if request.budget.seconds is not None else "a higher quality, or a number of steps,"
    return f"The search was out of time after {limit_seconds:.0f} s; {longer} would let it go on."


def _is_uncontrolled(ready: Prepared) -> bool:
    """Whether a search begins at the loop that the seeds' noise gives without controls."""
    return not (ready.request.start or ready.plan.first_step or ready.is_conditioned)


class _Reporter:
    """Tells the producer of a search, each kind of event at its own interval."""

    def __init__(self, ready: Prepared, search: Search, groups: TakeGroups, started: float, *, live: bool) -> None:
        self._ready, self._search, self._groups, self._live = ready, search, groups, live
        self._forecast = groups.forecast(started)
        self._reported = self._saved = started
        self._previewed = -np.inf

    def due(self, now: float, *, over: bool) -> Iterator[Event | Checkpoint]:
        """Yield the events that are due after a step, each made when it is asked for; `over` ends the search."""
        step, first = self._search.step, len(self._search.losses) == 1
        assert step is not None
        over = over or (step.reached and self._ready.plan.until_tolerance)
        self._forecast.step(step.index, now, verifications=step.state.verified.count, over=over)
        if now - self._reported >= PROGRESS_EVERY_SECONDS or first or over or step.index >= step.steps:
            self._reported = now
            yield progress(self._ready.request, self._ready.first, step, self._forecast.seconds_left, over=over)
        if self._live and now - self._previewed >= PREVIEW_EVERY_SECONDS:
            self._previewed = now
            yield _preview(self._ready, step)
        if self._live and now - self._saved >= SAVE_EVERY_SECONDS:
            self._saved = now
            yield Checkpoint(self._groups.checkpoint(step.state))


def _finish(ready: Prepared, search: Search, groups: TakeGroups, made: list[_Made]) -> Iterator[Event]:
    """Turn what a search found into takes, and add them to those that are `made`."""
    yield decoding(ready.request, search.step, len(made), groups.seconds_left(0))
    best, latent = _best(ready, search)
    for item in range(len(best)):
        if item:
            yield decoding(ready.request, search.step, len(made), groups.seconds_left(item))
        started = time.monotonic()
        take, stems = finish_take(ready.alone(item), search, best[item], latent[item], item)
        made.append(_Made(take, stems, _rank(take, search, item)))
        groups.sound_seconds = time.monotonic() - started


def _best(ready: Prepared, search: Search) -> tuple[Tensor, Tensor]:
    """Return the best noise so far and its finished latent, both of the whole loop [takes, ...]."""
    step = search.step
    if step is None:
        return ready.noise, _latent(ready, ready.part.of(ready.noise))
    latent = _latent(ready, step.best_noise) if step.latent is None else ready.whole(step.latent)
    return ready.part.put(step.best_noise, ready.noise), latent


def _latent(ready: Prepared, noise: Tensor) -> Tensor:
    """Return the finished latent of the loop whose moved part has `noise` [takes, ...], by the chain that makes it."""
    return ready.whole(latent_of(ready.model, ready.part.scene, noise.detach(), ready.plan.decode, checkpoint=False))


def _preview(ready: Prepared, step: Step) -> Preview:
    known = step.latent
    latent = _latent(ready, step.best_noise[:1]) if known is None else ready.whole(known[:1])
    sound = sound_of(finished(ready, latent[0]).audio, ready.request.sample_rate)
    return Preview(request_id=ready.request.request_id, take=ready.first, step=counted(step)[0], sound=sound)


def _remarked(made: _Made, note: str) -> _Made:
    return made._replace(take=msgspec.structs.replace(made.take, notes=(*made.take.notes, note)))


def _rank(take: Take, search: Search, item: int) -> tuple[bool, float, float]:
    """Order takes by their loss, those within all tolerances first, and takes without a search by their seam."""
    step, seam = search.step, take.scores.get("seam_ratio") or 0.0
    if step is None:
        return False, 0.0, seam
    return not step.state.best.reached[item], float(step.best_total[item]), seam
