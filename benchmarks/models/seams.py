"""Does a loop close where the denoiser knows no circle? Real diffusers classes, trained for minutes, with and without.

    python -m benchmarks model-seams --model ace-step --loops 24 --keep FOLDER [--publish]

*Without* is the same request, seed and curve with the loop switched off: the piece is cut where it is long enough.
*Circle* is the decoder's alone, without rolling, without the loop's loss. Lengths are whole latents (to 0.2 %), where
the piece is made as a circle, or lie between two, where it is trimmed out of a longer one.

A random network makes noise, and a cut through noise is never heard. So the denoiser of each adapter, at toy size, is
trained on open stretches of tonal and percussive music (nothing in them is a loop, nothing marks an end). Its decoder
is of the real class too, its weights set by hand to an exact lapped transform. The seam's thresholds are those of
`python -m benchmarks seam`; true loops and naive cuts of the training music show that they mean the same here.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table
from benchmarks.rows import Rows
from engine.events import Take
from engine.metrics import seam
from engine.models import ace_step, stable_audio, stable_audio_3
from engine.models.hardware import Place
from engine.models.loading import freeze
from engine.models.waveform import Origin
from engine.pipeline import make_loop
from engine.request import Budget, Control, Curve, LoopRequest, Method, Point
from engine.settings import Settings

RATE, HOP, CHANNELS = 8_000, 128, 40  # 16 ms a latent, bands up to 1250 Hz
PITCHES_HZ = 220 * 2 ** (np.array([0, 3, 5, 7, 10, 12, 15, 17, 19]) / 12)
LEVEL = 0.08  # RMS
PLACE = Place(torch.device("cpu"), torch.float32, torch.float32)
BAR = "Bar: as many good seams as true loops have, less one point; the project's own."
ORIGIN = Origin(name="toy", licence="MIT", page="benchmarks/models/seams.py", parameters_millions=1.0)
Signal = NDArray[np.float64]


# The music: two voices of sustained tones and a drum, always in the middle of something.


def music(draws: np.random.Generator, samples: int, *, circular: bool) -> Signal:
    """Return `samples` of tones and hits; round the circle, or a stretch of what goes on before and after."""
    lead = 0 if circular else RATE
    length = samples + lead
    sound = np.zeros(length)
    for _ in range(2):
        place = int(draws.integers(-RATE, 1))
        while place < length:
            lasts = int(draws.uniform(0.5, 1.6) * RATE)
            _put(sound, place, _tone(draws, lasts, length if circular else None), circular)
            place += lasts
    beat, shift = RATE // 4, int(draws.integers(RATE // 4))
    for place in range(shift, length, beat):
        if draws.random() < 0.5:
            _put(sound, place, _hit(draws), circular)
    sound = sound[lead:]
    return LEVEL * sound / sound.std()


def _tone(draws: np.random.Generator, lasts: int, circle: int | None) -> Signal:
    rings = lasts + RATE // 4
    time_s, phase = np.arange(rings) / RATE, draws.uniform(0, 2 * np.pi, 2)
    pitch = draws.choice(PITCHES_HZ)
    wave = np.sin(2 * np.pi * pitch * time_s + phase[0]) + 0.3 * np.sin(4 * np.pi * pitch * time_s + phase[1])
    fall = np.where(np.arange(rings) < lasts, 1, np.exp(-(np.arange(rings) - lasts) / (0.06 * RATE)))
    return wave * np.minimum(1, time_s / 0.02) * fall * np.exp(-time_s * draws.uniform(0, 1.5))


def _hit(draws: np.random.Generator) -> Signal:
    time_s = np.arange(RATE // 5) / RATE
    return 1.6 * np.sin(2 * np.pi * 70 * time_s + 9 * np.exp(-time_s / 0.02)) * np.exp(-time_s / 0.05)


def _put(sound: Signal, place: int, wave: Signal, circular: bool) -> None:
    index = place + np.arange(len(wave))
    if circular:
        np.add.at(sound, index % len(sound), wave)
    else:
        inside = (index >= 0) & (index < len(sound))
        sound[index[inside]] += wave[inside]


def lapped() -> Signal:
    """Return the synthesis frames [CHANNELS, 2 HOP] of the MDCT with a sine window (Princen and Bradley 1986)."""
    n, c = np.arange(2 * HOP) + 0.5, np.arange(CHANNELS)[:, None] + 0.5
    window = np.sin(np.pi * n / (2 * HOP))
    return np.asarray(np.sqrt(2 / HOP) * window * np.cos(np.pi / HOP * (n + HOP / 2) * c))


def analysed(signal: Signal) -> Signal:
    """Return the latents [CHANNELS, frames] of a signal, before scaling."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, 2 * HOP)[::HOP]
    return np.asarray(lapped() @ frames.T)


