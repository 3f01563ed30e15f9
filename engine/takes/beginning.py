"""Where a request begins: at the noise of its seeds or of an earlier take, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .. import sampling
from ..controls.reference import beats_of, on_the_loop
from ..errors import BadInputError, BadRequestError
from ..models.protocol import Layers, Model, Scene, Weighed
from ..request import MIX, LoopRequest, Start
from ..request.layers import called
from .noise import LayeredNoise, layered_from_bytes, noise_from_bytes, of_another_loop, stored_facts

NEAR_BEATS = 0.1  # by which a recording may miss a whole number of beats and still be repeated on the beat


@dataclass(frozen=True, slots=True)
class Beginning:
    """The `scene` whose layers hear each other, the `noise` [takes, *noise_shape], and what they `heard`."""

    scene: Scene
    noise: Tensor
    heard: Tensor | None = None


def begin(request: LoopRequest, model: Model, scene: Scene) -> Beginning:
    """Return where `request` begins; raise `BadRequestError` or `BadInputError` for a take that it cannot begin from.

    Layers that stay keep the noise of their take and what they heard, to the bit; those that are made anew hear these.
    """
    scene = replace(scene, notes=(*scene.notes, *_weights_notes(request, model, scene)))
    if not isinstance(model, Layers):
        _refuse_layers(request, model)
    if not scene.layers or not isinstance(model, Layers):
        return Beginning(scene, _mix_noise(request, scene).to(model.device))
    scene, beside = _beside(request, model, scene)
    known: Mapping[str, Tensor]
    start, fresh = request.start, sampling.start_noise(scene, request.seed, request.count)
    stored = None if start is None else layered_from_bytes(start.noise)
    if start is None or stored is None:
        noise, known = fresh, {}
    else:
        noise, known = _continued(request, start, stored, fresh, scene)
        if beside is not None and len(known) == len(scene.layers):
            note = "Layers that stay do not hear the recording anew; make them again to have them hear it."
            scene = replace(scene, notes=(*scene.notes, note))
    scene, heard = model.rehearsed(scene, noise, beside, known)
    return Beginning(scene, noise.to(model.device), heard)


def _mix_noise(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the noise of one sound [takes, *noise_shape]: the seeds', or an earlier take's, varied as asked.

    The layers of a take become one noise as their sum, which is a Gaussian's once it is scaled.
    """
    if request.start is None:
        return sampling.start_noise(scene, request.seed, request.count)
    layered = layered_from_bytes(request.start.noise)
    if layered is None:
        stored = noise_from_bytes(request.start.noise, scene.noise_shape)
    else:
        _check_shape(layered.noise.shape[1:], scene.noise_shape)
        stored = layered.noise.sum(0) / len(layered.layers) ** 0.5
    same = stored.expand(request.count, *scene.noise_shape)
    return sampling.vary(same, request.start.variation, request.seed) if request.start.variation else same.clone()


def _continued(
    request: LoopRequest, start: Start, stored: LayeredNoise, fresh: Tensor, scene: Scene
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """Return the noise of a request that begins from a take in layers, and what those layers that stay heard.

    A variation moves the layers that are made again, and without such layers all of them.
    """
    _check_shape(stored.noise.shape[1:], scene.noise_shape[1:])
    noise, known = fresh.clone(), dict[str, Tensor]()
    for place, name in enumerate(scene.layers):
        if name not in stored.layers:
            continue
        own = stored.layers.index(name)
        if name not in request.again:
            noise[:, place] = stored.noise[own]
            known[name] = stored.heard[own]
        elif start.variation:
            noise[:, place] = stored.noise[own]
    if not start.variation:
        return noise, known
    varied = sampling.vary(noise, start.variation, request.seed)
    if not request.again:
        return varied, {}
    places = [scene.layers.index(name) for name in request.again if name in stored.layers]
    noise[:, places] = varied[:, places]
    return noise, known


def _check_shape(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if tuple(found) != tuple(wanted):
        raise of_another_loop()


def _beside(request: LoopRequest, model: Model, scene: Scene) -> tuple[Scene, Tensor | None]:
    """Return the recording beside the loop [channels, samples] as its layers hear it, with a note on its length.

    A shorter one is repeated where it is a whole number of beats long.
    """
    if request.beside is None:
        return scene, None
    beats, whole = float(beats_of(request.beside, request)), round(beats_of(request.beside, request))
    audio = on_the_loop(request.beside, model, scene)[0]
    if beats > scene.beats - NEAR_BEATS:
        return scene, audio
    if whole < 1 or abs(beats - whole) > NEAR_BEATS:
        note = f"The recording is {beats:.1f} of {float(scene.beats):g} beats long; the rest of the loop hears silence."
        return replace(scene, notes=(*scene.notes, note)), audio
    note = f"The recording is {whole} of {float(scene.beats):g} beats long, and is heard again and again."
    place = (torch.arange(audio.shape[-1]) * float(scene.beats) / audio.shape[-1]) % whole
    again = audio[:, (place * audio.shape[-1] / float(scene.beats)).long()]
    return replace(scene, notes=(*scene.notes, note)), again


def _refuse_layers(request: LoopRequest, model: Model) -> None:
    """Refuse what needs layers of a model that has none."""
    asked = [called(name) for name in ("chords", "again", "mute", "beside", "stems") if getattr(request, name)]
    asked += ["layers"] if request.layers not in ((), (MIX,)) else []
    asked += [f"layers of its own for {control.kind}" for control in request.controls if control.on]
    if asked:
        raise BadRequestError(
            f"{model.card.name} makes one sound without layers, so that {asked[0]} cannot be used.",
            remedy=f"Leave out {asked[0]}, or use the model pocket.",
        )


def weights_of(model: Model, scene: Scene) -> str:
    """Return the digest of the weights that decide on the sound of `scene`; empty where it is not known."""
    return model.weights_digest(scene) if isinstance(model, Weighed) else ""


def check_rebuilt(noise: bytes, model: Model, scene: Scene) -> None:
    """Refuse a stored take whose sound these weights cannot make again."""
    made, now = stored_facts(noise).get("weights", ""), weights_of(model, scene)
    if made and now and made != now:
        raise BadInputError(
            f"The take was made with the weights {made}, these are {now}: its sound cannot be made again.",
            remedy="Play its file, which holds the sound as it was.",
        )


def _weights_notes(request: LoopRequest, model: Model, scene: Scene) -> tuple[str, ...]:
    """Return what to say of a take that other weights made; raise `BadRequestError` where its layers should stay."""
    now = weights_of(model, scene)
    if request.start is None or not now:
        return ()
    if layered_from_bytes(request.start.noise) is not None and not scene.layers:
        return ("The take was made in layers: the full mix that begins from it sounds different.",)
    made = stored_facts(request.start.noise).get("weights", "")
    if made == now:
        return ()
    if not made:
        return ("The take does not say with which weights it was made: it may sound different.",)
    if request.again:
        raise BadRequestError(
            f"The take was made with the weights {made}, these are {now}: its other layers would not stay as they are.",
            remedy="Leave out again, and all layers sound different; or play the take's file beside new layers.",
        )
    return (f"The take was made with the weights {made}, these are {now}: it will sound different.",)
