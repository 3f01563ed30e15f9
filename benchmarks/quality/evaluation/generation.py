"""Many loops from `pocket` at once: requests of one length share a batch, whatever their words and tempi."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from engine.audio import finish as loop
from engine.models.protocol import Sampler, Scene
from engine.pocket.arrangement import Arrangement
from engine.pocket.layered import LayeredPocket
from engine.pocket.layers import Layer
from engine.pocket.model import Pocket
from engine.request import LoopRequest
from engine.sampling import sample, start_noise

MAX_STUDENT_STEPS = 8  # longer chains are the teacher's: the flow itself, with guidance
BATCH = 8
Stems = Mapping[Layer, NDArray[np.float32]]


def generate(
    pocket: Pocket, requests: Sequence[LoopRequest], steps: int, chosen: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the index and the loop [2, samples] of each request in `chosen` as delivered, in batches of one length."""
    groups: dict[tuple[int, int], list[tuple[int, Scene]]] = defaultdict(list)
    for index in chosen:
        scene = pocket.scene(requests[index])
        groups[scene.frames, scene.inputs.pieces].append((index, scene))
    for group in groups.values():
        for first in range(0, len(group), BATCH):
            part = group[first : first + BATCH]
            scenes = [scene for _, scene in part]
            noise = torch.cat([start_noise(scene, requests[index].seed) for index, scene in part])
            latents = chain(pocket, _together(scenes), noise, steps)
            for (index, scene), latent in zip(part, latents, strict=True):
                with torch.no_grad():
                    sound = pocket.decode(latent[None], scene)[0]
                yield index, loop.finish(sound, scene, requests[index]).audio


def generate_in_layers(
    model: LayeredPocket, requests: Sequence[LoopRequest], chosen: Sequence[int]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the index and the loop [2, samples] of each request in `chosen`, its layers as words and seed decide."""
    for index in chosen:
        yield index, played(model, requests[index], model.arrange(requests[index]))[0]


def played(model: LayeredPocket, request: LoopRequest, plan: Arrangement) -> tuple[NDArray[np.float32], Stems]:
    """Return the loop in layers [2, samples] as it is delivered, and its stems before their gain."""
    scene = model.scene(request, plan)
    noise = start_noise(scene, request.seed)
    heard, _ = model.condition_layers(scene, noise)
    with torch.no_grad():
        steps = model.schedule(model.card.decode_steps, heard)
        latent = sample(model, heard, noise, steps, model.card.sampler, checkpoint=False)
        stems = model.stems(latent, heard)[0]
    audio = loop.finish(stems.sum(0), heard, request).audio
    return audio, {layer: stem.numpy() for layer, stem in zip(plan.layers, stems, strict=True)}


def chain(pocket: Pocket, scene: Scene, noise: torch.Tensor, steps: int) -> torch.Tensor:
    """Return the latents of `noise` after `steps` steps of the student, or of the teacher for long chains."""
    sampler = Sampler.TRAJECTORY if steps <= MAX_STUDENT_STEPS else Sampler.DDIM
    with torch.no_grad():
        return sample(pocket, scene, noise, pocket.schedule(steps, scene), sampler, checkpoint=False)


def _together(scenes: Sequence[Scene]) -> Scene:
    """Return one scene for a batch: as many conditions and musical phases as loops."""
    inputs = [scene.inputs for scene in scenes]
    if inputs[0].pieces > 1:
        raise ValueError("loops of more than one piece are made one by one")
    named = ("conditional", "unconditional", "phases")
    rows = {name: torch.cat([getattr(one, name) for one in inputs]) for name in named}
    return replace(scenes[0], inputs=replace(inputs[0], **rows))
