"""Toy models that ship with the package: seeded, small, and exact enough to test samplers and searches against.

`TinyModel` is `pocket` in miniature: a circular flow over band levels, whose waveform is a bank of sines that
close round the loop. `TinyDiffusersModel` is built from real diffusers classes with random weights: a latent
transformer with v-prediction and a cosine schedule, which is not circular, and an Oobleck decoder.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..request import LoopRequest
from ..sampling import start_noise
from ..spectrum import Spectrum, analyse
from .decode import tiled
from .protocol import ModelCard, Sampler, Scene, Schedule

LOWEST_PITCH, BANDS = 36, 72  # MIDI 36 to 107, one sine each
LATENTS_PER_SECOND = 40
MEAN_DB, SPREAD_DB = -42.0, 7.0  # of one band's level


class TinyModel:
    """A circular rectified flow over the levels of 72 semitones; `seed` chooses its weights."""

    device = torch.device("cpu")

    def __init__(
        self,
        *,
        seed: int = 0,
        sample_rate: int = 16_000,
        dtype: torch.dtype = torch.float32,
        circular: bool = True,
        sampler: Sampler = Sampler.DDIM,
    ) -> None:
        self.dtype = dtype
        self.card = ModelCard(
            name="tiny",
            licence="MIT",
            page="engine/models/testing.py",
            parameters_millions=0.03,
            sample_rate=sample_rate,
            channels=2,
            circular=circular,
            sampler=sampler,
            surrogate_steps=1,
            decode_steps=4,
            max_seconds=64.0,
        )
        draws = torch.Generator().manual_seed(seed)
        self._first = (torch.randn(64, BANDS, 5, generator=draws) / math.sqrt(5 * BANDS)).to(dtype)
        self._second = (torch.randn(BANDS, 64, 5, generator=draws) / math.sqrt(5 * 64)).to(dtype)
        self._taste = torch.randn(BANDS, generator=draws).to(dtype)

    def scene(self, request: LoopRequest) -> Scene:
        """Return a loop of about 40 latents a second; the prompt's letters colour it."""
        rate = self.card.sample_rate
        samples = max(1, round(request.seconds * rate))
        frames = max(8, round(request.seconds * LATENTS_PER_SECOND))
        colour = sum(map(ord, request.prompt)) % BANDS
        return Scene(
            frames=frames,
            noise_shape=(frames, BANDS),
            time_axis=0,
            model_samples=samples,
            loop_samples=samples,
            tempo_bpm=request.tempo_bpm,
            beats=request.beats,
            guidance=1.0,
            inputs=self._taste.roll(colour),
            circular=request.loop,
        )

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the straight grid of a rectified flow."""
        return Schedule.straight(steps)

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return the posterior mean of x_0 under a Gaussian prior, plus the output of two circular convolutions."""
        sigma = float(time)
        alpha = 1 - sigma
        likely = alpha / (alpha**2 + sigma**2) * latent
        hidden = torch.tanh(_circular(latent.transpose(1, 2), self._first))
        bent = _circular(hidden, self._second).transpose(1, 2)
        return likely + sigma * (bent + 0.5 * scene.inputs)

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return [batch, 2, samples]: sines with these levels, each a whole number of periods in the loop."""
        amplitude = _amplitudes(latent).transpose(1, 2)
        samples, rate = scene.model_samples, self.card.sample_rate
        place = torch.arange(samples, dtype=torch.float64) * scene.frames / samples
        before, share = place.floor().long(), (place % 1).to(latent)
        time = torch.arange(samples, dtype=torch.float64) / samples
        sound = latent.new_zeros(len(latent), samples)
        for band, frequency in enumerate(_frequencies().tolist()):
            turns = round(frequency * samples / rate)
            sine = torch.sin(2 * math.pi * (turns * time + band * 0.618)).to(latent)
            row = amplitude[:, band]
            level = row[:, before % scene.frames] * (1 - share) + row[:, (before + 1) % scene.frames] * share
            sound = sound + level * sine * (frequency < rate / 2)
        return sound[:, None].expand(-1, 2, -1)

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the mean squares of the sines as a spectrum of 72 bands, exact up to interpolation."""
        power = _amplitudes(latent).square().transpose(1, 2) / 2
        return self._spectrum(power, scene)

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return the latent whose sines have the energy that the audio has near each of them."""
        power = self._near(analyse(audio, self.card.sample_rate, circular=scene.circular, frames=scene.frames))
        level_db = 10 * torch.log10(2 * power.transpose(1, 2) + 1e-12)
        return (level_db - MEAN_DB) / SPREAD_DB

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the audio, its energy pooled to the nearest sine."""
        spectrum = analyse(audio, self.card.sample_rate, circular=scene.circular, frames=scene.frames)
        return self._spectrum(self._near(spectrum), scene)

    def _near(self, spectrum: Spectrum) -> Tensor:
        pitch = 69 + 12 * torch.log2(spectrum.frequencies_hz.double().clamp_min(1) / 440)
        band = (pitch - LOWEST_PITCH).round().long().clamp(0, BANDS - 1)
        near = F.one_hot(band, BANDS).to(spectrum.power).T
        return near @ spectrum.power

    def _spectrum(self, power: Tensor, scene: Scene) -> Spectrum:
        rate = scene.frames * self.card.sample_rate / scene.model_samples
        frequencies = _frequencies().to(power)
        return Spectrum(
            power=power,
            frequencies_hz=frequencies,
            bins=torch.ones_like(frequencies),
            frame_rate_hz=rate,
            circular=scene.circular,
        )


