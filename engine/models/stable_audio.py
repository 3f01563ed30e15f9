"""Stable Audio Open 1.0: a v-prediction transformer over Oobleck latents, 44.1 kHz stereo.

Its shipped solver is stochastic and draws fresh noise at every step from sigma 500 down: x_T has next to no influence
on the result. Here a deterministic solver runs the same network with the same preconditioning. In the variance
preserving form that is: with t = 2/pi atan(sigma), alpha = cos(pi t/2) and sigma' = sin(pi t/2), the network gets
alpha x_0 + sigma' eps and returns v = alpha eps - sigma' x_0.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from ..request import LoopRequest
from .autoencoder import Autoencoder, oobleck_context
from .folder import ModelFolder
from .hardware import Place
from .loading import load_pipeline, visiting
from .protocol import ModelCard, Sampler, Scene, Schedule
from .span import Span, caption
from .waveform import Origin, WaveformModel, computed, guided, moment, rows

NAMED_TIMES = 3.0  # conditioned on three times the loop's length, at most the 47 s of training


@dataclass(frozen=True, slots=True)
class _Inputs:
    text: Tensor  # [rows, tokens, width]: prompt, start and end seconds
    seconds: Tensor  # [rows, 1, 2 * width]: start and end
    rotary: tuple[Tensor, Tensor]  # cosine and sine [frames + 1, pipe.rotary_embed_dim]


def open_folder(folder: ModelFolder, place: Place, origin: Origin) -> "StableAudio":
    """Return the model in `folder`, frozen and on its device; raise `ModelError` where it cannot be loaded."""
    # The shipped scheduler's class needs the package torchsde; here only its numbers are used.
    pipe = load_pipeline(folder, "StableAudioPipeline", place, decoders=("vae",), scheduler=None)
    return StableAudio(pipe, place, origin, folder.read_config("scheduler"))


class StableAudio(WaveformModel):
    """Meets `protocol.Model` for `StableAudioPipeline`."""

    guidance = 7.0
    named_times = NAMED_TIMES

    def __init__(self, pipe: Any, place: Place, origin: Origin, solver: dict[str, Any]) -> None:
        vae, network = pipe.vae, pipe.transformer
        rate, hop = int(vae.config.sampling_rate), int(vae.hop_length)
        super().__init__(
            ModelCard(
                **asdict(origin), sample_rate=rate,
                channels=int(vae.config.audio_channels), circular=False, sampler=Sampler.DPMPP_2M, surrogate_steps=8,
                decode_steps=50, max_seconds=network.config.sample_size * hop / rate,
            ),
            place, hop,
        )  # fmt: skip
        self._pipe = pipe
        self.network = network.to(place.device)
        self._sigma_min = float(solver.get("sigma_min", 0.3))
        self._sigma_max = float(solver.get("sigma_max", 500.0))
        self._autoencoder = Autoencoder(
            vae, place, hop_samples=hop, context=oobleck_context(vae.config.downsampling_ratios),
            decode=lambda latent: vae.decode(latent).sample,
            encode=lambda audio: vae.encode(audio).latent_dist.mode(),
        )  # fmt: skip

    def noise_shape(self, frames: int) -> tuple[int, ...]:
        """Return (channels, frames)."""
        return (int(self.network.config.in_channels), frames)

    def condition(self, request: LoopRequest, span: Span) -> _Inputs:
        """Return prompt and length; without a negative prompt the unconditional row is zeros, as in training."""
        from diffusers.models.embeddings import get_1d_rotary_pos_embed

        pipe, device = self._pipe, self.place.device
        guiding = self.guidance != 1
        negative = (request.negative_prompt or None) if guiding else None
        with visiting(device, pipe.text_encoder, pipe.projection_model):
            prompt = pipe.encode_prompt(caption(request, loop_words=self.loop_words), device, guiding, negative)
            seconds = self.named_seconds(request, span)
            start, end = pipe.encode_duration(0.0, seconds, device, negative is not None, 1)
        text, lengths = torch.cat([prompt, start, end], 1), torch.cat([start, end], 2)
        if guiding and negative is None:
            text, lengths = torch.cat([torch.zeros_like(text), text]), torch.cat([lengths, lengths])
        cosine, sine = get_1d_rotary_pos_embed(
            pipe.rotary_embed_dim, span.frames + 1, use_real=True, repeat_interleave_real=False
        )
        return _Inputs(text, lengths, (cosine.to(device), sine.to(device)))

    def read(self, request: LoopRequest, span: Span) -> tuple[Any, str, int] | None:
        """Return the tokenizer, the caption, and the length that it is cut to."""
        tokenizer = self._pipe.tokenizer
        return tokenizer, caption(request, loop_words=self.loop_words), tokenizer.model_max_length

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return sigmas that fall exponentially, in the variance preserving form; times are 2/pi atan(sigma)."""
        low, high = math.log(self._sigma_min), math.log(self._sigma_max)
        ramp = torch.linspace(high, low if steps > 1 else high, steps, dtype=torch.float64)
        times = torch.cat([ramp.exp().atan() * 2 / math.pi, torch.zeros(1, dtype=torch.float64)])
        angles = times * math.pi / 2
        return Schedule(times=times, alphas=angles.cos(), sigmas=angles.sin())

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 = alpha x - sigma v [batch, channels, frames] of the guided v."""
        batch, inputs, angle = latent.shape[0], scene.inputs, float(time) * math.pi / 2

        def predict(noisy: Tensor) -> Tensor:
            velocity: Tensor = self.network(
                noisy, moment(time, self.place, latent.dtype, 1),
                encoder_hidden_states=rows(inputs.text, batch), global_hidden_states=rows(inputs.seconds, batch),
                rotary_embedding=inputs.rotary, return_dict=False,
            )[0]  # fmt: skip
            return velocity

        velocity = guided(lambda noisy: computed(predict, noisy, self.place), latent, scene.guidance)
        return math.cos(angle) * latent - math.sin(angle) * velocity

    def sound(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples]."""
        return self._autoencoder.decode(latent, scene.circular)

    def latent(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent [batch, channels, frames]."""
        return self._autoencoder.encode(audio, circular)
