"""What all models that decode to a waveform share: scenes, listening, guidance, tiles that close the circle."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..request import LoopRequest
from ..spectrum import Spectrum, analyse
from .hardware import Place
from .protocol import ModelCard, Scene, Schedule
from .span import Span, named_seconds, refuse_longer, span_of

MEETING_SECONDS = 0.06  # around the wrap of a trimmed loop, where its end and its beginning are to be the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What a model is called here and on whose terms it came."""

    name: str
    licence: str
    page: str
    parameters_millions: float


class WaveformModel(ABC):
    """Meets `protocol.Model`; a subclass conditions, denoises, and turns latents into sound and back.

    Latents are float32 whatever the denoiser's precision: the solver and the losses stay exact, and only the
    network computes in 16 bits.
    """

    card: ModelCard
    network: Any  # the denoiser, on the device
    guidance: float = 1.0  # classifier-free guidance scale; 1 is none, at half the cost
    time_axis: int = 1  # which axis of the noise, without batch, is time
    grain_samples: int | None = None  # see `span_of`
    named_times: float = 1.0  # so many times its length a loop is told to be; see `span.named_seconds`
    loop_words: bool = False  # whether words that ask for a loop are put behind the prompt

    def __init__(self, card: ModelCard, place: Place, hop_samples: int) -> None:
        self.card = card
        self.place = place
        self.hop_samples = hop_samples

    @property
    def device(self) -> torch.device:
        """Where the networks compute; latents that lie there too are never copied."""
        return self.place.device

    @abstractmethod
    def noise_shape(self, frames: int) -> tuple[int, ...]:
        """Return the shape of one take's noise, without batch."""

    @abstractmethod
    def condition(self, request: LoopRequest, span: Span) -> Any:
        """Return what the denoiser is told: tensors with one row, or two with guidance (first unguided)."""

    @abstractmethod
    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the time grid of a chain of `steps` denoiser calls."""

    @abstractmethod
    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return the estimate of x_0; see `protocol.Model`."""

    @abstractmethod
    def sound(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples] of a whole latent."""

    @abstractmethod
    def latent(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent of audio [batch, channels, samples], the mean where it has a spread."""

    def named_seconds(self, request: LoopRequest, span: Span) -> float:
        """Return the length of the piece that the denoiser is told."""
        return named_seconds(request, span, self.named_times, self.card.max_seconds)

    def notes(self, request: LoopRequest, span: Span) -> tuple[str, ...]:
        """Return sentences for the producer about this request."""
        if request.loop and not span.circular:
            led = "the search leads its end to its start"
            how = "without a search its end does not meet its start" if request.method == "none" else led
            return (f"At this tempo the loop does not fit the model's frames; {how}.",)
        return ()

    def scene(self, request: LoopRequest) -> Scene:
        """Return conditioning and shapes for `request`; raise `BadRequestError` for what is too long."""
        refuse_longer(request, self.card.max_seconds, self.card.name)
        span = span_of(request, self.card.sample_rate, self.hop_samples, self.grain_samples)
        with torch.no_grad():
            inputs = self.condition(request, span)
        return Scene(
            frames=span.frames,
            noise_shape=self.noise_shape(span.frames),
            time_axis=self.time_axis,
            model_samples=span.model_samples,
            loop_samples=span.loop_samples,
            tempo_bpm=request.tempo_bpm,
            beats=request.beats,
            guidance=self.guidance,
            inputs=inputs,
            circular=span.circular,
            notes=self.notes(request, span),
            lead_samples=span.lead_samples,
        )

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, card.channels, scene.model_samples], before any clipping or normalisation.

        Mono is put on all channels. The audio is where and how `latent` is.
        """
        audio = self.sound(latent, scene).to(latent)
        return audio.expand(-1, self.card.channels, -1)

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the loop's mono mix, through the decoder, carrying the gradient."""
        audio = self.decode(latent, scene)
        lead, end = scene.lead_samples, scene.lead_samples + scene.loop_samples
        spectrum = self.hear(audio[..., lead:end], scene)
        if lead == 0:
            return spectrum
        near = min(lead, audio.shape[-1] - end, round(MEETING_SECONDS * self.card.sample_rate / 2))
        ends = [audio[..., place - near : place + near].mean(1) for place in (lead, end)]
        return replace(spectrum, ends=torch.stack(ends))

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum that `listen` would give for audio [batch, channels, samples]."""
        return analyse(audio, self.card.sample_rate, circular=scene.closes)

    @torch.no_grad()
    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return the latent [batch, *noise_shape] of audio [batch, channels, scene.model_samples]."""
        return self.latent(audio, scene.circular).to(audio)


def guided(predict: Callable[[Tensor], Tensor], latent: Tensor, guidance: float) -> Tensor:
    """Return the guided prediction (Ho and Salimans 2022); `predict` gets both rows in one batch."""
    if guidance == 1:
        return predict(latent)
    without, within = predict(torch.cat([latent, latent])).chunk(2)
    return without + guidance * (within - without)


def rows(condition: Tensor, batch: int) -> Tensor:
    """Return a condition of one or two rows as rows for a batch of takes: [rows * batch, ...]."""
    return condition.repeat_interleave(batch, 0)


def moment(time: Tensor, place: Place, dtype: torch.dtype, count: int) -> Tensor:
    """Return the scalar `time` as [count] on the denoiser's device."""
    return time.to(dtype).to(place.device).expand(count)
