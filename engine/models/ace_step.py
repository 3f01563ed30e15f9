"""ACE-Step 1.5, turbo and base: a rectified flow over Oobleck latents, 48 kHz stereo.

It is conditioned on tempo, key and metre beside the words. The pipeline scales its output to a peak of -1 dBFS, which
would hide every level from a loss; here the decoder's own level is kept. Base checkpoints are guided by adaptive
projection (APG, Sadat et al. 2024) with a momentum that runs through the steps of one chain.
"""

import math
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from midi.key import Key

from ..controls import Reference
from ..request import LoopRequest
from .autoencoder import Autoencoder, oobleck_context
from .folder import ModelFolder
from .hardware import Place
from .loading import load_pipeline, visiting
from .protocol import ModelCard, Sampler, Scene, Schedule
from .span import Span, kept_mask, known_tempo, prompted, reference, samples_of
from .waveform import Origin, WaveformModel, computed, moment, rows

BASE_GUIDANCE = 7.0
NAMED_TIMES = 3.0  # the model is conditioned on three times the loop's length; see `span.named_seconds`
SHIFT = 3.0  # moves the time grid towards noise, as the checkpoints were tuned
TIMBRE_SECONDS = 30
MOST_TOKENS = 256  # that the pipeline lets its text encoder hear
LOW_BPM, HIGH_BPM = 30, 300  # tempi with which the checkpoints were trained
MOMENTUM, LARGEST_NORM = -0.75, 2.5  # of APG, as in the pipeline


@dataclass(frozen=True, slots=True)
class _Inputs:
    conditional: Tensor  # [rows, tokens, width]: words, lyrics, timbre
    context: Tensor  # [rows, frames, 2 * channels]: the kept latent, and 1 where frames are made anew
    roll_frames: int = 0  # by which the latent is rolled, see `protocol.RollsConditioning`
    # APG's running difference after each time of `grid`, the times of the last schedule. It is kept by time, so that
    # the second pass of a checkpointed step reads the same value as its first pass.
    grid: list[float] = field(default_factory=list)
    momentum: dict[float, Tensor] = field(default_factory=dict)


def open_folder(folder: ModelFolder, place: Place, origin: Origin) -> "AceStep":
    """Return the model in `folder`, frozen and on its device; raise `ModelError` where it cannot be loaded.

    The scheduler is made here, because converted folders may lack one.
    """
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0)
    pipe = load_pipeline(folder, "AceStepPipeline", place, decoders=("vae",), scheduler=scheduler)
    return AceStep(pipe, place, origin)


