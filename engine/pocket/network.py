"""The network of `pocket`: one circular transformer with two times, teacher and few-step student in one.

It answers with the mean velocity of the jump from time t to time r along the probability flow of
x_t = (1 - t) x_0 + t eps. With r = t that is the flow's own velocity (the teacher: rectified flow, Liu et
al. 2022); with r < t it is the student's straight line over the teacher's curve (shortcut and mean flow
models, Frans et al. 2024, Geng et al. 2025), with guidance folded in.

Were latents independent and Gaussian, every jump would be known in closed form; the network learns only what music
adds to that (preconditioning as in Karras et al. 2022, eq. 7, here for jumps of any length).
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.stored import Stored, Unset
from . import musical_time
from .layers import CHORD_CLASSES, CHORD_KNOWN, CONTEXT_CHANNELS, LAYERS, ROOT_CLASSES, Layer

TIME_FREQUENCIES = 64
USUAL_FRAMES = 96  # where a head's sharpness is as learned; see `Block._attend`
SHORTEST = 1e-6  # of a query or key before it is divided by its length
LAYERED = ("layer_in", "context_in")  # the parameters that only a layered network has, and learns
OWN_WEIGHTS_OF = Layer.BASS  # whose chord bends its sound where it conditions the weights of all: see `LowRank`
OWN_WEIGHTS = ("reduce", "expand")  # how the names of that layer's own weights end
OWN_RANK = 32
LAYERED_SET = ("context_first", "layer_level")  # what it has beside them, set when weights are exported
FIRST_JUMP_ENDS = 0.9  # of time: a jump from above it is the first of a chain of any length up to ten
LAYER_INPUTS = "layer_inputs.safetensors"  # where they are kept, beside weights that stay as they are without them
CONTROL_CHANNELS = 17  # intensity and its flag, chroma (12) and its flag, onsets and their flag
# How layers that have learnt nothing yet read a chord: which part of it, as so many times the pitch class of a tune.
CHORDS_BEGIN = {
    Layer.BASS: (ROOT_CLASSES, 2.0),
    Layer.CHORDS: (CHORD_CLASSES, 1.0),
    Layer.LEAD: (CHORD_CLASSES, 0.5),
    Layer.TEXTURE: (CHORD_CLASSES, 1.0),
}
TUNE, TUNE_KNOWN = slice(2, 14), 14  # of them: the chroma and its flag


def _sines(time: Tensor) -> Tensor:
    """Return sines of `time` [batch] in 0..1 at frequencies 1 to 1000: [batch, 2 * TIME_FREQUENCIES]."""
    frequency = torch.exp(torch.linspace(0, math.log(1000), TIME_FREQUENCIES, device=time.device, dtype=time.dtype))
    angle = time[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], -1)


class LowRank(nn.Module):
    """A change of low rank to a linear map, for one layer's loops alone (LoRA, Hu et al. 2022, arXiv 2106.09685)."""

    def __init__(self, changed: nn.Linear) -> None:
        super().__init__()
        inputs, outputs = changed.in_features, changed.out_features
        self.reduce = nn.Parameter(torch.randn(inputs, OWN_RANK) * inputs**-0.5)
        self.expand = nn.Parameter(torch.zeros(OWN_RANK, outputs))

    def forward(self, hidden: Tensor, share: Tensor) -> Tensor:
        """Return what is added to the answer to `hidden` [batch, frames, inputs]; `share` [batch, 1, 1] is 0 or 1."""
        return ((hidden @ self.reduce) * share) @ self.expand


