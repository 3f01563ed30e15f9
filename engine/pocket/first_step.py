"""A learned first step: one forward pass that changes a noise so that its loop follows most of the targets.

A search starts at a noise whose loop has nothing to do with its targets. This network predicts the change of the noise
at which such a search ends (amortised optimisation, as HyperNoise does for images, arXiv:2508.09968). Its inputs are
the noise and its latent, a step down the gradient of the search's own losses, the features of targets and loop, the
search's anchor, and the latent that the model makes of this noise with the targets as control inputs. Before any
training it takes a share of the gradient step and of the difference to that latent. The noise stays Gaussian and the
take is still decode(sample(noise)); any search may go on from there. Layers are rows like any other. Without a target
of a kind that it was trained on, it changes nothing.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..controls import FeatureKind, Features
from ..models.protocol import Model, Scene
from ..models.stored import Unset
from ..sampling import sample
from .bands import FRAMES_PER_LATENT
from .layers import LAYERS

FILE: Final = "first_step.safetensors"
WIDTH: Final = 144
DOWN_BEGINS: Final = 0.4  # share of the gradient step before training
TOWARDS_BEGINS: Final = 0.15  # share of the difference of two latents, added to the noise; more overshoots
SMALL: Final = 0.1  # standard deviations of the noise that are 1 in the network's output
DILATIONS: Final = (1, 2, 4, 8, 16, 4, 1)
CHANNELS: Final = {FeatureKind.LEVEL: 3, FeatureKind.PITCH_CLASSES: 25, FeatureKind.ONSETS: 3, FeatureKind.CENTROID: 3}
FEATURES: Final = FRAMES_PER_LATENT * sum(CHANNELS.values())


class FirstStep(nn.Module):
    """From noise, latent and features, all [rows, frames, channels], to the change of the noise; circular in time."""

    deviation: Tensor
    known: Tensor

    def __init__(self, deviation: Tensor, trained_on: frozenset[FeatureKind] = frozenset(CHANNELS)) -> None:
        super().__init__()
        self.register_buffer("deviation", deviation.clone())
        self.register_buffer("known", torch.tensor([float(kind in trained_on) for kind in CHANNELS]))
        channels = len(deviation)
        self.enter = nn.Linear(5 * channels + FEATURES + len(LAYERS), WIDTH)
        self.blocks = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, dilation=dilation) for dilation in DILATIONS)
        self.leave = nn.Linear(WIDTH, 2 * channels)
        self.towards = nn.Parameter(torch.tensor([TOWARDS_BEGINS, 0.0])[:, None].repeat(1, channels))
        self.down = nn.Parameter(torch.full((channels,), DOWN_BEGINS))
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, noise: Tensor, descent: Tensor, latents: Tensor, features: Tensor, layer: Tensor) -> Tensor:
        """Return the change [rows, frames, channels].

        `descent` is a step from `noise` down the gradient of the losses. `latents` [3, rows, frames, channels] are that
        of `noise`, the one with the targets as control inputs, and the anchor; `layer` [rows, len(LAYERS)] is all zero
        for a full mix.
        """
        frames = noise.shape[1]
        own, *others = latents / self.deviation
        others = torch.stack(others) - own
        rows = [noise, descent / SMALL, own, *others, features, layer[:, None].expand(-1, frames, -1)]
        hidden = self.enter(torch.cat(rows, -1)).transpose(1, 2)
        for block, dilation in zip(self.blocks, DILATIONS, strict=True):
            around = hidden[..., torch.arange(-dilation, frames + dilation, device=hidden.device) % frames]
            hidden = hidden + F.gelu(block(around))
        share, aside = self.leave(hidden.transpose(1, 2)).chunk(2, -1)
        asked = (features != 0).flatten(1).any(1)[:, None, None]
        straight = (self.down + share) * descent + (self.towards[:, None, None] * others).sum(0)
        return (straight + SMALL * aside) * asked

    @property
    def trained_on(self) -> frozenset[FeatureKind]:
        """The kinds of target that it was trained on."""
        return frozenset(kind for kind, known in zip(CHANNELS, self.known, strict=True) if known)

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of the weights as they are stored."""
        digest = hashlib.blake2b(digest_size=6)
        for name, tensor in sorted(self.state_dict().items()):
            digest.update(name.encode() + tensor.detach().cpu().half().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self, folder: Path) -> None:
        """Write the weights to `folder` as float16."""
        save_file({name: tensor.half().contiguous() for name, tensor in self.state_dict().items()}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "FirstStep | None":
        """Return the network of a folder of weights; None where it has none."""
        if not (folder / FILE).exists():
            return None
        tensors = {name: tensor.float() for name, tensor in load_file(folder / FILE).items()}
        with Unset():
            made = cls(tensors["deviation"])
        made.load_state_dict(tensors)
        return made.eval().requires_grad_(False)


def feature_rows(found: Sequence[Features], scene: Scene, batch: int, frames: int) -> Tensor:
    """Return the features of all goals [batch, layers, frames, FEATURES], with one layer for a full mix.

    They are 0 for layers that a goal does not move. Of two goals of one kind the last counts.
    """
    layers = scene.layers or ("",)
    kinds = []
    for kind, channels in CHANNELS.items():
        rows = torch.zeros(batch, len(layers), channels, FRAMES_PER_LATENT * frames)
        for one in found:
            if one.kind is kind:
                reached = [not one.layers or name in one.layers for name in layers]
                rows[:, reached] = one.values.to(rows)[:, None]
        kinds.append(rows)
    whole = torch.cat(kinds, 2)  # [batch, layers, channels, analysis frames]
    folded = whole.unflatten(-1, (frames, FRAMES_PER_LATENT)).movedim(2, -1)
    return folded.flatten(-2)


def change(
    network: FirstStep,
    noise: Tensor,
    descent: Tensor,
    latents: Tensor,
    found: Sequence[Features],
    scene: Scene,
    layer: Tensor | None,
) -> Tensor:
    """Return the change of `noise` [batch, (layers,) frames, channels].

    `descent` and `latents` [3, *noise.shape] are as in `FirstStep.forward`; `layer` [layers, len(LAYERS)] is one-hot.
    """
    batch, frames = len(noise), noise.shape[-2]
    features = feature_rows(found, scene, batch, frames).to(noise).flatten(0, 1)
    rows_of_layers = noise.new_zeros(1, len(LAYERS)) if layer is None else layer.to(noise)
    rows = (tensor.reshape(-1, *noise.shape[-2:]) for tensor in (noise, descent))
    stacked = latents.reshape(len(latents), -1, *noise.shape[-2:])
    return network(*rows, stacked, features, rows_of_layers.repeat(batch, 1)).view_as(noise)


@dataclass(frozen=True, slots=True)
class PocketStep:
    """The learned step of a model that samples with `pocket`'s network: `protocol.LearnedStep`."""

    network: FirstStep
    model: Model

    @property
    def trained_on(self) -> frozenset[FeatureKind]:
        """The kinds of target that it was trained on."""
        return self.network.trained_on

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of its weights."""
        return self.network.digest

    def conditioned_latent(self, noise: Tensor, scene: Scene) -> Tensor:
        """Return the latent of `noise`, both [batch, *noise_shape], in one jump with the targets as control inputs."""
        model, asked = self.model, replace(scene, inputs=scene.inputs.with_controls(scene.inputs.asked))
        return sample(model, asked, noise, model.schedule(1, asked), model.card.sampler, checkpoint=False)

    def change(
        self, noise: Tensor, descent: Tensor, latents: Tensor, features: Sequence[Features], scene: Scene
    ) -> Tensor:
        """Return the change to add to `noise`, both [batch, *noise_shape]; see `protocol.LearnedStep.change`."""
        layer = scene.inputs.layer if scene.layers else None
        return change(self.network, noise, descent, latents, features, scene, layer)
