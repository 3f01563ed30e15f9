"""The common base of the adapters for diffusers models: scenes, spectra of the decoded waveform, guidance."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..request import LoopRequest, Method
from ..spectrum import Spectrum, analyse
from .hardware import Place
from .protocol import ModelCard, Scene, Schedule
from .span import Span, named_seconds, refuse_longer, span_of

SHOWN = 40  # characters that tell where a prompt was cut
MEETING_SECONDS = 0.06  # around the wrap of a trimmed loop, over which end and beginning are compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The name of a model here, its licence, its page, and the denoiser's size."""

    name: str
    licence: str
    page: str
    parameters_millions: float


class WaveformModel(ABC):
    """Meets `protocol.Model`; a subclass conditions, denoises, decodes and encodes.

    Latents are float32 whatever the denoiser's precision: the solver and the losses stay exact, and only the
    network computes in 16 bits.
    """

    card: ModelCard
    network: Any  # the denoiser, on the device
    guidance: float = 1.0  # scale of classifier-free guidance; 1 is none, at half the cost
    time_axis: int = 1  # which axis of the noise, without batch, is time
    grain_samples: int | None = None  # see `span_of`
    named_times: float = 1.0  # by which the length in the conditioning exceeds the loop's; see `span.named_seconds`
    loop_words: bool = False  # whether words that ask for a loop are appended to the prompt
    hears_negative: bool = True  # whether guidance leads away from a negative prompt, where there is guidance
    digest: str = ""  # of the weights, see `ModelFolder.digest`

    def __init__(self, card: ModelCard, place: Place, hop_samples: int) -> None:
        self.card = card
        self.place = place
        self.hop_samples = hop_samples

    @property
    def device(self) -> torch.device:
        """The device of denoiser and decoder; latents that lie there are not copied."""
        return self.place.device

    @property
    def dtype(self) -> torch.dtype:
        """The type of the denoiser's numbers."""
        return self.place.dtype

    def weights_digest(self, scene: Scene) -> str:
        """Return 12 hexadecimal digits of the weights, on all of which every sound depends."""
        return self.digest

    @abstractmethod
    def noise_shape(self, frames: int) -> tuple[int, ...]:
        """Return the shape of one take's noise of `frames` latent frames, without batch."""

    @abstractmethod
    def condition(self, request: LoopRequest, span: Span) -> Any:
        """Return the denoiser's conditioning: tensors of one row, or two with guidance, the unconditional one first."""

    @abstractmethod
    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the time grid of a chain of `steps` denoiser calls."""

    @abstractmethod
    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return the estimate of x_0 [batch, *noise_shape]; see `protocol.Model`."""

    @abstractmethod
    def sound(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples] of a whole latent."""

    @abstractmethod
    def latent(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent of audio [batch, channels, samples]: the mode of a variational posterior."""

    def read(self, request: LoopRequest, span: Span) -> tuple[Any, str, int] | None:
        """Return a tokenizer, the text that it divides, and how many tokens are heard; None where all of it is."""
        return None

    def named_seconds(self, request: LoopRequest, span: Span) -> float:
        """Return the length in seconds on which the denoiser is conditioned."""
        return named_seconds(request, span, self.named_times, self.card.max_seconds)

    def notes(self, request: LoopRequest, span: Span) -> tuple[str, ...]:
        """Return sentences for the producer about this request."""
        return told(self, request, span)

    def scene(self, request: LoopRequest) -> Scene:
        """Return conditioning and shapes for `request`; raise `BadRequestError` for more than `card.max_seconds`."""
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

        A mono sound is repeated on all channels. The audio has the device and the type of `latent`.
        """
        audio = self.sound(latent, scene).to(latent)
        return audio.expand(-1, self.card.channels, -1)

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the decoded loop, carrying the gradient; with `ends` where it was trimmed."""
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


def told(model: WaveformModel, request: LoopRequest, span: Span) -> tuple[str, ...]:
    """Return sentences on how the loop ends, and on what `model` does not hear of the request."""
    words = model.read(request, span)
    unused = request.negative_prompt and not (model.hears_negative and model.guidance != 1)
    found = (
        fitted(request, span),
        cut(*words, model.card.name) if words else "",
        f"{model.card.name} cannot be told what it should not sound like: that prompt is not used." if unused else "",
    )
    return tuple(sentence for sentence in found if sentence)


def fitted(request: LoopRequest, span: Span) -> str:
    """Return a sentence on how a loop ends that does not fit the model's frames, else nothing."""
    if not request.loop or span.circular:
        return ""
    searched = request.method is not Method.NONE and request.budget.steps != 0
    how = "the search leads its end to its start" if searched else "without a search its end does not meet its start"
    return f"At this tempo the loop does not fit the model's frames; {how}."


def cut(tokenizer: Any, text: str, most: int, name: str) -> str:
    """Return a sentence on what the model `name` does not hear of a text of more than `most` tokens, else nothing."""
    tokens = tokenizer(text).input_ids
    if len(tokens) <= most:
        return ""
    heard = str(tokenizer.decode(tokenizer(text, truncation=True, max_length=most).input_ids, skip_special_tokens=True))
    end = heard.strip()[-SHOWN:]
    return f"The prompt is too long for {name}: it is heard up to “…{end}”, with no tempo or key after it."


def guided(predict: Callable[[Tensor], Tensor], latent: Tensor, guidance: float) -> Tensor:
    """Return the prediction with classifier-free guidance (Ho and Salimans 2022), of the shape of `latent`.

    `predict` gets the batch twice, unconditional rows first, and only once where `guidance` is 1.
    """
    if guidance == 1:
        return predict(latent)
    without, within = predict(torch.cat([latent, latent])).chunk(2)
    return without + guidance * (within - without)


def computed(network: Callable[[Tensor], Tensor], noisy: Tensor, place: Place) -> Tensor:
    """Return `network(noisy)` in the type and on the device of `noisy`; `network` gets the denoiser's own.

    Gradients of a loss may be larger than float16 holds, 65,504, so that in float16 they pass through `network` at a
    size near 1 and get theirs back after it.
    """
    if place.dtype != torch.float16:
        return network(noisy.to(place.device, place.dtype)).to(noisy)
    exponents: list[Tensor] = []
    sized: Tensor = _Sized.apply(noisy, exponents)  # type: ignore[no-untyped-call]
    answer = network(sized.to(place.device, place.dtype)).to(noisy)
    unsized: Tensor = _Unsized.apply(answer, exponents)  # type: ignore[no-untyped-call]
    return unsized


class _Identity(torch.autograd.Function):
    """The identity, with the list of exponents that its gradient leaves or takes."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, exponents: list[Tensor]) -> Tensor:
        ctx.exponents = exponents
        return values.view_as(values)


class _Unsized(_Identity):
    """A gradient is divided by a power of two near its largest value, which `exponents` keeps."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (gradient,) = gradients
        _, exponent = torch.frexp(gradient.abs().amax())
        ctx.exponents[:] = [exponent]
        return torch.ldexp(gradient, -exponent), None


class _Sized(_Identity):
    """A gradient gets back the size that `_Unsized` took."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return torch.ldexp(gradients[0], ctx.exponents[0]), None


def rows(condition: Tensor, batch: int) -> Tensor:
    """Return `condition` [rows, ...] with each row repeated for a batch of takes: [rows * batch, ...]."""
    return condition.repeat_interleave(batch, 0)


def moment(time: Tensor, place: Place, dtype: torch.dtype, count: int) -> Tensor:
    """Return the scalar `time` as [count] on the denoiser's device."""
    return time.to(dtype).to(place.device).expand(count)
