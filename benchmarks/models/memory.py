"""Memory of one DITTO step at the real sizes of other people's models, counted without weights or GPU.

    python -m benchmarks model-memory [--only NAME] [--publish]

Every model is built from the real classes with fake tensors, which have sizes but no contents; one step of the
optimiser (chain, decoder, spectrum, both halves of the gradient) runs through the adapters' own code, and the
peak of what is alive is counted: weights, activations, latents. bfloat16 denoiser, float32 solver and decoder.
Text encoders are not on the device then. The peak does not depend on the number of steps but by their latents.
"""

import weakref
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.rows import Rows
from engine.models import ace_step, audioldm2, musicldm, stable_audio, stable_audio_3
from engine.models.catalogue import GIB
from engine.models.hardware import Place
from engine.models.loading import freeze
from engine.models.mel import MelModel
from engine.models.protocol import Scene, Schedule
from engine.models.span import span_of
from engine.models.waveform import Origin, WaveformModel
from engine.request import LoopRequest
from engine.sampling import sample

BAR = "No bar: it says which card a model needs. Counted with fake tensors at the real sizes; nothing ran on a GPU."
SECONDS = (6, 12, 24)
STEPS = 2  # enough: each call is checkpointed alone
PLACE = Place(torch.device("cpu"), torch.bfloat16, torch.float32)
ORIGIN = Origin(name="", licence="", page="", parameters_millions=0.0)
ALLOCATOR_SHARE = 1.1  # what a caching allocator loses to fragments, and the driver's own part
CARDS_GIB = (4, 6, 8, 10, 12, 16, 24, 32, 48, 80)
VISITORS_MILLIONS = {
    stable_audio.StableAudio: 110,  # T5 base, encoder
    stable_audio_3.StableAudio3: 282,  # T5Gemma base, encoder
    ace_step.AceStep: 608,  # condition encoder; Qwen3 Embedding before it is no larger
    audioldm2.AudioLdm2: 660,  # CLAP, Flan-T5 large encoder and GPT-2 together
    musicldm.MusicLdm: 194,  # CLAP
}


def table(rows: Rows) -> Table:
    """Return the peaks of one step and the smallest card for each model."""
    body = []
    for name in rows:
        row = rows[name]
        peaks = [f"{peak:.1f}" for peak in row["peaks_gib"]]
        millions = f"{row['denoiser_millions']:.0f} + {row['decoder_millions']:.0f}"
        body.append([name, millions, f"{row['weights_gib']:.1f}", *peaks, f"{row['card_gib']} GB"])
    peaks = [f"{seconds} s" for seconds in SECONDS]
    return Table(head=("GiB", "denoiser + decoder, M", "weights", *peaks, "smallest card for 6 s"), body=body, bar=BAR)


def main() -> None:
    """Read the command line; count and keep what is missing."""
    options = parser(__doc__)
    options.add_argument("--only", default="", help="models whose names hold this")
    add_rows(options, "model-memory")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows = open_rows(chosen)
    for name, build in BUILDERS.items():
        if chosen.only in name:
            rows.get(name, partial(count, build))
    print(table(rows).markdown())


def count(build: Callable[[], tuple[WaveformModel, Any]]) -> dict[str, Any]:
    """Return parameters, weights and the peaks of a step in GiB."""
    peaks = []
    with FakeTensorMode(allow_non_fake_inputs=True):
        model, inputs_of = build()
        denoiser, decoders = _networks(model)
        for seconds in SECONDS:
            peaks.append(_peak(model, inputs_of, [denoiser, *decoders], seconds))
        weights = sum(p.numel() * p.element_size() for part in (denoiser, *decoders) for p in part.parameters())
        # Before the steps the largest text encoder visits the device, in bfloat16, beside the weights.
        visitor = VISITORS_MILLIONS[type(model)] * 2e6 / GIB
        needed = max(peaks[0], weights / GIB + visitor) * ALLOCATOR_SHARE
        return {
            "denoiser_millions": _millions(denoiser),
            "decoder_millions": sum(map(_millions, decoders)),
            "weights_gib": weights / GIB,
            "peaks_gib": [max(peak, weights / GIB + visitor) for peak in peaks],
            "card_gib": next(card for card in CARDS_GIB if card >= needed + 0.5),  # a desktop takes some, too
        }


