"""The initial noise of a request: of its seeds or of an earlier take, layer by layer."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .. import sampling
from ..audio.repeat import NEAR_BEATS, turn_beats, turned
from ..controls.reference import beats_of, on_the_loop
from ..models.protocol import Layers, Model, Scene, without_controls
from ..request import LoopRequest, Method, Start
from ..request.loop import refuse_layers
from ..search.part import kept_from
from .noise import LayeredNoise, layered_from_bytes, noise_from_bytes, of_another_loop
from .weights import weights_notes


@dataclass(frozen=True, slots=True)
class InitialNoise:
    """The initial `noise` [takes, *noise_shape] of a request, with the scene that it is for.

    `heard` [takes, layers, frames, channels] is the conditioning of layers on each other, by
    `protocol.Layers.condition_layers`; None for one sound. The layers that `stay`, while others are made again, are not
    searched. Where layers stay, or a take is rebuilt, `raised_db` [layers] are the take's stored gains of its layers, 0
    for others, and `gain_db` is that of its whole loop; else None.
    """

    scene: Scene
    noise: Tensor
    heard: Tensor | None = None
    stay: tuple[str, ...] = ()
    raised_db: Tensor | None = None
    gain_db: float | None = None


def initial_noise(request: LoopRequest, model: Model, scene: Scene) -> InitialNoise:
    """Return the noise at which `request` starts, with its scene.

    Layers that stay keep the noise and the conditioning of their take, to the bit; those that are made anew are
    conditioned on them. Raises `BadRequestError` for layers of a model without them, or layers that would not stay
    because other weights made the take, and `BadInputError` for a stored noise that is damaged or of another loop.
    """
    scene = replace(scene, notes=(*scene.notes, *weights_notes(request, model, scene)))
    if not isinstance(model, Layers):
        refuse_layers(request)
    if not scene.layers or not isinstance(model, Layers):
        return InitialNoise(scene, _mix_noise(request, scene).to(model.device))
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
    stay = tuple(known) if request.again else ()
    if request.method is not Method.NONE and request.budget.steps != 0:
        scene = replace(scene, notes=(*scene.notes, *kept_from(request, scene, stay)))
    # Layers of new seeds are conditioned on the others as these are without control inputs, so that a target moves no
    # other layer than its own.
    conditioning_scene = scene if start is not None else without_controls(model, scene)
    _, heard = model.condition_layers(conditioning_scene, noise, beside, known)
    initial = InitialNoise(model.with_layer_context(scene, heard), noise.to(model.device), heard, stay)
    if stored is None or not (stay or request.budget.steps == 0):
        return initial
    return replace(initial, raised_db=_raised_before(stored, scene), gain_db=stored.gain_db)


def _mix_noise(request: LoopRequest, scene: Scene) -> Tensor:
    """Return the noise of one sound [takes, *noise_shape]: of the seeds, or of an earlier take, varied as asked.

    The noises of a take's layers are added and divided by the root of their number, so that the sum is Gaussian.
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
    """Return the noise [takes, *noise_shape] from a take in layers, and the conditioning of layers that stay, by name.

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


def _raised_before(stored: LayeredNoise, scene: Scene) -> Tensor:
    """Return by how much each layer of `scene` was raised in a take, in dB: [layers]; 0 for layers that it lacks."""
    raised_db = torch.zeros(len(scene.layers))
    for place, name in enumerate(scene.layers):
        if name in stored.layers:
            raised_db[place] = stored.raised_db[stored.layers.index(name)]
    return raised_db


def _check_shape(found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    if tuple(found) != tuple(wanted):
        raise of_another_loop()


def _beside(request: LoopRequest, model: Model, scene: Scene) -> tuple[Scene, Tensor | None]:
    """Return the scene with a note on the recording's length, and the recording [channels, samples] or None.

    A shorter one is repeated where it is a whole number of beats long.
    """
    if request.beside is None:
        return scene, None
    beats, audio = beats_of(request.beside, request), on_the_loop(request.beside, model, scene)[0]
    if beats > scene.beats - NEAR_BEATS:
        return scene, audio
    turn = turn_beats(beats, scene.beats)
    if not turn:
        note = (
            f"The recording is {float(beats):.1f} of {float(scene.beats):g} beats long; "
            "the rest of the loop hears silence."
        )
        return replace(scene, notes=(*scene.notes, note)), audio
    note = f"The recording is {turn} of {float(scene.beats):g} beats long, and is heard again and again."
    again = audio[:, torch.from_numpy(turned(audio.shape[-1], scene.beats, turn))]
    return replace(scene, notes=(*scene.notes, note)), again
