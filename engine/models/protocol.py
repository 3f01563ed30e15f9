"""The protocol of a text-to-music diffusion model: samplers, controls and searches use nothing else of it.

A model is a noise schedule, a denoiser and a decoder. All schedules have the form

    x_t = alpha(t) x_0 + sigma(t) eps            (flow: alpha = 1 - t, sigma = t; VE: alpha = 1)

and all denoisers return their estimate of x_0, so that one sampler serves every family
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
    """The function of `engine.sampling` that turns a noise into a latent."""

    DDIM = "ddim"
    DPMPP_2M = "dpm++"
    TRAJECTORY = "trajectory"
    RENOISE = "renoise"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """The facts about a model that do not depend on a request."""

    name: str
    licence: str
    page: str
    parameters_millions: float
    sample_rate: int  # of the decoder, in hertz
    channels: int  # of the decoded audio
    circular: bool  # rotating the denoiser's input in time rotates its output: a loop then has no seam
    sampler: Sampler  # of the delivered loop
    surrogate_steps: int  # denoiser calls of the surrogate that the method ditto2 optimises through
    decode_steps: int  # denoiser calls of the delivered loop
    max_seconds: float  # the longest piece it can make at once
    learning_rate: float = 0.035  # length of a step, in units of the noise's standard deviation
    surrogate_gain: float = 1.0  # how many times as far as the surrogate's the delivered chain's latent moves
    notes: tuple[str, ...] = ()  # sentences for the producer (known limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A grid of times from noise to data, with alpha and sigma there: each [steps + 1], float64, on the CPU.

    The last sigma is 0, or the smallest that the model was trained with.
    """

    times: Tensor
    alphas: Tensor
    sigmas: Tensor

    @property
    def steps(self) -> int:
        """The number of denoiser calls."""
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

    `frames` latent frames span exactly the `beats` beats of the loop. Where whole frames do not fit the loop's length
    they span a little more: `lead_samples`, the loop, and a rest past its end. `inputs` is the conditioning in a form
    that only the adapter reads. Lengths in samples are at the model's rate.
    """

    frames: int
    noise_shape: tuple[int, ...]  # of one take, without the batch axis
    time_axis: int  # which axis of the noise (without batch) is time
    model_samples: int  # length of the decoded audio
    loop_samples: int  # how many of them are the loop
    tempo_bpm: Fraction
    beats: Fraction
    guidance: float  # scale of classifier-free guidance; 1 is none
    inputs: Any
    circular: bool  # decoding wraps round in time, so that the last sample meets the first
    notes: tuple[str, ...] = ()  # sentences for the producer (unknown words, half time, ...)
    record: Mapping[str, object] = field(default_factory=dict)  # its reading, for the record of a take
    loudness_lufs: float | None = None  # one gain brings a loop to it; None leaves the model's own level
    layers: tuple[str, ...] = ()  # along the first axis of the noise; empty where a loop is one sound
    muted: tuple[str, ...] = ()  # layers that condition the others, and are not in the mix
    chords: tuple[ChordSpan, ...] = ()  # on which the layers are conditioned; empty without any
    conditioning: str = ""  # JSON of the layers' conditioning, stored with a take for requests that keep layers of it
    lead_samples: int = 0  # before the loop; above 0 where a loop is trimmed out of a longer piece
    noises: int = 1  # stacked in the noise's channels: x_T, then each noise that a renoising sampler adds

    @property
    def audible(self) -> tuple[str, ...]:
        """The layers whose sum is the loop."""
        return tuple(layer for layer in self.layers if layer not in self.muted)

    @property
    def closes(self) -> bool:
        """Whether the delivered sound repeats without a gap: made circular, or trimmed where its ends are matched."""
        return self.circular or self.lead_samples > 0


@runtime_checkable
class Model(Protocol):
    """A frozen text-to-music diffusion model. All tensors are [batch, ...]; no method has side effects outside it."""

    card: ModelCard

    @property
    def device(self) -> torch.device:
        """The device of the denoiser; noise and latents that lie there are not copied."""
        ...

    def scene(self, request: LoopRequest) -> Scene:
        """Return conditioning and shapes for `request`; raise `BadRequestError` where the model cannot make it."""
        ...

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the time grid of a chain of `steps` denoiser calls."""
        ...

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return the estimate of x_0 from `latent` [batch, *noise_shape] at `time` (a scalar tensor).

        With `until`, a two-time model (a flow map, as of consistency trajectory models) returns the x_0 of its jump:
        the straight line from `latent` at `time` to that x_0 meets its trajectory at `until`. Models without a second
        time ignore it. Carries the gradient.
        """
        ...

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples] at the model's rate, before any peak normalisation."""
        ...

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the loop of `latent` [batch, *noise_shape], carrying the gradient to it.

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
class RollsConditioning(Protocol):
    """A model that is not circular and has conditioning with a time axis, which must be rolled with the latent."""

    def rolled(self, scene: Scene, frames: int) -> Scene:
        """Return `scene` with all conditioning that has a time axis rolled by `frames` latent frames."""
        ...


@runtime_checkable
class Fades(Protocol):
    """A model that can change the level of a loop over time in its latent, without decoding."""

    def faded(self, latent: Tensor, gain_db: Tensor) -> Tensor:
        """Return `latent` [batch, *noise_shape] with its level raised by `gain_db` [batch, frames of `listen`]."""
        ...