class Block(nn.Module):
    """Attention and feed-forward, each scaled, shifted and gated by the condition (DiT's AdaLN-zero)."""

    def __init__(self, width: int, heads: int, layered: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = nn.Linear(width, 6 * width)
        self.qkv = nn.Linear(width, 3 * width)
        self.sharpness = nn.Parameter(torch.ones(heads, 1, 1))
        self.length_power = nn.Parameter(torch.full((heads, 1, 1), 2.0))
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        if layered:
            changed = {"qkv": self.qkv, "out": self.out, "up": self.up, "down": self.down}
            self.own = nn.ModuleDict({name: LowRank(linear) for name, linear in changed.items()})
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, hidden: Tensor, condition: Tensor, rotations: Tensor, own: Tensor | None = None) -> Tensor:
        """Return `hidden` [batch, frames, width] after attention and feed-forward; `condition` is [batch, width].

        `rotations` are those of `_rotated`. `own` [batch, 1, 1] is 1 for loops of the layer with weights of its own,
        None where there are none of it.
        """
        shift, scale, gate, shift_up, scale_up, gate_up = self.modulation(condition)[:, None].chunk(6, -1)
        hidden = hidden + gate * self._attend(_norm(hidden) * (1 + scale) + shift, rotations, own)
        wide = self._linear("up", _norm(hidden) * (1 + scale_up) + shift_up, own)
        return hidden + gate_up * self._linear("down", F.gelu(wide, approximate="tanh"), own)

    def _linear(self, name: str, hidden: Tensor, own: Tensor | None) -> Tensor:
        answer: Tensor = getattr(self, name)(hidden)
        return answer if own is None else answer + self.own[name](hidden, own)

    def _attend(self, hidden: Tensor, rotations: Tensor, own: Tensor | None = None) -> Tensor:
        batch, frames, width = hidden.shape
        qkv = self._linear("qkv", hidden, own).view(batch, frames, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        both, (value,) = qkv.split((2, 1))
        # Normalised queries and keys keep attention stable in bfloat16. Each head learns its own sharpness, and by
        # which power of log(frames) it grows: among more frames the same scores are spread thinner (Nakanishi 2025).
        sharpness = self.sharpness * (math.log(frames) / math.log(USUAL_FRAMES)) ** self.length_power
        sizes = torch.stack([sharpness, torch.ones_like(sharpness)])[:, None] * qkv.shape[-1] ** 0.5
        lengths = torch.linalg.vector_norm(both, dim=-1, keepdim=True)
        # A rotation keeps lengths, so both are normalised at once: less than half the time of two norms.
        query, key = _rotated(both, rotations) * (sizes / lengths.clamp_min(SHORTEST)).to(qkv.dtype)
        attended = _attention(query, key, value)
        return self._linear("out", attended.transpose(1, 2).reshape(batch, frames, width), own)


def _has_own_weights(layer: Tensor) -> Tensor | None:
    """Return 1 for loops of the layer with low-rank weights of its own, else 0: [batch, 1, 1]; None if all are 0.

    Only on a processor is that looked at: elsewhere it would wait for the device.
    """
    share = layer[:, LAYERS.index(OWN_WEIGHTS_OF), None, None]
    looks = share.device.type == "cpu" and not torch.compiler.is_compiling()
    return None if looks and not share.any() else share


def _rotated(heads: Tensor, rotations: Tensor) -> Tensor:
    """Rotate pairs of channels of `heads` [..., batch, heads, frames, size] by musical angles (rotary, Su 2021).

    `rotations` [2, batch or 1, 1, frames, angles] are cosines and sines. Attention scores then depend on the distance
    of two frames in the beat, the bar and the loop. Channels beyond 2 * angles are not rotated, and compare sound
    alone.
    """
    angles = min(rotations.shape[-1], heads.shape[-1] // 2)
    one, other, rest = heads.split((angles, angles, heads.shape[-1] - 2 * angles), -1)
    cosine, sine = rotations[..., :angles].to(heads.dtype)
    return torch.cat([one * cosine - other * sine, other * cosine + one * sine, rest], -1)


def _attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return scaled dot-product attention [batch, heads, frames, size].

    PyTorch's own kernel for processors takes half as long again for a loop, and five times as long for a batch of
    pieces; plain matrix products run on the matrix units.
    """
    if query.device.type != "cpu":
        return F.scaled_dot_product_attention(query, key, value)
    with torch.autocast("cpu", enabled=False):  # which would make the softmax float32, and slower again
        score = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
        return score.softmax(-1) @ value.to(query.dtype)


def _norm(hidden: Tensor) -> Tensor:
    return F.layer_norm(hidden, hidden.shape[-1:])


class PocketNetwork(Stored):
    """Mean velocity u(x_t, t, r | condition): latents [batch, frames, channels] in and out.

    Attention sees no order but the musical phases, and the one convolution is circular: time is a circle.
    """

    deviation: Tensor
    context_first: Tensor
    layer_level: Tensor
    blocks: nn.ModuleList

    def __init__(
        self,
        channels: int = 224,
        width: int = 256,
        depth: int = 7,
        heads: int = 4,
        condition_channels: int = 316,
        layered: bool = False,
    ) -> None:
        super().__init__(
            channels=channels,
            width=width,
            depth=depth,
            heads=heads,
            condition_channels=condition_channels,
            layered=layered,
        )
        self.register_buffer("deviation", torch.ones(channels))
        self.latent_in = nn.Linear(channels, width)
        self.phase_in = nn.Linear(musical_time.CHANNELS, width)
        self.control_in = nn.Linear(CONTROL_CHANNELS, width, bias=False)
        self.neighbours = nn.Conv1d(width, width, 5, groups=width, padding=2, padding_mode="circular")
        self.time = nn.Sequential(nn.Linear(4 * TIME_FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.condition = nn.Sequential(nn.Linear(condition_channels, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        self.blocks = nn.ModuleList(Block(width, heads, layered) for _ in range(depth))
        self.final_modulation = nn.Linear(width, 2 * width)
        self.latent_out = nn.Linear(width, channels)
        silent = [self.control_in, self.latent_out, self.final_modulation]
        if layered:
            self.layer_in = nn.Parameter(torch.zeros(len(LAYERS), width))
            # A chord means another thing to a bass than to a lead: each layer reads its context by itself.
            self.context_in = nn.Parameter(torch.zeros(len(LAYERS), CONTEXT_CHANNELS, width))
            # The first jump decides on notes, those after it on sound: what conditions it besides bends no sound.
            self.register_buffer("context_first", torch.zeros(len(LAYERS), CONTEXT_CHANNELS, width))
            self.register_buffer("layer_level", torch.zeros(len(LAYERS), channels))
        for part in silent:
            nn.init.zeros_(part.weight)
        nn.init.zeros_(self.latent_out.bias)

    def forward(
        self,
        latent: Tensor,
        time: Tensor,
        until: Tensor,
        condition: Tensor,
        phases: Tensor,
        controls: Tensor | None = None,
        layer: Tensor | None = None,
        context: Tensor | None = None,
    ) -> Tensor:
        """Return the mean velocity from `time` to `until` (both [batch], 1 is noise, until <= time).

        `condition` [batch, condition_channels], `phases` [batch or 1, frames, musical_time.CHANNELS], `controls`
        [batch, frames, CONTROL_CHANNELS] or None without. A layered network is conditioned on the `layer` that it plays
        [batch, len(LAYERS)], all zero or None for the full mix, and on its `context` [batch, frames, CONTEXT_CHANNELS],
        zero where nothing is known: chords, and what is heard of the other layers.
        """
        known, _, unknown = self._gaussian(time, until)
        offset = None if layer is None else self._offset(layer)
        if offset is not None:  # the network sees latents as in training
            latent = latent - (1 - time)[:, None, None] * offset
        hidden, summary = self.states(latent, time, until, condition, phases, controls, layer, context)
        shift, scale = self.final_modulation(summary)[:, None].chunk(2, -1)
        velocity = known * latent + unknown * self.latent_out(_norm(hidden[-1]) * (1 + scale) + shift)
        return velocity if offset is None else velocity - offset

    def states(
        self,
        latent: Tensor,
        time: Tensor,
        until: Tensor,
        condition: Tensor,
        phases: Tensor,
        controls: Tensor | None = None,
        layer: Tensor | None = None,
        context: Tensor | None = None,
    ) -> tuple[list[Tensor], Tensor]:
        """Return the output of each block [batch, frames, width] and the embedding of time and words [batch, width]."""
        _, before, _ = self._gaussian(time, until)
        hidden = self.latent_in(latent / before) + self.phase_in(phases)
        if controls is not None:
            hidden = hidden + self.control_in(controls)
        if context is not None and layer is not None:
            first = (time > FIRST_JUMP_ENDS).to(layer)[:, None, None]
            hidden = hidden + context @ torch.einsum("bl,lcw->bcw", layer, self.context_in)
            hidden = hidden + first * (context @ torch.einsum("bl,lcw->bcw", layer, self.context_first))
        hidden = hidden + self.neighbours(hidden.transpose(1, 2)).transpose(1, 2)
        times = torch.cat([_sines(time), _sines(time - until)], -1)
        known = self.time(times) + self.condition(condition)
        summary = F.silu(known if layer is None else known + layer @ self.layer_in)
        rotations = musical_time.rotations(phases)[:, :, None]
        own = None if layer is None else _has_own_weights(layer)
        states = []
        for block in self.blocks:
            hidden = block(hidden, summary, rotations, own)
            states.append(hidden)
        return states, summary

    def _offset(self, layer: Tensor) -> Tensor:
        """Return the offset of each layer's latents from those in training: [batch, 1, channels]."""
        return (layer[:, :, None] * self.layer_level).sum(1)[:, None]  # no matrix product: bfloat16 would round it

    def _gaussian(self, time: Tensor, until: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the closed form of a jump if channels were Gaussian with `deviation`, each [batch, 1, channels].

        With s_t^2 = t^2 + (1 - t)^2 d^2 the flow carries x_t to x_t s_r / s_t: the share of x_t in the mean velocity,
        s_t, and the deviation of what is left of the velocity, d / s_t.
        """
        start, end, variance = time[:, None, None], until[:, None, None], self.deviation.square()
        before = (start.square() + (1 - start).square() * variance).sqrt()
        after = (end.square() + (1 - end).square() * variance).sqrt()
        known = (start + end - variance * (2 - start - end)) / (before * (before + after))
        return known, before, self.deviation / before


def of_layers(name: str) -> bool:
    """Return whether a parameter is one that only a layered network has."""
    return name in (*LAYERED, *LAYERED_SET) or name.endswith(OWN_WEIGHTS)


def in_layers(network: PocketNetwork, learnt: Mapping[str, Tensor] | None = None) -> PocketNetwork:
    """Return a copy that is conditioned on layers, too; as the full mix it answers as `network`, to the bit.

    `learnt` are its parameters named `LAYERED`. Without them it begins with what `network` knows of control inputs: the
    pitch classes of a tune are read as a chord's, or as its root by the bass. All else of the context is silent.
    """
    with Unset():
        made = PocketNetwork(**{**network.config, "layered": True}).to(network.deviation.device)
    added = {name: tensor for name, tensor in made.state_dict().items() if of_layers(name)}
    made.load_state_dict(added | network.state_dict() | dict(learnt or {}))
    if learnt is None:
        tune = network.control_in.weight.detach().T
        with torch.no_grad():
            for layer, (place, share) in CHORDS_BEGIN.items():
                own = made.context_in[LAYERS.index(layer)]
                own[place], own[CHORD_KNOWN] = share * tune[TUNE], min(share, 1.0) * tune[TUNE_KNOWN]
    return made