def _peak(model: WaveformModel, inputs_of: Any, networks: list[torch.nn.Module], seconds: int) -> float:
    """Return the peak of one step for a loop of `seconds`, in GiB."""
    request = LoopRequest(tempo_bpm=Fraction(240 * 2, seconds), bars=2, seed=0)
    span = span_of(request, model.card.sample_rate, model.hop_samples)
    scene = Scene(
        frames=span.frames, noise_shape=model.noise_shape(span.frames), time_axis=model.time_axis,
        model_samples=span.model_samples, loop_samples=span.loop_samples, tempo_bpm=request.tempo_bpm,
        beats=request.beats, guidance=model.guidance, inputs=inputs_of(span.frames), circular=span.circular,
        noises=getattr(model, "_noises", 1),
    )  # fmt: skip
    noise = torch.randn(1, *scene.noise_shape, requires_grad=True)
    schedule = _readable(model, scene)
    alive = Alive([parameter for network in networks for parameter in network.parameters()] + [noise])
    with alive:
        latent = sample(model, scene, noise, schedule, model.card.sampler)
        heard = latent.detach().requires_grad_()
        loss = model.listen(heard, scene).level_db.square().mean()
        (pull,) = torch.autograd.grad(loss, heard)
        torch.autograd.grad(latent, noise, pull)
    return alive.peak_bytes / GIB