# Decoders of the real classes whose weights are the lapped transform.


def oobleck(scale: Tensor) -> Any:
    """Return an AutoencoderOobleck whose decoder is the lapped transform of `scale` [CHANNELS] times the latent."""
    from diffusers import AutoencoderOobleck

    vae = AutoencoderOobleck(
        encoder_hidden_size=8, downsampling_ratios=[HOP], channel_multiples=[CHANNELS // 2], decoder_channels=2,
        decoder_input_channels=CHANNELS, audio_channels=2, sampling_rate=RATE,
    )  # fmt: skip
    freeze(vae)
    decoder, (block,) = vae.decoder, vae.decoder.block
    for snake in [m for m in vae.modules() if type(m).__name__ == "Snake1d"]:
        snake.alpha.fill_(-30.0)  # no bend
    for unit in (block.res_unit1, block.res_unit2, block.res_unit3):
        unit.conv2.weight.zero_()
        unit.conv2.bias.zero_()
    for conv, values in ((decoder.conv1, torch.diag(scale)), (decoder.conv2, torch.eye(2))):
        conv.weight.zero_()
        conv.weight[:, :, 3] = values
    decoder.conv1.bias.zero_()
    block.conv_t1.bias.zero_()
    block.conv_t1.weight.copy_(torch.from_numpy(lapped()).float()[:, None].expand(-1, 2, -1))
    return vae


def same(scale: Tensor) -> Any:
    """Return an AutoencoderSAME whose decoder does the same: two heads fetch this latent and the next."""
    from diffusers import AutoencoderSAME

    width = 64
    vae = AutoencoderSAME(
        audio_channels=2, patch_size=HOP, encoder_channels=2 * width, encoder_c_mults=(1,), encoder_strides=(1,),
        encoder_transformer_depths=(1,), latent_dim=CHANNELS, use_differential_attention=False, dim_heads=width,
        ff_mult=1, sampling_rate=RATE,
    )  # fmt: skip
    freeze(vae)
    block = vae.decoder.blocks[0]
    layer, mapping, small = block.transformers[0], block.mapping, 1e-3
    for norm in (layer.norm_attn, layer.attn.q_norm, layer.attn.k_norm):  # as good as straight
        norm.alpha.fill_(small)
        norm.gamma.fill_(1 / small)
    one = 2 * width - 1  # a channel that is 1 in every token
    layer.norm_attn.gamma[one] = 0
    layer.norm_attn.beta[one] = 1
    qkv, out = layer.attn.to_qkv.weight.zero_().view(3, 2, width, 2 * width), layer.attn.to_out.weight.zero_()
    block.new_tokens.zero_()
    quarter = width // 4  # rotary pairs: dimension i with i + quarter; the first of them turns by 1 rad a token
    frames = torch.from_numpy(lapped()).float()
    vae.decoder.proj.weight.zero_()[:CHANNELS] = torch.diag(scale)
    vae.decoder.proj.bias.zero_()
    mapping.weight.zero_()
    mapping.bias.zero_()
    for head, offset in enumerate((-1.0, 1.0)):  # an output token comes right after its latent, before the next one
        sharp = 40.0
        qkv[0, head, 0, one], qkv[0, head, quarter, one] = sharp * np.cos(offset), sharp * np.sin(offset)
        qkv[1, head, 0, one] = sharp
        qkv[2, head, :CHANNELS, :CHANNELS] = torch.eye(CHANNELS)
        place = slice(head * CHANNELS, (head + 1) * CHANNELS)
        out[place, head * width : head * width + CHANNELS] = torch.eye(CHANNELS)
        half = frames[:, HOP:] if head == 0 else frames[:, :HOP]  # a patch: this frame's end, the next one's beginning
        mapping.weight[:, place, 0] = half.T.repeat(2, 1)
    return vae


class _Wordless:
    """An adapter itself, on a network of toy size; only what it is told is not computed from words."""

    def read(self, request: LoopRequest, span: Any) -> None:
        """Return None: it hears no words."""


class StableAudio(_Wordless, stable_audio.StableAudio):
    """`engine.models.stable_audio` without a text encoder."""

    guidance = 1.0

    def __init__(self, scale: Tensor) -> None:
        from diffusers import StableAudioDiTModel

        network = StableAudioDiTModel(
            sample_size=4096, in_channels=CHANNELS, out_channels=CHANNELS, num_layers=4, attention_head_dim=24,
            num_attention_heads=4, num_key_value_attention_heads=4, cross_attention_dim=8, cross_attention_input_dim=8,
            time_proj_dim=32, global_states_input_dim=8,
        )  # fmt: skip
        super().__init__(SimpleNamespace(vae=oobleck(scale), transformer=network), PLACE, ORIGIN, {"sigma_max": 100})

    def condition(self, request: LoopRequest, span: Any) -> Any:
        """Return zeros, and the rotary places."""
        from diffusers.models.embeddings import get_1d_rotary_pos_embed

        rotary = get_1d_rotary_pos_embed(12, span.frames + 1, use_real=True, repeat_interleave_real=False)
        return stable_audio._Inputs(torch.zeros(1, 1, 8), torch.zeros(1, 1, 8), rotary)


class StableAudio3(_Wordless, stable_audio_3.StableAudio3):
    """`engine.models.stable_audio_3` without a text encoder, base or distilled (the sampler that renoises)."""

    def __init__(self, scale: Tensor, *, distilled: bool = False) -> None:
        from diffusers import StableAudio3DiTModel

        network = StableAudio3DiTModel(
            io_channels=CHANNELS, embed_dim=96, depth=4, num_heads=4, cond_token_dim=8, global_cond_dim=8,
            local_add_cond_dim=CHANNELS + 1, timestep_features_dim=32, ff_mult=4, num_memory_tokens=2,
        )  # fmt: skip
        told = SimpleNamespace(config=SimpleNamespace(max_val=60.0))
        sampling = SimpleNamespace(config={"stochastic_sampling": distilled})
        parts = SimpleNamespace(vae=same(scale), transformer=network, duration_embedder=told, scheduler=sampling)
        super().__init__(parts, PLACE, ORIGIN)
        self.guidance = 1.0

    def condition(self, request: LoopRequest, span: Any) -> Any:
        """Return zeros."""
        text, mask = torch.zeros(1, 1, 8), torch.ones(1, 1, dtype=torch.bool)
        return stable_audio_3._Inputs(text, mask, torch.zeros(1, 8), None)


class AceStep(_Wordless, ace_step.AceStep):
    """`engine.models.ace_step`, turbo, without text and condition encoders."""

    def __init__(self, scale: Tensor) -> None:
        from diffusers import AceStepTransformer1DModel

        network = AceStepTransformer1DModel(
            hidden_size=96, intermediate_size=256, num_attention_heads=4, num_key_value_heads=4, head_dim=24,
            num_hidden_layers=4, in_channels=3 * CHANNELS, audio_acoustic_hidden_dim=CHANNELS, sliding_window=16,
            patch_size=1, is_turbo=True,
        )  # fmt: skip
        super().__init__(SimpleNamespace(vae=oobleck(scale), transformer=network, is_turbo=True), PLACE, ORIGIN)

    def condition(self, request: LoopRequest, span: Any) -> Any:
        """Return zeros, and that all is to be made."""
        frame = torch.cat([torch.zeros(CHANNELS), torch.ones(CHANNELS)])
        return ace_step._Inputs(torch.zeros(1, 1, 96), frame.expand(1, span.frames, -1))


TOYS: dict[str, Callable[[Tensor], Any]] = {
    "stable-audio": StableAudio,
    "stable-audio-3-base": StableAudio3,
    "stable-audio-3": lambda scale: StableAudio3(scale, distilled=True),
    "ace-step": AceStep,
}


def train(model: Any, latents: Tensor, scale: Tensor, steps: int, *, batch: int = 12) -> float:
    """Train the denoiser through the adapter's own `denoise` on `latents` [pieces, CHANNELS, frames]; return its loss.

    The squared error of x_0 over sigma^2 + 0.1: that of v, or of the velocity, with less weight near the clean end.
    """
    draws = torch.Generator().manual_seed(0)
    network = model.network.train().requires_grad_(True)
    adam = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.01, betas=(0.9, 0.98))
    losses: list[float] = []
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * step / steps))
        frames = int(torch.randint(100, 140, (1,), generator=draws))
        scene = model.scene(LoopRequest(loop=False, tempo_bpm=Fraction(60 * 4 * RATE, frames * HOP), bars=1, seed=0))
        chosen = torch.randint(len(latents), (batch,), generator=draws)
        first = int(torch.randint(latents.shape[2] - frames, (1,), generator=draws))
        clean = latents[chosen, :, first : first + frames] / scale[:, None]
        clean = clean.transpose(1, 2) if scene.time_axis == 0 else clean
        level = torch.rand(1, generator=draws).clamp(0.02, 0.995).double()
        flow = not isinstance(model, StableAudio)
        alpha, sigma = (1 - level, level) if flow else (torch.cos(level * np.pi / 2), torch.sin(level * np.pi / 2))
        noisy = alpha.float() * clean + sigma.float() * torch.randn(clean.shape, generator=draws)
        loss = (model.denoise(noisy, level, scene) - clean).square().mean() / (float(sigma) ** 2 + 0.1)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        adam.step()
        losses.append(float(loss))
        keep = min(0.99, step / (step + 10))
        for name, value in network.state_dict().items():
            average[name].lerp_(value, 1 - keep) if value.is_floating_point() else None
        if (step + 1) % 200 == 0:
            print(f"{step + 1} steps, loss {np.mean(losses[-200:]):.3f}", file=sys.stderr, flush=True)
    network.load_state_dict(average)
    freeze(network)
    return float(np.mean(losses[-200:]))


