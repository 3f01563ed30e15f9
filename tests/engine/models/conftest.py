"""Tiny, randomly initialised models of the real classes, saved to folders as a user's would be.

Tokenizers are built here from a few words, so nothing is downloaded.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest
import torch

from engine.models import catalogue
from engine.models.hardware import Place
from engine.models.protocol import Model
from engine.request import LoopRequest
from engine.settings import Settings
from midi.tempo import Meter

torch.set_num_threads(1)
WORDS = ("dusty", "boom", "bap", "rhodes", "techno", "warm", "noise")


def randomise(*modules: torch.nn.Module, size: float = 0.05) -> None:
    """Give zero-initialised projections small weights, or parts of the network would not be tested."""
    generator = torch.Generator().manual_seed(7)
    for module in modules:
        for parameter in module.parameters():
            if parameter.numel() and not parameter.detach().any():
                parameter.data.normal_(0, size, generator=generator)


def t5_tokenizer():
    from transformers import T5Tokenizer

    vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary += [("▁" + word, -3.0) for word in WORDS] + [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyz"]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=40)


def gemma_tokenizer():
    from transformers import GemmaTokenizer

    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4, "▁": 5}
    for token in [f"<0x{byte:02X}>" for byte in range(256)] + list("abcdefghijklmnopqrstuvwxyz"):
        vocabulary[token] = len(vocabulary)
    return GemmaTokenizer(vocab=vocabulary, merges=[], model_max_length=40)


def byte_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<|endoftext|>", *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|endoftext|>")


def roberta_tokenizer():
    from tokenizers import pre_tokenizers
    from transformers import RobertaTokenizer

    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    return RobertaTokenizer(vocab={token: index for index, token in enumerate(tokens)}, merges=[], model_max_length=40)


def t5_encoder(width: int):
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(T5Config(vocab_size=64, d_model=width, d_kv=4, d_ff=16, num_layers=1, num_heads=2))


def oobleck(latent_channels: int, audio_channels: int = 2, sample_rate: int = 400):
    from diffusers import AutoencoderOobleck

    return AutoencoderOobleck(
        encoder_hidden_size=6 if latent_channels == 3 else 2 * latent_channels, downsampling_ratios=[2, 4],
        channel_multiples=[2, 4], decoder_channels=3, decoder_input_channels=latent_channels,
        audio_channels=audio_channels, sampling_rate=sample_rate,
    )  # fmt: skip


def stable_audio():
    from diffusers import (
        EDMDPMSolverMultistepScheduler,
        StableAudioDiTModel,
        StableAudioPipeline,
        StableAudioProjectionModel,
    )

    transformer = StableAudioDiTModel(
        sample_size=400, in_channels=3, out_channels=3, num_layers=2, attention_head_dim=8, num_attention_heads=4,
        num_key_value_attention_heads=2, cross_attention_dim=4, cross_attention_input_dim=4, time_proj_dim=8,
        global_states_input_dim=8,
    )  # fmt: skip
    projection = StableAudioProjectionModel(text_encoder_dim=16, conditioning_dim=4, min_value=0, max_value=64)
    return StableAudioPipeline(
        vae=oobleck(3), text_encoder=t5_encoder(16), projection_model=projection, tokenizer=t5_tokenizer(),
        transformer=transformer, scheduler=EDMDPMSolverMultistepScheduler(),
    )  # fmt: skip


def stable_audio_3(*, distilled: bool = False):
    from diffusers import (
        AutoencoderSAME,
        FlowMatchEulerDiscreteScheduler,
        StableAudio3DiTModel,
        StableAudio3Pipeline,
    )
    from diffusers.pipelines.stable_audio_3 import StableAudio3DurationEmbedder
    from transformers import T5GemmaConfig, T5GemmaEncoderModel
    from transformers.models.t5gemma.configuration_t5gemma import T5GemmaModuleConfig

    module = dict(vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
                  num_key_value_heads=1, head_dim=8, sliding_window=8, layer_types=["full_attention"])  # fmt: skip
    config = T5GemmaConfig(encoder=T5GemmaModuleConfig(**module), decoder=T5GemmaModuleConfig(**module),
                           is_encoder_decoder=False, vocab_size=300)  # fmt: skip
    transformer = StableAudio3DiTModel(
        io_channels=8, embed_dim=32, depth=2, num_heads=4, cond_token_dim=16, global_cond_dim=16,
        local_add_cond_dim=9, timestep_features_dim=16, ff_mult=2, num_memory_tokens=3,
    )  # fmt: skip
    vae = AutoencoderSAME(patch_size=4, encoder_channels=8, encoder_c_mults=(2,), encoder_strides=(2,),
                          encoder_transformer_depths=(2,), latent_dim=8, dim_heads=4, ff_mult=2,
                          sampling_rate=400)  # fmt: skip
    randomise(transformer)
    randomise(vae, size=0.5)
    return StableAudio3Pipeline(
        vae=vae, text_encoder=T5GemmaEncoderModel(config), tokenizer=gemma_tokenizer(),
        duration_embedder=StableAudio3DurationEmbedder(output_dim=16, fourier_dim=8), transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0, stochastic_sampling=distilled),
    )  # fmt: skip


def ace_step(*, turbo: bool = True):
    from diffusers import AceStepPipeline, AceStepTransformer1DModel, FlowMatchEulerDiscreteScheduler
    from diffusers.pipelines.ace_step import AceStepConditionEncoder
    from transformers import Qwen3Config, Qwen3Model

    shape = dict(hidden_size=32, intermediate_size=32, num_attention_heads=4, num_key_value_heads=2, head_dim=8,
                 sliding_window=4)  # fmt: skip
    transformer = AceStepTransformer1DModel(
        **shape, num_hidden_layers=2, in_channels=24, audio_acoustic_hidden_dim=8, is_turbo=turbo,
    )  # fmt: skip
    condition = AceStepConditionEncoder(
        **shape, text_hidden_dim=16, timbre_hidden_dim=8, num_lyric_encoder_hidden_layers=1,
        num_timbre_encoder_hidden_layers=1,
    )  # fmt: skip
    condition.silence_latent.normal_(0, 0.3, generator=torch.Generator().manual_seed(1))
    text = Qwen3Model(Qwen3Config(vocab_size=300, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                                  num_attention_heads=2, num_key_value_heads=1, head_dim=8))  # fmt: skip
    randomise(transformer, condition)
    return AceStepPipeline(
        vae=oobleck(8), text_encoder=text, tokenizer=byte_tokenizer(), transformer=transformer,
        condition_encoder=condition,
        scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
    )  # fmt: skip


def _clap():
    from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel, ClapTextConfig

    text = ClapTextConfig(vocab_size=300, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
                          intermediate_size=16, projection_dim=8, max_position_embeddings=64)  # fmt: skip
    audio = ClapAudioConfig(spec_size=64, window_size=4, num_mel_bins=64, patch_embeds_hidden_size=16,
                            hidden_size=32, depths=[1, 1], num_attention_heads=[2, 2], num_hidden_layers=2,
                            projection_dim=8, patch_size=2, patch_stride=2)  # fmt: skip
    config = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=8)
    return ClapModel(config), ClapFeatureExtractor(hop_length=7900)


def _mel_half(channels: int = 4):
    from diffusers import AutoencoderKL, DDIMScheduler
    from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

    vae = AutoencoderKL(in_channels=1, out_channels=1, latent_channels=channels, block_out_channels=(8, 16),
                        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
                        norm_num_groups=4, scaling_factor=0.9)  # fmt: skip
    vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(
        model_in_dim=16, sampling_rate=400, upsample_initial_channel=8, upsample_rates=[5, 2],
        upsample_kernel_sizes=[8, 4], resblock_kernel_sizes=[3, 5], resblock_dilation_sizes=[[1, 3], [1, 3]],
        normalize_before=False))  # fmt: skip
    for parameter in vocoder.parameters():  # its own tiny initial weights give silence
        parameter.data.normal_(0, 0.15, generator=torch.Generator().manual_seed(parameter.numel()))
    scheduler = DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False,
                              set_alpha_to_one=False, steps_offset=1)  # fmt: skip
    return vae, vocoder, scheduler


def audioldm2():
    from diffusers import AudioLDM2Pipeline, AudioLDM2ProjectionModel, AudioLDM2UNet2DConditionModel
    from transformers import GPT2Config, GPT2LMHeadModel

    vae, vocoder, scheduler = _mel_half()
    clap, extractor = _clap()
    unet = AudioLDM2UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8, sample_size=32, in_channels=4,
        out_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=((None, 8, 16), (None, 8, 16)),
        attention_head_dim=4,
    )  # fmt: skip
    language = GPT2LMHeadModel(GPT2Config(n_embd=8, n_head=2, n_layer=1, vocab_size=50, n_ctx=64, n_positions=64))
    language.config.max_new_tokens = 4
    return AudioLDM2Pipeline(
        vae=vae, text_encoder=clap, text_encoder_2=t5_encoder(16),
        projection_model=AudioLDM2ProjectionModel(text_encoder_dim=8, text_encoder_1_dim=16, langauge_model_dim=8),
        language_model=language, tokenizer=roberta_tokenizer(), tokenizer_2=t5_tokenizer(),
        feature_extractor=extractor, unet=unet, scheduler=scheduler, vocoder=vocoder,
    )  # fmt: skip


def musicldm():
    from diffusers import MusicLDMPipeline, UNet2DConditionModel

    vae, vocoder, scheduler = _mel_half()
    clap, extractor = _clap()
    unet = UNet2DConditionModel(
        block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=8, sample_size=32, in_channels=4,
        out_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=(8, 16), attention_head_dim=4,
        class_embed_type="simple_projection", projection_class_embeddings_input_dim=8, class_embeddings_concat=True,
    )  # fmt: skip
    return MusicLDMPipeline(vae=vae, text_encoder=clap, tokenizer=roberta_tokenizer(), feature_extractor=extractor,
                            unet=unet, scheduler=scheduler, vocoder=vocoder)  # fmt: skip


BUILDERS: dict[str, Callable[[], Any]] = {
    "stable-audio": stable_audio,
    "stable-audio-3-base": stable_audio_3,
    "stable-audio-3": lambda: stable_audio_3(distilled=True),
    "ace-step-turbo": ace_step,
    "ace-step-base": lambda: ace_step(turbo=False),
    "audioldm2": audioldm2,
    "musicldm": musicldm,
}
REQUEST = dict(prompt="dusty boom bap", tempo_bpm=Fraction(240), bars=1, meter=Meter(2, 4), loop=False)
"""Half a second, 200 samples at the tiny models' 400 Hz: 25 frames of 8 samples."""