class AceStep(WaveformModel):
    """Meets `protocol.Model` for `AceStepPipeline`. Latents are [frames, channels], time first."""

    time_axis = 0
    named_times = NAMED_TIMES
    hears_negative = False

    def __init__(self, pipe: Any, place: Place, origin: Origin) -> None:
        vae = pipe.vae
        super().__init__(
            ModelCard(
                **asdict(origin), sample_rate=int(vae.config.sampling_rate),
                channels=int(vae.config.audio_channels), circular=False, sampler=Sampler.DDIM,
                surrogate_steps=4 if pipe.is_turbo else 8, decode_steps=8 if pipe.is_turbo else 30,
                max_seconds=600.0, notes=("It learnt pieces of 10 s and more; shorter loops may sound plainer.",),
            ),
            place, int(vae.hop_length),
        )  # fmt: skip
        self.guidance = 1.0 if pipe.is_turbo else BASE_GUIDANCE
        self._pipe = pipe
        self.network = pipe.transformer.to(place.device)
        self._autoencoder = Autoencoder(
            vae, place, hop_samples=self.hop_samples, context=oobleck_context(vae.config.downsampling_ratios),
            decode=lambda latent: vae.decode(latent).sample,
            encode=lambda audio: vae.encode(audio).latent_dist.mode(),
        )  # fmt: skip

    def noise_shape(self, frames: int) -> tuple[int, ...]:
        """Return (frames, channels)."""
        return (frames, int(self.network.config.audio_acoustic_hidden_dim))

    def notes(self, request: LoopRequest, span: Span) -> tuple[str, ...]:
        """Return sentences for the producer; one says when the model is given half or double the tempo."""
        return super().notes(request, span) + known_tempo(request.tempo_bpm, LOW_BPM, HIGH_BPM)[1]

    def condition(self, request: LoopRequest, span: Span) -> _Inputs:
        """Return words, tempo, key, metre and length, the timbre reference, and the latent frames to keep."""
        pipe, device = self._pipe, self.place.device
        kept = reference(request, Reference.KEPT)
        timbre = self._timbre(request)
        with visiting(device, pipe.text_encoder):  # one after the other: either is as large as a small model
            text, text_mask, lyrics, lyrics_mask = pipe.encode_prompt(device=device, **_prompt(self, request, span))
        with visiting(device, pipe.condition_encoder):
            conditional, _ = pipe.condition_encoder(
                text, text_mask, lyrics, lyrics_mask, timbre, torch.zeros(1, dtype=torch.long, device=device)
            )
            silence = self._silence(span.frames)
            if self.guidance != 1:
                unconditional = pipe.condition_encoder.null_condition_emb.to(conditional).expand_as(conditional)
                conditional = torch.cat([unconditional, conditional])
        made = torch.ones_like(silence)
        if kept is not None:
            made = made - kept_mask(kept, request, span).to(silence)[None, :, None]
            samples = samples_of(
                kept, self.card.sample_rate, self.card.channels, span.model_samples, lead_samples=span.lead_samples
            )
            silence = torch.where(made > 0, silence, self.latent(samples, span.circular).to(silence))
        context = torch.cat([silence, made], -1)
        return _Inputs(conditional, context.expand(conditional.shape[0], -1, -1))

    def read(self, request: LoopRequest, span: Span) -> tuple[Any, str, int] | None:
        """Return the tokenizer, the whole text with tempo, key and metre at its end, and the length it is cut to."""
        return self._pipe.tokenizer, self._pipe._format_prompt(**_prompt(self, request, span))[0], MOST_TOKENS

    def _silence(self, frames: int) -> Tensor:
        """Return the learnt latent of silence [1, frames, channels], repeated to that length."""
        silence: Tensor = self._pipe.condition_encoder.silence_latent.to(self.place.device, self.place.dtype)
        return silence[:, torch.arange(frames, device=silence.device) % silence.shape[1]]

    def _timbre(self, request: LoopRequest) -> Tensor:
        """Return the latent [1, frames, channels] of 30 s of the reference, or of silence: zeros would give a drone.

        They are 10 s from its beginning, its middle and its end; a shorter one is repeated, as in the pipeline.
        """
        audio = reference(request, Reference.TIMBRE)
        rate = self.card.sample_rate
        if audio is None:
            return self._silence(math.ceil(TIMBRE_SECONDS * rate / self.hop_samples))
        length = len(audio.samples) // (4 * audio.channels) * rate // audio.sample_rate
        once = samples_of(audio, rate, self.card.channels, max(1, length))
        whole = TIMBRE_SECONDS * rate // self.hop_samples * self.hop_samples
        places = _thirds(once.shape[-1], TIMBRE_SECONDS * rate)[:whole]
        return self.latent(once[..., places], False).to(self.place.dtype)

    def schedule(self, steps: int, scene: Scene) -> Schedule:
        """Return an even grid of times, shifted towards noise: t -> 3 t / (1 + 2 t)."""
        even = torch.linspace(1, 0, steps + 1, dtype=torch.float64)[:-1]
        schedule = Schedule.flow(SHIFT * even / (1 + (SHIFT - 1) * even))
        scene.inputs.grid[:] = schedule.times.tolist()
        return schedule

    def rolled(self, scene: Scene, frames: int) -> Scene:
        """Return `scene` with its context latents rolled by `frames`; see `protocol.RollsConditioning`."""
        context = scene.inputs.context.roll(frames, 1)
        return replace(scene, inputs=replace(scene.inputs, context=context, roll_frames=frames))

    def denoise(self, latent: Tensor, time: Tensor, scene: Scene, *, until: Tensor | None = None) -> Tensor:
        """Return x_0 = x - t v [batch, frames, channels]; guided by APG where `scene.guidance` is not 1."""
        inputs, guiding = scene.inputs, scene.guidance != 1
        noisy = torch.cat([latent, latent]) if guiding else latent
        times = moment(time, self.place, self.place.dtype, noisy.shape[0])
        conditions = {"encoder_hidden_states": inputs.conditional, "context_latents": inputs.context}
        repeated = {name: rows(condition, latent.shape[0]) for name, condition in conditions.items()}
        called = partial(self.network, timestep=times, timestep_r=times, return_dict=False, **repeated)
        velocity = computed(lambda states: called(hidden_states=states)[0], noisy, self.place)
        if guiding:
            without, within = velocity.chunk(2)
            difference = _with_momentum(within - without, float(time), inputs)
            velocity = within + (scene.guidance - 1) * across(difference, within)
        return latent - float(time) * velocity

    def sound(self, latent: Tensor, scene: Scene) -> Tensor:
        """Return audio [batch, channels, scene.model_samples]."""
        return self._autoencoder.decode(latent.transpose(1, 2), scene.circular)

    def latent(self, audio: Tensor, circular: bool) -> Tensor:
        """Return the latent [batch, frames, channels]."""
        return self._autoencoder.encode(audio, circular).transpose(1, 2)