# Loops with and without the machinery.


def request_of(seed: int, *, closing: bool, fitting: bool, steps: int) -> LoopRequest:
    """Return a controlled bar of about 2 s whose length is whole latents (to 0.2 %), or between two of them."""
    draws = np.random.default_rng(seed)
    frames = draws.integers(105, 140) + (0.0 if fitting else draws.uniform(0.35, 0.65))
    tempo_bpm = Fraction(4 * 60 * RATE / (frames * HOP)).limit_denominator(1000)
    low, high = -24 - draws.uniform(2, 5), -24 + draws.uniform(2, 5)
    curve = Curve(points=tuple(Point(beat=Fraction(b), value=v) for b, v in ((0, low), (2, high), (4, low))))
    return LoopRequest(
        tempo_bpm=tempo_bpm, bars=1, sample_rate=RATE, seed=seed, loop=closing, budget=Budget(steps=steps),
        method=Method.DITTO2 if steps else Method.NONE,
        controls=(Control(kind="intensity", target=curve),) if steps else (),
    )  # fmt: skip


def made(model: Any, request: LoopRequest) -> tuple[Signal, float]:
    """Return the delivered loop's mono mix and its error of intensity (dB^2, one gain free)."""
    (take,) = [e for e in make_loop(request, model, Settings(device="cpu")) if isinstance(e, Take)]
    audio = np.frombuffer(take.sound.samples, "<f4").reshape(-1, take.sound.channels).mean(1).astype(np.float64)
    assert len(audio) == request.samples
    return audio, take.scores["intensity_mse_gain_free"] or 0.0