class Alive(TorchDispatchMode):
    """Counts the bytes of all storages that are alive, those of `owned` from the start."""

    def __init__(self, owned: list[torch.Tensor]) -> None:
        super().__init__()
        self._seen = WeakIdKeyDictionary()
        self.bytes = self.peak_bytes = 0
        self._note(owned)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._note([leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)])
        return result

    def _note(self, tensors: list[torch.Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            if storage not in self._seen:
                self._seen[storage] = True
                self.bytes += storage.nbytes()
                weakref.finalize(storage, self._gone, storage.nbytes())
        self.peak_bytes = max(self.peak_bytes, self.bytes)

    def _gone(self, size: int) -> None:
        self.bytes -= size


class _Moment(float):
    """A time whose number can be read, which that of a fake tensor cannot."""

    def to(self, *_: Any) -> torch.Tensor:
        return torch.full((), float(self))

    def long(self) -> torch.Tensor:
        return torch.full((), int(self))


class Numbers(list[_Moment]):
    """Numbers in the place of a tensor."""

    def double(self) -> "Numbers":
        """Return the numbers as they are."""
        return self


def _readable(model: WaveformModel, scene: Scene) -> Any:
    """Return the schedule in numbers."""
    with unset_fake_temporarily():
        if isinstance(model, MelModel):
            model._solver = _solver()
        schedule = model.schedule(STEPS, scene)
        if isinstance(model, MelModel):
            model._solver.alphas_cumprod = Numbers(map(_Moment, model._solver.alphas_cumprod.tolist()))
    return in_numbers(schedule)


def in_numbers(schedule: Schedule) -> Any:
    """Return a schedule whose numbers can be read among fake tensors."""
    names = ("times", "alphas", "sigmas")
    with unset_fake_temporarily():
        numbers = {name: Numbers(map(_Moment, getattr(schedule, name).tolist())) for name in names}
    return SimpleNamespace(steps=schedule.steps, **numbers)


def _networks(model: WaveformModel) -> tuple[torch.nn.Module, list[torch.nn.Module]]:
    pipe = model._pipe
    denoiser = pipe.unet if hasattr(pipe, "unet") else pipe.transformer
    decoders = [pipe.vae.decoder, *([pipe.vocoder] if hasattr(pipe, "vocoder") else [])]
    return denoiser, decoders


def _millions(network: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in network.parameters()) / 1e6


def _frozen(kind: Callable[..., Any], *arguments: Any, dtype: torch.dtype = torch.float32, **sizes: Any) -> Any:
    """Return a frozen network made in `dtype`: fake parameters cannot be converted."""
    torch.set_default_dtype(dtype)
    try:
        network = kind(*arguments, **sizes)
    finally:
        torch.set_default_dtype(torch.float32)
    freeze(network)
    for part in network.modules():
        object.__setattr__(part, "to", lambda *_, part=part: part)  # fake parameters cannot be moved either
    return network


def _bf16(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.bfloat16)


def _stable_audio() -> tuple[WaveformModel, Any]:
    from diffusers import AutoencoderOobleck, StableAudioDiTModel

    network = _frozen(StableAudioDiTModel, dtype=torch.bfloat16)
    pipe = SimpleNamespace(vae=_frozen(AutoencoderOobleck), transformer=network)

    def inputs(frames: int) -> Any:
        rotary = (torch.randn(frames + 1, 32), torch.randn(frames + 1, 32))
        return stable_audio._Inputs(_bf16(2, 130, 768), _bf16(2, 1, 1536), rotary)

    return stable_audio.StableAudio(pipe, PLACE, ORIGIN, {}), inputs


def _stable_audio_3(
    width: int, depth: int, autoencoder: dict[str, Any], *, distilled: bool
) -> tuple[WaveformModel, Any]:
    from diffusers import AutoencoderSAME, StableAudio3DiTModel

    network = _frozen(StableAudio3DiTModel, embed_dim=width, depth=depth, num_heads=width // 64, dtype=torch.bfloat16)
    pipe = SimpleNamespace(
        vae=_frozen(AutoencoderSAME, **autoencoder), transformer=network,
        scheduler=SimpleNamespace(config={"stochastic_sampling": distilled}),
        duration_embedder=SimpleNamespace(config=SimpleNamespace(max_val=384.0)),
    )  # fmt: skip
    rows = 1 if distilled else 2

    def inputs(frames: int) -> Any:
        mask = torch.ones(rows, 257, dtype=torch.long)
        return stable_audio_3._Inputs(_bf16(rows, 257, 768), mask, _bf16(rows, 768), None)

    return stable_audio_3.StableAudio3(pipe, PLACE, ORIGIN), inputs


def _ace_step(*, turbo: bool, **sizes: Any) -> tuple[WaveformModel, Any]:
    from diffusers import AceStepTransformer1DModel, AutoencoderOobleck

    vae = _frozen(AutoencoderOobleck, downsampling_ratios=[2, 4, 4, 6, 10], sampling_rate=48_000)
    network = _frozen(AceStepTransformer1DModel, dtype=torch.bfloat16, **sizes)
    pipe = SimpleNamespace(vae=vae, transformer=network, is_turbo=turbo)
    rows = 1 if turbo else 2
    return ace_step.AceStep(pipe, PLACE, ORIGIN), lambda frames: ace_step._Inputs(
        _bf16(rows, 400, 2048), _bf16(rows, frames, 128)
    )


def _mel_parts() -> dict[str, Any]:
    from diffusers import AutoencoderKL
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    vae = _frozen(
        AutoencoderKL, in_channels=1, out_channels=1, latent_channels=8, block_out_channels=(128, 256, 512),
        layers_per_block=2, down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    )  # fmt: skip
    vocoder = SpeechT5HifiGanConfig(
        model_in_dim=64, upsample_initial_channel=1024, upsample_rates=[5, 4, 2, 2, 2],
        upsample_kernel_sizes=[16, 16, 8, 4, 4],
    )  # fmt: skip
    return {"vae": vae, "vocoder": _frozen(SpeechT5HifiGan, vocoder), "scheduler": _solver()}


def _solver() -> Any:
    """Return a DDIM scheduler; its numbers are read, so they must not be fake."""
    from diffusers import DDIMScheduler

    with unset_fake_temporarily():
        return DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False)


UNET = {
    "sample_size": 128, "in_channels": 8, "out_channels": 8, "block_out_channels": (128, 256, 384, 640),
    "layers_per_block": 2, "down_block_types": ("DownBlock2D", *("CrossAttnDownBlock2D",) * 3),
    "up_block_types": (*("CrossAttnUpBlock2D",) * 3, "UpBlock2D"),
}  # fmt: skip


def _audioldm2() -> tuple[WaveformModel, Any]:
    from diffusers import AudioLDM2UNet2DConditionModel

    unet = _frozen(
        AudioLDM2UNet2DConditionModel, dtype=torch.bfloat16, **UNET, cross_attention_dim=((None, 768, 1024),) * 4,
        attention_head_dim=32,
    )  # fmt: skip
    pipe = SimpleNamespace(unet=unet, **_mel_parts())
    return audioldm2.AudioLdm2(pipe, PLACE, ORIGIN), lambda frames: audioldm2._Inputs(
        _bf16(2, 16, 1024), torch.ones(2, 16, dtype=torch.long), _bf16(2, 8, 768)
    )


def _musicldm() -> tuple[WaveformModel, Any]:
    from diffusers import UNet2DConditionModel

    unet = _frozen(
        UNet2DConditionModel, dtype=torch.bfloat16, **UNET, cross_attention_dim=(128, 256, 384, 640),
        attention_head_dim=32, class_embed_type="simple_projection", projection_class_embeddings_input_dim=512,
        class_embeddings_concat=True,
    )  # fmt: skip
    pipe = SimpleNamespace(unet=unet, **_mel_parts())
    return musicldm.MusicLdm(pipe, PLACE, ORIGIN), lambda frames: _bf16(2, 512)


SAME_L = {"encoder_channels": 256, "encoder_transformer_depths": (12,)}
XL = {
    "hidden_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 9728,
    "encoder_hidden_size": 2048,
}  # fmt: skip

BUILDERS: dict[str, Callable[[], tuple[WaveformModel, Any]]] = {
    # The small checkpoint's shape is not published; this one has its 433 M parameters.
    "stable-audio-3-small": lambda: _stable_audio_3(1024, 16, {}, distilled=True),
    "stable-audio-3-medium": lambda: _stable_audio_3(1536, 24, SAME_L, distilled=True),
    "stable-audio-3-medium-base": lambda: _stable_audio_3(1536, 24, SAME_L, distilled=False),
    "stable-audio-open": _stable_audio,
    "ace-step-1.5-turbo": lambda: _ace_step(turbo=True),
    "ace-step-1.5-base": lambda: _ace_step(turbo=False),
    "ace-step-1.5-xl-turbo": lambda: _ace_step(turbo=True, **XL),
    "audioldm2-music": _audioldm2,
    "musicldm": _musicldm,
}
