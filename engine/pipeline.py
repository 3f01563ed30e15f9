"""The whole flow on one screen: a request becomes targets, noise, latent, sound, loop, scores, takes.

`make_loop` returns an iterator that its caller drives: stop asking and the work stops; call `stop()` and the best takes
so far follow; read its `Progress` to see how far it is.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, no_grad

from . import controls, metrics, sampling
from .audio import finish as loop
from .errors import NonFiniteLossError, OutOfMemoryError
from .events import (
    Accepted,
    Cancelled,
    Checkpoint,
    Done,
    Event,
    Preview,
    Run,
    Scores,
    Sound,
    Stems,
    Take,
)
from .metrics import ending
from .models import decode
from .models.protocol import EmbeddingDistance, Layers, Model, Scene
from .request import Layer, LoopRequest, Start
from .search import guidance, methods, minimize
from .search.first_step import learned_step
from .search.objective import Objective
from .search.part import Part, part_of
from .search.report import Step, counted, decoding, progress
from .search.state import SearchState
from .search.surrogate import latent_of
from .settings import Settings
from .takes.beginning import Beginning, begin, check_rebuilt, weights_of
from .takes.noise import noise_to_bytes, open_seeds
from .takes.record import layer_facts, noise_facts, search_facts, what_was_done

PROGRESS_EVERY_SECONDS = 0.1  # ten times a second: a producer sees it move, and no socket is flooded
SAVE_EVERY_SECONDS = 5.0
PREVIEW_EVERY_SECONDS = 2.0
CHORDAL = (Layer.BASS, Layer.CHORDS)  # the layers in which chords are recognised


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as one model sees it, with the objective and the plan of its search."""

    request: LoopRequest
    model: Model
    begun: Beginning
    part: Part  # what the search moves
    still: Tensor | None  # the latent of all, of which the search leaves what it does not move
    objective: Objective
    plan: methods.Plan

    @property
    def scene(self) -> Scene:
        """The scene of the whole loop."""
        return self.begun.scene

    @property
    def noise(self) -> Tensor:
        """The noise of the whole loop where it begins [takes, *noise_shape]."""
        return self.begun.noise

    def whole(self, latent: Tensor) -> Tensor:
        """Return the settled latent of the loop, of which `latent` [takes, ...] is the part that was moved."""
        if self.still is not None:
            return self.part.put(latent, self.still[: len(latent)])
        return self.objective.settled(latent)


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
    yield Accepted(request_id=request.request_id, notes=ready.scene.notes)

    search = Search()
    state = SearchState.from_bytes(resume, model.device) if resume else None
    if not stopped():
        yield from _optimise(ready, search, state, stopped, live=live)
    if stopped() and search.step is None:  # there is nothing to keep yet
        yield Cancelled(request_id=request.request_id)
        return

    takes: list[tuple[Take, Stems | None]] = []
    started = time.monotonic()
    yield decoding(request, search.step, 0, 0.0)
    best, latent = _best(ready, search)
    for item in range(len(best)):
        if item:
            yield decoding(request, search.step, item, time.monotonic() - started)
        takes.append(_finish(ready, search, best[item], latent[item], item))
    ranked = sorted(takes, key=lambda made: _rank(made[0].scores, search, made[0].take))
    for take, stems in ranked:
        yield take
        if stems is not None:
            yield stems
    if stopped():
        yield Cancelled(request_id=request.request_id, takes=len(ranked))
    else:
        yield Done(request_id=request.request_id, takes=len(ranked), best=ranked[0][0].take)


def rebuild(request: LoopRequest, model: Model, noise: bytes) -> NDArray[np.float32]:
    """Return the loop [2, request.samples] of a take's stored noise: the same sound, without optimising again."""
    stored = msgspec.structs.replace(request, start=Start(noise=noise), again=(), count=1)
    ready = _prepare(stored, model)
    check_rebuilt(noise, model, ready.scene)
    search = Search()
    if request.method == "guidance" and ready.objective.goals:
        # Guidance steers the chain, so its noise alone does not give the sound: guide the same chain again.
        search.step = next(guidance.guide(ready.objective, model, ready.part.scene, ready.part.of(ready.noise)))
    _, latent = _best(ready, search)
    return _finished(ready, latent[0]).audio