class LearnedStep(Protocol):
    """A trained network that moves a noise to near where a search for its target would end."""

    @property
    def trained_on(self) -> Collection[Any]:
        """The kinds of target that it was trained on, each an `engine.controls.FeatureKind`."""
        ...

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of its weights, for the record of a take."""
        ...

    def conditioned_latent(self, noise: Tensor, scene: Scene) -> Tensor:
        """Return the latent of `noise`, both [batch, *noise_shape], by the model with the targets as control inputs."""
        ...

    def change(self, noise: Tensor, descent: Tensor, latents: Tensor, features: Sequence[Any], scene: Scene) -> Tensor:
        """Return the change to add to `noise`, both [batch, *noise_shape].

        `descent` [batch, *noise_shape] is a gradient step down the losses, of Polyak's length for a sum of squares.
        `latents` [3, batch, *noise_shape] are the latent of `noise`, the conditioned one, faded to the target's level,
        and the anchor of the search. `features` are the targets and the loop, one `engine.controls.Features` per goal.
        """
        ...


@runtime_checkable
class StepsFirst(Protocol):
    """A model that may have a `LearnedStep`, from which a search can begin."""

    @property
    def learned_step(self) -> LearnedStep | None:
        """The learned step; None where its weights are not installed."""
        ...


@runtime_checkable
class HasControlInputs(Protocol):
    """A model that may be conditioned on targets of a request frame by frame, as ControlNets are."""

    def controls_of(self, scene: Scene) -> Tensor | None:
        """Return the control inputs of `scene` [rows, frames, channels], which a take stores; None without any."""
        ...

    def without_controls(self, scene: Scene) -> Scene:
        """Return `scene` without control inputs: its loop of the same noise is the uncontrolled one."""
        ...


def controls_of(model: Model, scene: Scene) -> Tensor | None:
    """Return the control inputs of `scene` [rows, frames, channels]; None where it has none."""
    return model.controls_of(scene) if isinstance(model, HasControlInputs) else None


def without_controls(model: Model, scene: Scene) -> Scene:
    """Return `scene` without control inputs."""
    return model.without_controls(scene) if isinstance(model, HasControlInputs) else scene


@runtime_checkable
class Characterises(Protocol):
    """A model with an embedding of a loop's sound that does not depend on when the sounds occur."""

    def character(self, latent: Tensor) -> Tensor | None:
        """Return unit vectors [batch, size] of `latent` [batch, *noise_shape], carrying the gradient.

        None without the embedding's weights. A search may optimise this embedding, so no score may use it.
        """
        ...


@runtime_checkable
class ListensThrough(Protocol):
    """A model whose waveform only approximates its latent, a spectrogram, and which can analyse that waveform."""

    def listen_through(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the decoded waveform, in the bands and frames of `listen`."""
        ...


@runtime_checkable
class ExpectsWaveform(Protocol):
    """A model that knows how the waveforms of its latents usually differ from what the latents say."""

    def expected_through(self, spectrum: Spectrum, scene: Scene) -> Spectrum:
        """Return what `listen_through` is likely to give where `listen` gives `spectrum`; carries the gradient."""
        ...


@runtime_checkable
class EmbeddingDistance(Protocol):
    """A model with an embedding that judges loops and that no search optimises."""

    def embedding_distance(
        self, latent: Tensor, noise: Tensor, scene: Scene, uncontrolled: Tensor | None = None
    ) -> float | None:
        """Return the cosine distance, 0 to 2, of `latent` [1, *noise_shape] to the uncontrolled loop of `noise`.

        `uncontrolled` is the latent of that loop, where the caller has it. None without the embedding's weights.
        """
        ...


@runtime_checkable
class Precise(Protocol):
    """A model that knows in which precision its denoiser computes."""

    @property
    def dtype(self) -> torch.dtype:
        """The type of the denoiser's numbers."""
        ...


@runtime_checkable
class Weighed(Protocol):
    """A model that can identify the weights on which the sound of a scene depends."""

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits, the same for the same weights; empty where they are not known."""
        ...


@runtime_checkable
class Layers(Protocol):
    """A model whose scene may have layers: its noise and latent are [batch, layers, ...], and the loop is their sum.

    Layers are sampled in order, each conditioned on features of those before it: a layer *hears* them. Of a scene
    without layers the model makes one sound, as any other model does.
    """

    def listen_to(self, latent: Tensor, scene: Scene, layers: Collection[str]) -> Spectrum:
        """Return the spectrum of the sum of `layers` alone, as `listen` would; no other layer gets a gradient."""
        ...

    def stems(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return the audio [batch, layers, channels, scene.model_samples]; `decode` is the sum of those not muted."""
        ...

    def only(self, scene: Scene, layers: Collection[str]) -> Scene:
        """Return the scene of these layers alone, with the conditioning that they have in `scene`."""
        ...

    def condition_layers(
        self, scene: Scene, noise: Tensor, beside: Tensor | None = None, known: Mapping[str, Tensor] | None = None
    ) -> tuple[Scene, Tensor]:
        """Sample the layers of `noise` [batch, *noise_shape] in order, and condition each on those before it.

        Return the scene with that conditioning, and the conditioning [batch, layers, frames, channels] itself, which a
        take stores: `with_layer_context` restores it. Layers in `known` come first and keep their conditioning [frames,
        channels]; all others also hear the recording `beside` [channels, samples]. A later batch of fewer takes gets
        the conditioning of the first ones.
        """
        ...

    def with_layer_context(self, scene: Scene, heard: Tensor) -> Scene:
        """Return the scene with the conditioning `heard` [batch, layers, frames, channels] of `condition_layers`."""
        ...
