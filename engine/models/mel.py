"""The common base of AudioLDM2 and MusicLDM: a U-Net over the latents of a mel-spectrogram, a vocoder, 16 kHz mono.

U-Net and image decoder are padded circularly in time (see `circle`), and the vocoder decodes each end of the loop in
the context of the other one: a loop has no seam at any stage.
"""

import math
from abc import abstractmethod
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from ..errors import ModelError
from ..request import LoopRequest
from .circle import TimeCircle
from .decode import tiled
from .folder import AGAIN
from .hardware import Place
from .loading import visiting
from .mel_spectrogram import log_mel
from .protocol import ModelCard, Sampler, Scene, Schedule
from .span import Span, caption
from .waveform import Origin, WaveformModel, computed, guided

VOCODER_TILE_FRAMES = 256  # 2.6 s of mel frames
MAX_SECONDS = 30.0  # the checkpoints were trained on 10 s; longer pieces drift


class MelModel(WaveformModel):
    """A DDIM model over mel latents [channels, frames, bands]; a subclass conditions on words and calls its U-Net."""

    def __init__(self, pipe: Any, place: Place, origin: Origin) -> None:
        vocoder, vae = pipe.vocoder, pipe.vae
        self._mel_hop = math.prod(vocoder.config.upsample_rates)
        self._mels_per_frame = 2 ** (len(vae.config.block_out_channels) - 1)
        super().__init__(
            ModelCard(
                **asdict(origin), sample_rate=int(vocoder.config.sampling_rate),
                channels=2, circular=True, sampler=Sampler.DDIM, surrogate_steps=8, decode_steps=50,
                max_seconds=MAX_SECONDS, notes=("It makes 16 kHz mono: nothing above 8 kHz, the same on both sides.",),
            ),
            place, self._mel_hop * self._mels_per_frame,
        )  # fmt: skip
        self.grain_samples = self._mel_hop
        self._pipe = pipe
        self.network = pipe.unet.to(place.device)
        self._vae, self._vocoder = vae.to(place.device), vocoder.to(place.device)
        vae.encoder.to("cpu")
        self._closing_network, self._closing_decoder = TimeCircle(pipe.unet), TimeCircle(vae.decoder)
        self._solver = _ddim(pipe.scheduler, origin.name)
        self._context = hifigan_context(vocoder.config)

    def read(self, request: LoopRequest, span: Span) -> tuple[Any, str, int] | None:
        """Return the tokenizer, the caption, and the length that it is cut to."""
        tokenizer = self._pipe.tokenizer
        return tokenizer, caption(request, loop_words=self.loop_words), tokenizer.model_max_length

    @abstractmethod
    def predict(self, noisy: Tensor, time: Tensor, inputs: Any, batch: int) -> Tensor:
        """Return the U-Net's output for `noisy`, both [rows * batch, channels, frames, bands].

        There are two rows with guidance, the unconditional one first, else one; `time` is a scalar int64 timestep.
        """

    def noise_shape(self, frames: int) -> tuple[int, ...]:
        """Return (channels, frames, bands)."""
        bands = int(self._vocoder.config.model_in_dim) // self._mels_per_frame
        return (int(self.network.config.in_channels), frames, bands)

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the grid of the model's own DDIM scheduler; times are its integer timesteps, as float64."""
        solver = self._solver
        solver.set_timesteps(steps)
        times = solver.timesteps.double()
        products = solver.alphas_cumprod.double()
        kept = torch.cat([products[solver.timesteps], solver.final_alpha_cumprod.double()[None]])
        ended = torch.cat([times, torch.zeros(1, dtype=torch.float64)])
        return Schedule(times=ended, alphas=kept.sqrt(), sigmas=(1 - kept).sqrt())

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 [batch, channels, frames, bands] from the U-Net's output: eps, v or x_0, by its scheduler."""
        kept = float(self._solver.alphas_cumprod.double()[int(time)])
        alpha, sigma = math.sqrt(kept), math.sqrt(1 - kept)
        step = time.long().to(self.place.device)

        def predict(noisy: Tensor) -> Tensor:
            return self.predict(noisy, step, scene.inputs, latent.shape[0])

        with self._closing_network.closed(scene.circular):
            predicted = guided(lambda noisy: computed(predict, noisy, self.place), latent, scene.guidance)
        kind = self._solver.config.prediction_type
        if kind == "epsilon":
            return (latent - sigma * predicted) / alpha
        return predicted if kind == "sample" else alpha * latent - sigma * predicted

    def sound(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, 1, scene.model_samples]; the mel is resampled to that length, which shifts no pitch."""
        latent = latent.to(self.place.device, self.place.decoder_dtype) / self._vae.config.scaling_factor
        with self._closing_decoder.closed(scene.circular):
            mel = self._vae.decode(latent).sample[:, 0].transpose(1, 2)
        return tiled(
            lambda part: self._vocoder(part.transpose(1, 2))[:, None],
            stretched(mel, scene.model_samples // self._mel_hop), hop=self._mel_hop, tile=VOCODER_TILE_FRAMES,
            context=self._context, circular=scene.circular,
        )  # fmt: skip

    def latent(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent [batch, channels, frames, bands] of the mono mix of audio [batch, channels, samples]."""
        mel = log_mel(
            audio.mean(1).to(self.place.device, self.place.decoder_dtype), self.card.sample_rate, self._mel_hop,
            int(self._vocoder.config.model_in_dim), circular=circular,
        )  # fmt: skip
        frames = round(mel.shape[1] / self._mels_per_frame) * self._mels_per_frame
        mel = stretched(mel.transpose(1, 2), frames).transpose(1, 2)
        with visiting(self.place.device, self._vae.encoder):
            latent: Tensor = self._vae.encode(mel[:, None]).latent_dist.mode()
        return latent * float(self._vae.config.scaling_factor)


def stretched(mel: Tensor, frames: int) -> Tensor:
    """Return mel frames [batch, bands, n] resampled to [batch, bands, frames], linearly and circularly in time."""
    before = mel.shape[-1]
    if frames == before:
        return mel
    places = torch.arange(frames, dtype=torch.float64) * before / frames
    left, share = places.long().to(mel.device), (places % 1).to(mel)
    return mel[..., left] * (1 - share) + mel[..., (left + 1) % before] * share


def _ddim(scheduler: Any, name: str) -> Any:
    """Return a DDIM scheduler with the model's own noise schedule, without clipping or thresholding of x_0.

    Raises `ModelError` for a scheduler of another kind of process: DDIM would go on with numbers of its own.
    """
    from diffusers import DDIMScheduler

    if "beta_schedule" not in scheduler.config:
        raise ModelError(
            f"The scheduler of {name} is a {type(scheduler).__name__}, which has no betas; this model's denoiser needs "
            "them.",
            remedy=AGAIN,
        )
    return DDIMScheduler.from_config(scheduler.config, clip_sample=False, thresholding=False)


def hifigan_context(config: Any) -> int:
    """Return the receptive field of a HiFi-GAN vocoder: mel frames on each side of one, rounded up."""
    widest = max(
        sum((kernel - 1) // 2 * (dilation + 1) for dilation in dilations)
        for kernel, dilations in zip(config.resblock_kernel_sizes, config.resblock_dilation_sizes, strict=True)
    )
    reach, rate = 3.0, 1
    for ratio, kernel in zip(config.upsample_rates, config.upsample_kernel_sizes, strict=True):
        reach += kernel / ratio / rate
        rate *= ratio
        reach += widest / rate
    return math.ceil(reach + 3 / rate)