def _prepare(request: LoopRequest, model: Model, *, recomputes: bool = True) -> Prepared:
    begun = begin(request, model, model.scene(request))
    part = part_of(request, begun.scene, model)
    objective = methods.objective_of(request, part.scene, model)
    plan = methods.plan(request, model, objective, recomputes=recomputes)
    still = None
    if part.places is not None:
        still = latent_of(model, begun.scene, begun.noise, plan.decode, checkpoint=False)
    return Prepared(request, model, begun, part, still, objective, plan)


def _steps(ready: Prepared, state: SearchState | None) -> Iterator[Step]:
    """Return the steps of the request's method, on the part of the loop that its controls move."""
    objective, model, scene, noise = ready.objective, ready.model, ready.part.scene, ready.part.of(ready.noise)
    if not objective.goals or ready.request.method == "none":
        return iter(())
    if ready.request.method == "guidance":
        return guidance.guide(objective, model, scene, noise)
    return minimize.minimize(ready.plan, objective, model, scene, noise, resume=state)


def _optimise(
    ready: Prepared,
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
        for search.step in _steps(ready, state):
            search.losses.append(search.step.losses)
            if search.step.index == 0 and ready.request.start is None and not ready.plan.first_step:
                known = search.step.latent
                search.uncontrolled = None if known is None else ready.part.put(known, ready.still)
            now = time.monotonic()
            if len(search.losses) == 1:
                searching = now  # the first step on a machine compiles for many seconds, and searches nothing
            over = limit_seconds is not None and now - searching >= limit_seconds
            for event in news.due(now, over=over):
                yield event
                if stopped():
                    return
            if stopped() or over:
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
        self._ready, self._search, self._live = ready, search, live
        self._forecast = methods.forecast(ready.request, ready.plan, started)
        self._told = self._saved = started
        self._previewed = -np.inf

    def due(self, now: float, *, over: bool) -> Iterator[Event | Checkpoint]:
        """Yield the events that are due after a step, each made when it is asked for; `over` ends the search."""
        step, first = self._search.step, len(self._search.losses) == 1
        assert step is not None
        over = over or (step.reached and self._ready.plan.until_tolerance)
        self._forecast.step(step.index, now, exact=step.exact, distances=step.distances, over=over)
        if now - self._told >= PROGRESS_EVERY_SECONDS or first or over or step.index >= step.steps:
            self._told = now
            yield progress(self._ready.request, step, self._forecast.seconds_left, over=over)
        if self._live and now - self._previewed >= PREVIEW_EVERY_SECONDS:
            self._previewed = now
            yield _preview(self._ready, step)
        if self._live and now - self._saved >= SAVE_EVERY_SECONDS:
            self._saved = now
            yield Checkpoint(step.state.to_bytes())


def _best(ready: Prepared, search: Search) -> tuple[Tensor, Tensor]:
    """Return the best noise so far and its settled latent, both of the whole loop [takes, ...]."""
    step = search.step
    if step is None:
        return ready.noise, _latent(ready, ready.part.of(ready.noise))
    latent = _latent(ready, step.best_noise) if step.latent is None else ready.whole(step.latent)
    return ready.part.put(step.best_noise, ready.noise), latent


def _latent(ready: Prepared, noise: Tensor) -> Tensor:
    """Return the settled latent of the loop whose moved part has `noise` [takes, ...], by the chain that makes it."""
    return ready.whole(latent_of(ready.model, ready.part.scene, noise.detach(), ready.plan.decode, checkpoint=False))


def _finished(ready: Prepared, latent: Tensor) -> loop.Finished:
    """Return the loop of one settled latent."""
    model, scene = ready.model, ready.scene
    if scene.layers and isinstance(model, Layers):
        with no_grad():
            stems = model.stems(latent[None], scene)[0].float().cpu()
        audible = [name in scene.audible for name in scene.layers]
        return loop.finish(stems[audible].sum(0), scene, ready.request, stems=stems)
    return loop.finish(decode.to_audio(model, scene, latent[None])[0], scene, ready.request)


def _finish(ready: Prepared, search: Search, noise: Tensor, latent: Tensor, item: int) -> tuple[Take, Stems | None]:
    """Decode, cut, level and score one take; its stems beside it where they were asked for."""
    request, scene = ready.request, ready.scene
    finished, judges = _finished(ready, latent), controls.metrics()
    heard = partial(finished.heard, scene=scene)
    scores = metrics.score(finished.audio, request.sample_rate, request, judges, search.notes.append, heard)
    scores |= _embedding_distance(ready, search, latent, item)
    if scores.get("chords_recognised") is None:
        scores |= _chords(ready, finished)
    verdicts = metrics.judge(finished.audio, request.sample_rate, request, judges, heard)
    if request.chords and (verdict := metrics.chords.verdict(scores["chords_recognised"])) is not None:
        verdicts = (*verdicts, verdict)
    record = what_was_done(request, ready.model.card, search.losses, search.seconds)
    if search.step is not None:
        began = learned_step(ready.model) if ready.plan.first_step else None
        record |= search_facts(search.step.state.verified.count, began.digest if began else "")
    record |= {
        **noise_facts(noise, scene.time_axis),
        **scene.record,
        **layer_facts(scene, weights_of(ready.model, scene)),
        "verdicts": [msgspec.to_builtins(one) for one in verdicts],
        "panels": metrics.panels(request, judges),
        "gain_db": finished.gain_db,
        "rotation_samples": finished.rotation_samples,
    }
    take = Take(
        request_id=request.request_id,
        take=item,
        sound=_sound(finished.audio, request.sample_rate),
        scores=scores,
        noise=_stored(ready, noise, item),
        record=record,
        notes=(
            *dict.fromkeys(search.notes),
            *(one.sentence for one in verdicts),
            *metrics.unjudged(_steering(request), judges, scores, verdicts),
            *(() if ready.model.card.circular else ending.remarks(finished.audio, request)),
        ),
    )
    return take, _stems(ready, finished, item)


def _steering(request: LoopRequest) -> list[str]:
    """Return the kinds of controls that follow something; what closes a loop is told by its seam."""
    return [control.kind for control in request.controls if not controls.find(control.kind).closes]


def _embedding_distance(ready: Prepared, search: Search, latent: Tensor, item: int) -> Scores:
    """Return the distance to the loop without a search, where the model has an embedding for it."""
    model, request = ready.model, ready.request
    if not isinstance(model, EmbeddingDistance) or not request.controls:
        return {}
    uncontrolled = None if search.uncontrolled is None else search.uncontrolled[item : item + 1]
    first = (
        sampling.start_noise(ready.scene, request.seed + item) if not request.again else ready.noise[item : item + 1]
    )
    return {"embedding_distance": model.embedding_distance(latent[None], first, ready.scene, uncontrolled)}


def _chords(ready: Prepared, finished: loop.Finished) -> Scores:
    """Return the share of the loop's chords that is recognised in the layers that play them, where they are heard."""
    scene, request = ready.scene, ready.request
    if Layer.CHORDS not in scene.audible:  # a bass has no thirds, and drums have no chords at all
        return {"chords_recognised": None}
    audio = finished.layers(scene, CHORDAL)
    share = metrics.chords.recognised(audio, request.sample_rate, scene.chords, request.tempo_bpm)
    return {"chords_recognised": share}


def _stored(ready: Prepared, noise: Tensor, item: int) -> bytes:
    """Return the noise of one take with all that the sound is made of again."""
    heard = ready.begun.heard
    return noise_to_bytes(
        noise,
        model=ready.model.card.name,
        seed=ready.request.seed + item,
        open_seeds=open_seeds(ready.request),
        layers=ready.scene.layers,
        heard=None if heard is None else heard[item],
        weights=weights_of(ready.model, ready.scene),
        told=ready.scene.told,
    )


def _stems(ready: Prepared, finished: loop.Finished, item: int) -> Stems | None:
    """Return the stems of one take where the request asks for them."""
    if finished.stems is None or not ready.request.stems:
        return None
    samples = np.ascontiguousarray(finished.stems.swapaxes(1, 2)).astype("<f4").tobytes()
    return Stems(
        request_id=ready.request.request_id,
        take=item,
        layers=ready.scene.layers,
        muted=ready.scene.muted,
        samples=samples,
        sample_rate=ready.request.sample_rate,
        channels=finished.stems.shape[1],
    )


def _preview(ready: Prepared, step: Step) -> Preview:
    known = step.latent
    latent = _latent(ready, step.best_noise[:1]) if known is None else ready.whole(known[:1])
    sound = _sound(_finished(ready, latent[0]).audio, ready.request.sample_rate)
    return Preview(request_id=ready.request.request_id, take=0, step=counted(step)[0], sound=sound)


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
