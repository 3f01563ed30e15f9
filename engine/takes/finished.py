"""A take from its latent: decoded, cut, levelled, scored and recorded, with its stems where they are asked for."""

from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
from numpy.typing import NDArray
from torch import Tensor, no_grad

from .. import controls, metrics, sampling
from ..audio import finish as loop
from ..events import Scores, Sound, Stems, Take
from ..metrics import ending, seam
from ..models import decode
from ..models.protocol import EmbeddingDistance, HasControlInputs, Layers, controls_of
from ..request import Layer, LoopRequest
from ..search.first_step import learned_step
from . import audibility
from .noise import noise_to_bytes, open_seeds
from .prepared import Prepared, Search
from .record import computed_by, layer_facts, noise_facts, search_facts, what_was_done
from .weights import weights_of

CHORDAL = (Layer.BASS, Layer.CHORDS)  # the layers in which chords are recognised
FAINT_DB = -40.0  # RMS of a layer over that of the loop, under which nobody hears it beside the others


def finished(ready: Prepared, latent: Tensor) -> loop.Finished:
    """Return the loop of one finished latent [*noise_shape]."""
    model, scene = ready.model, ready.scene
    if scene.layers and isinstance(model, Layers):
        with no_grad():
            stems = model.stems(latent[None], scene)[0].float().cpu()
        audible = [name in scene.audible for name in scene.layers]

        def mixed(raised_db: Tensor) -> loop.Finished:
            louder = stems * 10 ** (raised_db / 20)[:, None, None]
            mix, kept_db = louder[audible].sum(0), ready.initial.gain_db
            made = loop.finish(mix, scene, ready.request, stems=louder, kept_gain_db=kept_db)
            return replace(made, raised_db=tuple(raised_db.tolist()))

        return mixed(audibility.raised_db(ready, stems, mixed))
    return loop.finish(decode.to_audio(model, scene, latent[None])[0], scene, ready.request)


def finish_take(one: Prepared, search: Search, noise: Tensor, latent: Tensor, item: int) -> tuple[Take, Stems | None]:
    """Return the take `one` of `noise` and its finished `latent`, both [*noise_shape], and its stems if asked for.

    `item` is its place in the batch of `search`.
    """
    request, scene = one.request, one.scene
    made, judges = finished(one, latent), controls.metrics()
    heard = partial(made.heard, scene=scene)
    scores = metrics.score(made.audio, request.sample_rate, request, judges, search.notes.append, heard)
    scores |= _embedding_distance(one, search, latent, item)
    if scores.get("chords_recognised") is None:
        scores |= _chords(one, made)
    verdicts = metrics.judge(made.audio, request.sample_rate, request, judges, heard)
    if request.chords and (verdict := metrics.chords.verdict(scores["chords_recognised"])) is not None:
        verdicts = (*verdicts, verdict)
    record = _record(one, search, noise) | {
        "verdicts": [msgspec.to_builtins(verdict) for verdict in verdicts],
        "panels": metrics.panels(request, judges),
        "gain_db": made.gain_db,
    }
    take = Take(
        request_id=request.request_id,
        take=one.first,
        sound=sound_of(made.audio, request.sample_rate),
        scores=scores,
        noise=_stored(one, noise, made),
        record=record,
        notes=(
            *dict.fromkeys(search.notes),
            *(verdict.sentence for verdict in verdicts),
            *metrics.unjudged(_steering(request), judges, scores, verdicts),
            *_unheard(one),
            *seam.remarks(scores["seam_ratio"]),
            *(() if one.model.card.circular else ending.remarks(made.audio, request)),
            *audibility.sentences(one, made),
            *faint(one, made),
        ),
    )
    return take, _stems(one, made)


def sound_of(audio: NDArray[np.float32], sample_rate: int) -> Sound:
    """Return audio [channels, samples] as it goes over the wire."""
    return Sound(
        samples=np.ascontiguousarray(audio.T).astype("<f4").tobytes(), sample_rate=sample_rate, channels=len(audio)
    )


