"""Stable Audio 3, small and medium, base and distilled: a rectified flow over SAME latents, 44.1 kHz stereo.

The distilled checkpoints add new noise at each of their eight steps. Here all eight noises are one variable, stacked in
its channels, drawn once and optimised together: x_T alone moves the result a thousand times less.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..controls import Reference
from ..request import LoopRequest
from .autoencoder import Autoencoder, same_context
from .folder import ModelFolder
from .hardware import Place
from .loading import load_pipeline, visiting
from .protocol import ModelCard, Sampler, Scene, Schedule
from .span import Span, caption, kept_mask, reference, samples_of
from .waveform import Origin, WaveformModel, computed, guided, moment, rows

BASE_GUIDANCE = 7.0  # the distilled checkpoints have it in their weights
NAMED_TIMES = 3.0  # conditioned on three times the loop's length, up to `max_seconds`; see `span.named_seconds`
MOST_TOKENS = 256  # that the pipeline lets its text encoder hear
LOGSNR_MIN, LOGSNR_MAX = -6.2, 2.0  # the pipeline's own


@dataclass(frozen=True, slots=True)
class _Inputs:
    text: Tensor  # [rows, tokens, width]: prompt and one token of duration
    mask: Tensor  # [rows, tokens]
    seconds: Tensor  # [rows, width]
    kept: Tensor | None  # [rows, 1 + channels, frames]: 1 where frames are kept, and their latent, else 0


def open_folder(folder: ModelFolder, place: Place, origin: Origin) -> "StableAudio3":
    """Return the model in `folder`, frozen and on its device; raise `ModelError` where it cannot be loaded."""
    pipe = load_pipeline(folder, "StableAudio3Pipeline", place, decoders=("vae",))
    return StableAudio3(pipe, place, origin)


class StableAudio3(WaveformModel):
    """Meets `protocol.Model` for `StableAudio3Pipeline` and its inpainting inputs."""

    named_times = NAMED_TIMES

    def __init__(self, pipe: Any, place: Place, origin: Origin) -> None:
        vae = pipe.vae
        distilled = bool(pipe.scheduler.config.get("stochastic_sampling", False))
        super().__init__(
            ModelCard(
                **asdict(origin), sample_rate=int(vae.config.sampling_rate),
                channels=int(vae.config.audio_channels), circular=False,
                sampler=Sampler.RENOISE if distilled else Sampler.DDIM, surrogate_steps=8,
                decode_steps=8 if distilled else 50,
                max_seconds=min(120.0, float(pipe.duration_embedder.config.max_val)),
            ),
            place, int(vae.downsampling_ratio),
        )  # fmt: skip
        self.guidance = 1.0 if distilled else BASE_GUIDANCE
        self._noises = self.card.decode_steps if distilled else 1
        self._pipe = pipe
        self.network = pipe.transformer.to(place.device)
        config = vae.config
        self._autoencoder = Autoencoder(
            vae, place, hop_samples=self.hop_samples,
            context=same_context(config.encoder_transformer_depths, config.encoder_strides, config.sliding_window),
            decode=lambda latent: vae.decode(latent).sample, encode=lambda audio: vae.encode(audio).latents,
        )  # fmt: skip

    def noise_shape(self, frames: int) -> tuple[int, ...]:
        """Return (channels, frames); of a distilled model x_T and all injected noises, stacked in the channels."""
        return (self._noises * int(self._pipe.vae.config.latent_dim), frames)

    def scene(self, request: LoopRequest) -> Scene:
        """Return conditioning and shapes, with the number of stacked noises; errors as in `WaveformModel.scene`."""
        return replace(super().scene(request), noises=self._noises)

    def rolled(self, scene: Scene, frames: int) -> Scene:
        """Return `scene` with its kept frames rolled by `frames`; see `protocol.RollsConditioning`."""
        kept = scene.inputs.kept
        return scene if kept is None else replace(scene, inputs=replace(scene.inputs, kept=kept.roll(frames, -1)))

    def condition(self, request: LoopRequest, span: Span) -> _Inputs:
        """Return prompt, length and, for inpaint and outpaint, the latent of the kept frames."""
        pipe, device = self._pipe, self.place.device
        words = caption(request, loop_words=self.loop_words)
        prompts = [words] if self.guidance == 1 else [request.negative_prompt, words]
        with visiting(device, pipe.text_encoder, pipe.duration_embedder):
            text, mask = pipe.encode_prompt(prompts, device, 1)
            seconds = pipe.encode_duration(self.named_seconds(request, span), device, 1, len(prompts))
            text, mask = pipe.prepare_cross_attention(text, mask, seconds)
        return _Inputs(text, mask, seconds, self._kept(request, span, len(prompts)))

    def read(self, request: LoopRequest, span: Span) -> tuple[Any, str, int] | None:
        """Return the tokenizer, the caption, and the length that it is cut to."""
        tokenizer = self._pipe.tokenizer
        return tokenizer, caption(request, loop_words=self.loop_words), min(MOST_TOKENS, tokenizer.model_max_length)

    def _kept(self, request: LoopRequest, span: Span, count: int) -> Tensor | None:
        audio = reference(request, Reference.KEPT)
        if audio is None:
            return None
        samples = samples_of(
            audio, self.card.sample_rate, self.card.channels, span.model_samples, lead_samples=span.lead_samples
        )
        latent = self.latent(samples, span.circular).to(self.place.dtype)
        kept = kept_mask(audio, request, span).to(latent)[None, None]
        return torch.cat([kept, latent * kept], 1).expand(count, -1, -1)

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return sigmas evenly spaced in log-SNR, the first exactly 1; rounded to float32, as in the pipeline."""
        ramp = torch.linspace(1, 0, steps + 1, dtype=torch.float32)[:-1]
        sigmas = torch.sigmoid(ramp * (LOGSNR_MAX - LOGSNR_MIN) - LOGSNR_MAX)
        sigmas[0] = 1.0
        return Schedule.flow(sigmas)

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 = x - t v [batch, channels, frames] of the guided v."""
        batch, inputs, place = latent.shape[0], scene.inputs, self.place

        def predict(noisy: Tensor) -> Tensor:
            velocity: Tensor = self.network(
                noisy, moment(time, place, latent.dtype, noisy.shape[0]),
                rows(inputs.text, batch), rows(inputs.seconds, batch), rows(inputs.mask, batch),
                local_add_cond=None if inputs.kept is None else rows(inputs.kept, batch), return_dict=False,
            )[0]  # fmt: skip
            return velocity

        velocity = guided(lambda noisy: computed(predict, noisy, place), latent, scene.guidance)
        return latent - float(time) * velocity

    def sound(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples]."""
        return self._autoencoder.decode(latent, scene.circular)

    def latent(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent [batch, channels, frames]."""
        return self._autoencoder.encode(audio, circular)
