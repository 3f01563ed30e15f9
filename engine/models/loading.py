"""Loads a diffusers pipeline, frozen, and moves its parts between the device and the computer's memory.

Only denoiser and decoder stay on the device. Text encoders, condition encoders and the autoencoder's encoder are moved
there while they are used and then back to the computer's memory, so that small cards suffice.
`enable_model_cpu_offload` would move weights in the middle of a backward pass, so it is not used.
"""

import inspect
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..errors import DittoError, ModelError
from .folder import AGAIN, INDEX, ModelFolder
from .hardware import Place, is_exhausted

WITH_HEAD = {"GPT2Model": "GPT2LMHeadModel"}  # older folders name the first, and only the second generates now
LONGEST_REASON = 300  # characters of what a library says
_OF_TEXT = ("text_config", "encoder")  # where encoders of text and sound, or of two halves, keep the text's settings


def load_pipeline(folder: ModelFolder, pipeline: str, place: Place, *, decoders: tuple[str, ...], **parts: Any) -> Any:
    """Return the frozen pipeline of a folder, on the CPU; `decoders` are the parts in `place.decoder_dtype`.

    `pipeline` is the class in diffusers, `parts` replace components that are not to be loaded. Nothing is downloaded,
    and no code of the folder is run. Raises `ModelError` for weights that cannot be read, that lack a tensor, or that
    are pickled and hold more than numbers, and for a tokenizer of another text encoder.
    """
    import diffusers

    kind = getattr(diffusers, pipeline)
    _refuse_left_out(folder, set(inspect.signature(kind).parameters) - {*kind._optional_components, *parts})
    dtypes = {"default": place.dtype} | dict.fromkeys(decoders, place.decoder_dtype)
    with _quietly(), _refusing(folder):
        for name in folder.parameters:
            if name not in parts and (loaded := _from_transformers(folder, name, dtypes.get(name, place.dtype))):
                parts[name] = loaded
        pipe = kind.from_pretrained(str(folder.path), local_files_only=True, dtype=dtypes, **_files(folder), **parts)
    for name, module in pipe.components.items():
        if isinstance(module, nn.Module):
            _refuse_missing(folder, name, [key for key, tensor in module.state_dict().items() if tensor.is_meta])
            freeze(module)
    _check_tokenizers(folder, pipe.components)
    return pipe


def _refuse_left_out(folder: ModelFolder, needed: set[str]) -> None:
    left_out = sorted(needed - folder.components.keys())
    if left_out:
        raise ModelError(
            f"The model in {folder.path} is only half there: its {INDEX} names no {left_out[0]}.", remedy=AGAIN
        )


def _files(folder: ModelFolder) -> dict[str, Any]:
    """Return which weight files are to be loaded; pickled weights in several files are found only if told so."""
    variant = {"variant": folder.variant} if folder.variant else {}
    return variant | ({"use_safetensors": False} if folder.pickled else {})


def _from_transformers(folder: ModelFolder, name: str, dtype: torch.dtype) -> nn.Module | None:
    """Return the component `name`; None where it is no network of transformers.

    That library gives tensors that its files lack random numbers, and diffusers does not say so.
    """
    import transformers

    library, kind = folder.components[name]
    network = getattr(transformers, WITH_HEAD.get(kind, kind), None) if library == "transformers" else None
    if network is None:
        return None
    loaded, report = network.from_pretrained(
        folder.path / name, local_files_only=True, dtype=dtype, output_loading_info=True, **_files(folder)
    )
    _refuse_missing(folder, name, sorted(report["missing_keys"]))
    module: nn.Module = loaded
    return module


def _refuse_missing(folder: ModelFolder, name: str, tensors: list[str]) -> None:
    if tensors:
        raise ModelError(
            f"The model in {folder.path} is only half there: the weights of {name}/ lack {len(tensors)} of its "
            f"tensors, such as {tensors[0]}.",
            remedy=AGAIN,
        )


@contextmanager
def _quietly() -> Iterator[None]:
    """Return a context in which diffusers and transformers draw no progress bars and advise no developer."""
    from diffusers.utils import logging as of_diffusers
    from transformers.utils import logging as of_transformers

    libraries = (of_diffusers, of_transformers)
    levels = [library.get_verbosity() for library in libraries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in libraries:
            library.disable_progress_bar()
            library.set_verbosity_error()
        try:
            yield
        finally:
            for library, level in zip(libraries, levels, strict=True):
                library.set_verbosity(level)
                library.enable_progress_bar()


@contextmanager
def _refusing(folder: ModelFolder) -> Iterator[None]:
    """Return a context in which whatever the libraries raise is a `ModelError` on the model in `folder`."""
    try:
        yield
    except pickle.UnpicklingError as error:  # torch unpickles tensors only, so that no code in a weight file runs
        raise ModelError(
            f"The model in {folder.path} cannot be loaded: its weights are pickled and hold more than numbers.",
            remedy="Use a copy of it whose weights are .safetensors.",
        ) from error
    except DittoError:
        raise
    except Exception as error:
        if is_exhausted(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"The model in {folder.path} cannot be loaded: {reason[:LONGEST_REASON]}") from error


def _check_tokenizers(folder: ModelFolder, components: dict[str, Any]) -> None:
    """Raise `ModelError` for a tokenizer with words that its text encoder does not have: it belongs to another one."""
    for name, tokenizer in components.items():
        encoder = components.get(name.replace("tokenizer", "text_encoder"))
        if not name.startswith("tokenizer") or not isinstance(encoder, nn.Module):
            continue
        known = _vocabulary_size(encoder)
        if known and len(tokenizer) > known:
            raise ModelError(
                f"The model in {folder.path} cannot be used: its {name} has {len(tokenizer):,} words, and its "
                f"text encoder {known:,}; they belong to different models.",
                remedy=AGAIN,
            )


def _vocabulary_size(encoder: Any) -> int:
    config = encoder.config
    sizes = [getattr(part, "vocab_size", 0) for part in (config, *(getattr(config, name, None) for name in _OF_TEXT))]
    return max((size for size in sizes if isinstance(size, int)), default=0)


def freeze(module: nn.Module) -> None:
    """Freeze a network in place: no weight gradients, no dropout, weight norm folded into the weights."""
    module.eval().requires_grad_(False)
    for part in module.modules():
        if hasattr(part, "weight_g") and hasattr(part, "weight_v"):
            nn.utils.remove_weight_norm(part)  # the same gradient for less work, and `deepcopy` works again
            part.requires_grad_(False)


@contextmanager
def visiting(device: torch.device, *modules: nn.Module) -> Iterator[None]:
    """Return a context in which the modules are on `device`; after it they are in the computer's memory."""
    for module in modules:
        module.to(device)
    try:
        yield
    finally:
        if device.type != "cpu":
            for module in modules:
                module.to("cpu")
        if device.type == "cuda":
            torch.cuda.empty_cache()