def _prompt(model: AceStep, request: LoopRequest, span: Span) -> dict[str, Any]:
    """Return what the text encoder of `model` is told, by the pipeline's names."""
    task = "text2music" if reference(request, Reference.KEPT) is None else "repaint"
    return {
        "prompt": prompted(request, loop_words=model.loop_words),
        "lyrics": "[Instrumental]",
        "audio_duration": model.named_seconds(request, span),
        "instruction": model._pipe._get_task_instruction(task),
        "bpm": known_tempo(request.tempo_bpm, LOW_BPM, HIGH_BPM)[0],
        "keyscale": None if request.key is None else str(Key.parse(request.key)),
        "timesignature": str(request.meter.numerator),
    }


def _thirds(samples: int, wanted: int) -> Tensor:
    """Return `wanted` places [samples]: thirds of a sound, from beginning, middle and end; repeated if short."""
    repeated, third = samples * math.ceil(wanted / samples) if samples < wanted else samples, wanted // 3
    starts = (0, repeated // 3, repeated - third)
    return torch.cat([start + torch.arange(third) for start in starts]) % samples


def _with_momentum(difference: Tensor, time: float, inputs: _Inputs) -> Tensor:
    """Return APG's running difference at `time`, the shape of `difference`; keep it, unrolled, for the next step."""
    place = inputs.grid.index(time) if time in inputs.grid else 0
    if place > 0 and inputs.grid[place - 1] in inputs.momentum:
        difference = difference + MOMENTUM * inputs.momentum[inputs.grid[place - 1]].roll(inputs.roll_frames, 1)
    inputs.momentum[time] = difference.roll(-inputs.roll_frames, 1)
    return difference


def across(difference: Tensor, direction: Tensor) -> Tensor:
    """Return APG's update (Sadat et al. 2024): `difference` without its part along `direction`.

    Both are [batch, frames, channels]; norms are over frames, and `difference` is first cut to a norm of 2.5.
    """
    length = difference.norm(dim=1, keepdim=True)
    difference = difference * (LARGEST_NORM / length.clamp_min(1e-12)).clamp_max(1)
    unit = torch.nn.functional.normalize(direction, dim=1)
    return difference - (difference * unit).sum(1, keepdim=True) * unit
