"""What a text-to-music diffusion model must offer; everything else works against this.

A model is a noise schedule, a denoiser and a decoder. All schedules have the form

    x_t = alpha(t) x_0 + sigma(t) eps            (flow: alpha = 1 - t, sigma = t; VE: alpha = 1)

and all denoisers answer with their estimate of x_0, so that one sampler serves every family
(for a rectified flow DDIM with eta 0 *is* Euler on the same grid).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from midi.chords.text import ChordSpan

from ..request import LoopRequest
from ..spectrum import Spectrum


class Sampler(StrEnum):
    """Which function of `engine.sampling` turns a noise into a latent."""

    DDIM = "ddim"
    DPMPP_2M = "dpm++"
    TRAJECTORY = "trajectory"
    RENOISE = "renoise"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Facts about a model that do not depend on a request."""

    name: str
    licence: str
    page: str
    parameters_millions: float
    sample_rate: int
    channels: int
    circular: bool  # does the denoiser itself know that time is a circle?
    sampler: Sampler  # how it decodes best
    surrogate_steps: int  # ditto2: steps while optimising
    decode_steps: int  # steps for the delivered loop
    max_seconds: float  # the longest piece it can make at once
    learning_rate: float = 0.035  # length of a step, in units of the noise's standard deviation
    notes: tuple[str, ...] = ()  # sentences for the producer (known limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A grid of times from noise to data: each [steps + 1], float64, on the CPU; sigma falls to 0 or near."""

    times: Tensor
    alphas: Tensor
    sigmas: Tensor

    @property
    def steps(self) -> int:
        """Number of denoiser calls."""
        return len(self.times) - 1

    @classmethod
    def flow(cls, times: Tensor) -> "Schedule":
        """Return the schedule of a rectified flow, alpha = 1 - t, on falling `times` [steps] before the final 0."""
        times = torch.cat([times.double(), torch.zeros(1, dtype=torch.float64)])
        return cls(times=times, alphas=1 - times, sigmas=times)

    @classmethod
    def straight(cls, steps: int) -> "Schedule":
        """Return the schedule of a rectified flow on `steps` equal steps."""
        return cls.flow(torch.linspace(1, 0, steps + 1, dtype=torch.float64)[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A request as one model sees it: its conditioning and the piece of time that it makes.

    `frames` latent frames span exactly `beats` beats (the whole loop, or for models that cannot hit the length, a
    little more: then `lead_samples`, the loop, and what goes on past its end). `inputs` is the adapter's own
    conditioning.
    """

    frames: int
    noise_shape: tuple[int, ...]  # of one take, without the batch axis
    time_axis: int  # which axis of the noise (without batch) is time
    model_samples: int  # what decode returns, at the model's rate
    loop_samples: int  # how much of that is the loop, at the model's rate
    tempo_bpm: Fraction
    beats: Fraction
    guidance: float
    inputs: Any
    circular: bool  # decode wraps: the last sample meets the first
    notes: tuple[str, ...] = ()  # sentences for the producer (unknown words, half time, ...)
    record: Mapping[str, object] = field(default_factory=dict)  # how it was read, for the record of a take
    loudness_lufs: float | None = None  # what one gain brings such a loop to; None leaves the model's own level
    layers: tuple[str, ...] = ()  # whose noises the first axis of the noise holds; none where a loop is one sound
    muted: tuple[str, ...] = ()  # layers that the others hear, and that are no part of the loop
    chords: tuple[ChordSpan, ...] = ()  # that the layers are told; none where nothing is told
    told: str = ""  # what a take stores so that layers which stay are told the same when it is begun from
    lead_samples: int = 0  # made before the loop; above 0 where the loop is trimmed out of a longer piece and closes
    noises: int = 1  # side by side in the noise's channels: x_T, then those that a renoising sampler adds

    @property
    def audible(self) -> tuple[str, ...]:
        """The layers whose sum is the loop."""
        return tuple(layer for layer in self.layers if layer not in self.muted)

    @property
    def closes(self) -> bool:
        """Whether the delivered sound goes round: made as a circle, or trimmed where its end meets its beginning."""
        return self.circular or self.lead_samples > 0


@runtime_checkable
class Model(Protocol):
    """A frozen text-to-music diffusion model. All tensors are [batch, ...]; nothing has global side effects."""

    card: ModelCard

    @property
    def device(self) -> torch.device:
        """Where the denoiser computes; noise and latents are best there too."""
        ...

    def scene(self, request: LoopRequest) -> Scene:
        """Return conditioning and shapes for `request`; raise `BadRequestError` for what cannot be made."""
        ...

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the time grid of a chain of `steps` denoiser calls."""
        ...

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return the estimate of x_0 from `latent` [batch, *noise_shape] at `time` (a scalar tensor).

        With `until`, a two-time (trajectory) model answers for the jump from `time` to `until`: following
        the straight line to the returned x_0 from `time` to `until` lands on its trajectory. Models without
        a second time ignore it. Carries the gradient.
        """
        ...

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples] at the model's rate, before any peak normalisation."""
        ...

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the mono mix's spectrum of the loop, carrying the gradient to `latent`.

        Exact for models whose latent is a spectrogram; others decode and analyse.
        """
        ...

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return the latent [batch, *noise_shape] of audio [batch, channels, scene.model_samples]."""
        ...

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum that `listen` would give for audio [batch, channels, samples] at the model's rate."""
        ...


@runtime_checkable
class Turns(Protocol):
    """A model that knows no circle and has inputs that lie in time: they turn with a latent that is rolled."""

    def turned(self, scene: Scene, frames: int) -> Scene:
        """Return `scene` with all that lies in time rolled by `frames`."""
        ...


@runtime_checkable
class Fades(Protocol):
    """A model that can make a latent's loop louder and quieter over time, without a sound being made."""

    def faded(self, latent: Tensor, gain_db: Tensor) -> Tensor:
        """Return `latent` [batch, *noise_shape] with its level moved by `gain_db` [batch, frames of `listen`]."""
        ...


class LearnedStep(Protocol):
    """What a model has learnt of where a search for a target ends."""

    @property
    def knows(self) -> Collection[Any]:
        """Which goals it has learnt, `engine.controls.Shown`."""
        ...

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of its weights, for the record of a take."""
        ...

    def shown(self, noise: Tensor, scene: Scene) -> Tensor:
        """Return the latent [batch, *noise_shape] that the model gives of `noise` when it is shown what is asked."""
        ...

    def change(self, noise: Tensor, way: Tensor, latents: Tensor, features: Sequence[Any], scene: Scene) -> Tensor:
        """Return a change of `noise` [batch, *noise_shape].

        `way` leads down the slope of the losses, as far as a sum of squares promises its minimum. `latents`
        [3, batch, *noise_shape] are its own loop, the one of the model that is shown what is asked, faded to the level
        that is asked for, and the search's anchor. `features` are what it sees of the goals,
        `engine.controls.Features`.
        """
        ...


@runtime_checkable
class StepsFirst(Protocol):
    """A model that may have learnt where a search for a target ends, to begin near there."""

    @property
    def learned_step(self) -> LearnedStep | None:
        """What it has learnt; None without weights."""
        ...


@runtime_checkable
class Characterises(Protocol):
    """A model with an embedding of a loop's sound that does not depend on when the sounds occur."""

    def character(self, latent: Tensor) -> Tensor | None:
        """Return unit vectors [batch, size] of `latent`'s sound, carrying the gradient; None without an embedding.

        A search may optimise this embedding, so that no score may use it.
        """
        ...


@runtime_checkable
class ListensThrough(Protocol):
    """A model whose latent is not quite its sound, and which can analyse the waveform that `decode` makes."""

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the decoded waveform, in the bands and frames of `listen`."""
        ...


@runtime_checkable
class EmbeddingDistance(Protocol):
    """A model with an embedding that judges loops and that no search optimises."""

    def embedding_distance(
        self, latent: Tensor, noise: Tensor, scene: Scene, uncontrolled: Tensor | None = None
    ) -> float | None:
        """Return the distance (0 to 2) of `latent` [1, ...] to the uncontrolled loop of `noise`; None without towers.

        `uncontrolled` is the latent of that loop, where the caller has it.
        """
        ...


@runtime_checkable
class Weighed(Protocol):
    """A model that can name the weights that decide on the sound of a scene."""

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits, the same for the same weights; empty where they are not known."""
        ...


@runtime_checkable
class Layers(Protocol):
    """A model whose scene may have layers: its noise and latent are [batch, layers, ...], and the loop is their sum.

    Of a scene without layers it makes one sound, as a model that knows none.
    """

    def listen_to(self, latent: Tensor, scene: Scene, layers: Collection[str]) -> Spectrum:
        """Return the spectrum that `listen` would of these layers alone; the gradient reaches no other."""
        ...

    def stems(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return the audio [batch, layers, channels, scene.model_samples]; `decode` is the sum of those not muted."""
        ...

    def only(self, scene: Scene, layers: Collection[str]) -> Scene:
        """Return the scene of some of the layers, which hear what they heard before."""
        ...

    def rehearsed(
        self, scene: Scene, noise: Tensor, beside: Tensor | None = None, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Scene, Tensor]:
        """Return the scene in which the layers of `noise` [batch, *noise_shape] hear each other, and what they hear.

        Those that are `known` hear [frames, channels] as they did, and come first; all others hear what is `beside`
        the loop [channels, samples], too. What they hear [batch, layers, frames, channels] belongs to a take: a rebuilt
        one hears the same by `with_heard`. A batch of fewer takes than were rehearsed is of the first of them.
        """
        ...

    def with_heard(self, scene: Scene, heard: Tensor) -> Scene:
        """Return the scene whose layers hear `heard`, as `rehearsed` returned it."""
        ...