def _record(one: Prepared, search: Search, noise: Tensor) -> dict[str, object]:
    """Return what a take's record says of its making."""
    record = what_was_done(one.request, one.model.card, search.losses, search.seconds)
    if search.step is not None:
        began = learned_step(one.model) if one.plan.first_step else None
        record |= search_facts(search.step.state.verified.count, began.digest if began else "")
    return record | {
        "computed": msgspec.to_builtins(computed_by(one.model)),
        **noise_facts(noise, one.scene.time_axis),
        **one.scene.record,
        **layer_facts(one.scene, weights_of(one.model, one.scene)),
    }


def _steering(request: LoopRequest) -> list[str]:
    """Return the kinds of controls that follow something; what closes a loop is told by its seam."""
    return [control.kind for control in request.controls if not controls.find(control.kind).closes]


def _embedding_distance(one: Prepared, search: Search, latent: Tensor, item: int) -> Scores:
    """Return the distance to the loop without a search, where the model has an embedding for it."""
    model, request = one.model, one.request
    if not isinstance(model, EmbeddingDistance) or not request.controls:
        return {}
    uncontrolled = None if search.uncontrolled is None else search.uncontrolled[item : item + 1]
    first = sampling.start_noise(one.scene, request.seed + one.first) if not request.again else one.noise
    return {"embedding_distance": model.embedding_distance(latent[None], first, one.scene, uncontrolled)}


def _chords(one: Prepared, made: loop.Finished) -> Scores:
    """Return the share of the loop's chords that is recognised in the layers that play them, where they are heard."""
    scene, request = one.scene, one.request
    if Layer.CHORDS not in scene.audible:  # a bass has no thirds, and drums have no chords at all
        return {"chords_recognised": None}
    audio = made.layers(scene, CHORDAL)
    share = metrics.chords.recognised(audio, request.sample_rate, scene.chords, request.tempo_bpm)
    return {"chords_recognised": share}


def faint(one: Prepared, made: loop.Finished) -> tuple[str, ...]:
    """Return a sentence on layers that are in the mix and hardly heard there."""
    if made.stems is None:
        return ()
    least = 10 ** (FAINT_DB / 20) * np.sqrt(np.mean(made.audio**2))
    named = zip(one.scene.layers, made.stems, strict=True)
    faint = [name for name, stem in named if name in one.scene.audible and np.sqrt(np.mean(stem**2)) < least]
    return (f"Hardly heard: {', '.join(faint)}; made again, they may play more.",) if faint else ()


def _unheard(one: Prepared) -> tuple[str, ...]:
    """Return a sentence on each control whose layers are all muted, since a verdict on it is of a silent file."""
    muted = set(one.scene.muted)
    moved = ((part.kind, controls.find(part.kind).layers_in(one.scene, part.on)) for part in one.request.controls)
    return tuple(
        f"{kind}: what is said of it is of {' and '.join(names)}, which {'is' if len(names) == 1 else 'are'} muted."
        for kind, names in dict.fromkeys(moved)
        if names and muted.issuperset(names)
    )


def _stored(one: Prepared, noise: Tensor, made: loop.Finished) -> bytes:
    """Return the noise of a take with all that the sound is made of again."""
    heard = one.initial.heard
    return noise_to_bytes(
        noise,
        model=one.model.card.name,
        seed=one.request.seed + one.first,
        open_seeds=open_seeds(one.request),
        layers=one.scene.layers,
        heard=None if heard is None else heard[0],
        raised_db=made.raised_db,
        gain_db=made.gain_db,
        controls=controls_of(one.model, one.scene),
        has_inputs=isinstance(one.model, HasControlInputs),
        weights=weights_of(one.model, one.scene),
        conditioning=one.scene.conditioning,
        computed=msgspec.json.encode(computed_by(one.model)).decode(),
    )


def _stems(one: Prepared, made: loop.Finished) -> Stems | None:
    """Return the stems of a take where the request asks for them."""
    if made.stems is None or not one.request.stems:
        return None
    samples = np.ascontiguousarray(made.stems.swapaxes(1, 2)).astype("<f4").tobytes()
    return Stems(
        request_id=one.request.request_id,
        take=one.first,
        layers=one.scene.layers,
        muted=one.scene.muted,
        samples=samples,
        sample_rate=one.request.sample_rate,
        channels=made.stems.shape[1],
    )