def request_for(**changes) -> LoopRequest:
    """Return a short request with some fields changed."""
    return LoopRequest(**(REQUEST | changes))


def build(name: str):
    """Return the tiny pipeline `name`, the same every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        pipe = BUILDERS[name]()
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.eval()
    return pipe


def save(name: str, folder: Path) -> Path:
    """Save the tiny pipeline `name` as a user's folder would be."""
    pipe = build(name)
    pipe.save_pretrained(folder)
    if name == "stable-audio":  # the scheduler that is shipped needs a package that we do without
        index = json.loads((folder / "model_index.json").read_text())
        index["scheduler"] = ["diffusers", "CosineDPMSolverMultistepScheduler"]
        (folder / "model_index.json").write_text(json.dumps(index))
        settings = dict(_class_name="CosineDPMSolverMultistepScheduler", sigma_min=0.3, sigma_max=500, solver_order=2)
        (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a folder of each tiny model, saved once."""
    home = tmp_path_factory.mktemp("models")
    return {name: save(name, home / name) for name in BUILDERS}


@pytest.fixture(scope="session")
def models(folders: dict[str, Path]) -> dict[str, Model]:
    """Return each tiny model, loaded from its folder once."""
    settings = Settings(models=next(iter(folders.values())).parent, device="cpu", dtype="float32")
    return {name: catalogue.load(name, settings) for name in folders}


@contextmanager
def true_float64() -> Iterator[None]:
    """Let the libraries' own casts to float32 be casts to float64, or finite differences drown in them."""
    with (
        mock.patch.object(torch, "float32", torch.float64),
        mock.patch.object(torch.Tensor, "float", torch.Tensor.double),
    ):
        torch.set_default_dtype(torch.float64)
        try:
            yield
        finally:
            torch.set_default_dtype(torch.float)


def exact_model(name: str, folder: Path) -> Model:
    """Return a tiny model that computes in float64; use it within `true_float64`."""
    model = catalogue.load(str(folder), Settings(device="cpu", dtype="float32"))
    for part in model._pipe.components.values():
        if isinstance(part, torch.nn.Module):
            part.double()
    model.place = Place(torch.device("cpu"), torch.float64, torch.float64)
    if hasattr(model, "_autoencoder"):
        model._autoencoder._place = model.place
    return model


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """Return this file: its builders and helpers, which tests cannot import by name."""
    return sys.modules[__name__]