def share_of_good(pieces: list[Signal]) -> float:
    """Return the share of loops whose wrap cannot be heard."""
    return float(np.mean([seam.measure(piece, RATE).ratio <= seam.CLEAN for piece in pieces]))


def calibrated(count: int) -> dict[str, float]:
    """Return the shares of good seams of true loops and of naive cuts of the training music."""
    draws = np.random.default_rng(5)
    lengths = [2 * RATE + int(draws.integers(-RATE // 4, RATE // 4)) for _ in range(count)]
    return {
        "true loops": share_of_good([music(draws, length, circular=True) for length in lengths]),
        "naive cuts": share_of_good([music(draws, length, circular=False) for length in lengths]),
    }


def trained(name: str, steps: int, folder: Path) -> Any:
    """Return the toy `name`, from `folder` where it has been trained before; both Stable Audio 3 share weights."""
    file = folder / f"{name.removesuffix('-base')}.safetensors"
    if file.is_file():
        kept = load_file(file)
        model = TOYS[name](kept.pop("scale"))
        model.network.load_state_dict(kept)
        freeze(model.network)
        return model
    draws = np.random.default_rng(1)
    pieces = np.stack([analysed(music(draws, 200 * HOP, circular=False)) for _ in range(900)])
    latents = torch.from_numpy(pieces).float()
    scale = latents.std((0, 2)).clamp_min(0.05)
    torch.manual_seed(0)
    model = TOYS[name](scale)
    print(f"{name}: loss {train(model, latents, scale, steps):.3f}", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"scale": scale, **model.network.state_dict()}, file)
    return model


def shares(model: Any, loops: int, steps: int) -> dict[str, float]:
    """Return the share of good seams of each arm, and the median error of intensity (dB^2) of those that search."""
    card, found = replace(model.card, decode_steps=min(model.card.decode_steps, 16)), {}
    arms = {  # name: (loop switched on, whole latents, search steps, decoder's circle alone)
        "without, no control": (False, True, 0, False),
        "circle, no control": (True, True, 0, True),
        "with, no control": (True, True, 0, False),
        "without, whole latents": (False, True, steps, False),
        "with, whole latents": (True, True, steps, False),
        "without, between latents": (False, False, steps, False),
        "with, between latents": (True, False, steps, False),
    }
    for arm, (closing, fitting, search, circle) in arms.items():
        model.card = replace(card, circular=circle)
        takes = [made(model, request_of(s, closing=closing, fitting=fitting, steps=search)) for s in range(loops)]
        found[arm] = share_of_good([audio for audio, _ in takes])
        if search:
            found[f"intensity, {arm}"] = float(np.median([error for _, error in takes]))
        print(f"{arm}: {found[arm]:.2f}", file=sys.stderr, flush=True)
    return found


def table(rows: Rows) -> Table:
    """Return the share of good seams of each arm, a line for each model."""
    arms = list(dict.fromkeys(name for key in rows for name in rows[key] if not name.startswith("intensity, ")))
    body = [[key, *(f"{100 * rows[key][arm]:.0f} %" if arm in rows[key] else "" for arm in arms)] for key in rows]
    return Table(head=("model", *arms), body=body, bar=BAR)


def main() -> None:
    """Read the command line; train what is missing, and keep the shares."""
    options = parser(__doc__)
    options.add_argument("--model", choices=sorted(TOYS), default="ace-step")
    options.add_argument("--loops", type=int, default=24)
    options.add_argument("--steps", type=int, default=96, help="of the search")
    options.add_argument("--training", type=int, default=1200, help="steps")
    options.add_argument("--keep", type=Path, required=True, help="folder for the trained toys")
    add_rows(options, "model-seams")
    chosen = options.parse_args()
    torch.set_num_threads(1)
    rows = open_rows(chosen)
    rows.get("the training music itself", lambda: calibrated(100))
    model = trained(chosen.model, chosen.training, chosen.keep)
    rows.get(f"{chosen.model}, {chosen.loops} loops", lambda: shares(model, chosen.loops, chosen.steps))
    print(table(rows).markdown())