def _circular(values: Tensor, weights: Tensor) -> Tensor:
    half = weights.shape[-1] // 2
    return F.conv1d(F.pad(values, (half, half), mode="circular"), weights)


def _amplitudes(latent: Tensor) -> Tensor:
    # Bounded, so that no optimiser makes a sine that no file can hold.
    return 10 ** ((MEAN_DB + SPREAD_DB * 4 * torch.tanh(latent / 4)) / 20)


def _frequencies() -> Tensor:
    return 440 * 2 ** ((torch.arange(BANDS, dtype=torch.float64) + LOWEST_PITCH - 69) / 12)


def _toy_transformer(width: int, layers: int) -> Any:
    from diffusers import StableAudioDiTModel

    return StableAudioDiTModel(
        sample_size=64,
        in_channels=8,
        out_channels=8,
        num_layers=layers,
        attention_head_dim=8,
        num_attention_heads=width,
        num_key_value_attention_heads=width,
        cross_attention_dim=8,
        cross_attention_input_dim=8,
        time_proj_dim=8,
        global_states_input_dim=8,
    )


def _toy_codec(width: int, sample_rate: int) -> Any:
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck(
        encoder_hidden_size=width,
        downsampling_ratios=[4, 16],
        channel_multiples=[1, 2],
        decoder_channels=width,
        decoder_input_channels=8,
        audio_channels=2,
        sampling_rate=sample_rate,
    )


class TinyDiffusersModel:
    """diffusers' latent transformer and Oobleck decoder at toy size, float32 or float64, random but fixed weights."""

    HOP = 64
    device = torch.device("cpu")

    def __init__(
        self,
        *,
        seed: int = 0,
        sample_rate: int = 4_000,
        dtype: torch.dtype = torch.float32,
        width: int = 4,
        layers: int = 2,
        decoder_width: int = 6,
    ) -> None:
        self.dtype = dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network, self.codec = _toy_transformer(width, layers), _toy_codec(decoder_width, sample_rate)
            self._text = torch.randn(1, 4, 8).to(dtype)
        for part in (self.network, self.codec):
            torch.nn.Module.to(part, dtype).eval().requires_grad_(False)
        with torch.no_grad():
            loud = self.codec.decode(torch.randn(1, 8, 64, generator=torch.Generator().manual_seed(seed)).to(dtype))
        self._gain = 0.1 / float(loud.sample.square().mean().sqrt())  # random weights are quiet; music is at -20 dBFS
        millions = sum(p.numel() for part in (self.network, self.codec) for p in part.parameters()) / 1e6
        self.card = ModelCard(
            name="tiny-diffusers",
            licence="MIT",
            page="engine/models/testing.py",
            parameters_millions=millions,
            sample_rate=sample_rate,
            channels=2,
            circular=False,
            sampler=Sampler.DDIM,
            surrogate_steps=2,
            decode_steps=6,
            max_seconds=16.0,
        )

    def scene(self, request: LoopRequest) -> Scene:
        """Return a loop of whole latent frames of 64 samples; its length is rounded to them."""
        samples = round(request.seconds * self.card.sample_rate)
        frames = max(4, round(samples / self.HOP))
        return Scene(
            frames=frames,
            noise_shape=(8, frames),
            time_axis=1,
            model_samples=frames * self.HOP,
            loop_samples=frames * self.HOP,
            tempo_bpm=request.tempo_bpm,
            beats=request.beats,
            guidance=1.0,
            inputs=self._text,
            circular=request.loop,
        )

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return the cosine schedule: alpha = cos(pi t / 2), sigma = sin(pi t / 2)."""
        times = torch.linspace(1, 0, steps + 1, dtype=torch.float64)
        angles = times * math.pi / 2
        return Schedule(times=times, alphas=angles.cos().where(times < 1, 0.0), sigmas=angles.sin())

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 = alpha x - sigma v of the transformer's v."""
        from diffusers.models.embeddings import get_1d_rotary_pos_embed

        angle = float(time) * math.pi / 2
        batch = len(latent)
        rotary = get_1d_rotary_pos_embed(4, scene.frames + 1, use_real=True, repeat_interleave_real=False)
        velocity = self.network(
            latent,
            time.to(self.dtype).reshape(1).expand(batch),
            encoder_hidden_states=self._text.expand(batch, -1, -1),
            global_hidden_states=self._text[:, :1].expand(batch, -1, -1),
            rotary_embedding=tuple(part.to(self.dtype) for part in rotary),
            return_dict=False,
        )[0]
        return math.cos(angle) * latent - math.sin(angle) * velocity

    def decode(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return the audio of the Oobleck decoder in exact tiles, circular where the scene is."""
        return tiled(
            lambda tile: self._gain * self.codec.decode(tile).sample,
            latent,
            hop=self.HOP,
            tile=32,
            context=12,
            circular=scene.circular,
        )

    def listen(self, latent: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the decoded audio."""
        return self.hear(self.decode(latent, scene), scene)

    def encode(self, audio: Tensor, scene: Scene) -> Tensor:
        """Return the mean of Oobleck's posterior."""
        return self.codec.encode(audio).latent_dist.mode()

    def hear(self, audio: Tensor, scene: Scene) -> Spectrum:
        """Return the spectrum of the audio."""
        return analyse(audio, self.card.sample_rate, circular=scene.circular)


def tiny_noise(model: TinyModel | TinyDiffusersModel, scene: Scene, seed: int = 0, count: int = 1) -> Tensor:
    """Return Gaussian start noise of `seed` in the model's own type: [count, *noise_shape]."""
    return start_noise(scene, seed, count).to(model.dtype)
