"""Loads a diffusers pipeline, frozen, and moves its parts between the device and the computer's memory.

Only denoiser and decoder stay on the device. Text encoders, condition encoders and the autoencoder's encoder are moved
there while they are used and then back to the computer's memory, so that small cards suffice.
`enable_model_cpu_offload` would move weights in the middle of a backward pass, so it is not used.
"""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..errors import ModelError
from .folder import ModelFolder
from .hardware import Place


def load_pipeline(folder: ModelFolder, pipeline: str, place: Place, *, decoders: tuple[str, ...], **parts: Any) -> Any:
    """Return the frozen pipeline of a folder, on the CPU; `decoders` are the parts in `place.decoder_dtype`.

    `pipeline` is the class in diffusers, `parts` replace components that are not to be loaded. Nothing is downloaded.
    Raises `ModelError` for weights that cannot be read, or that are pickled and hold more than numbers.
    """
    import diffusers
    from diffusers.utils import logging

    logging.disable_progress_bar()
    dtypes = {"default": place.dtype} | dict.fromkeys(decoders, place.decoder_dtype)
    try:
        pipe = getattr(diffusers, pipeline).from_pretrained(
            str(folder.path), local_files_only=True, dtype=dtypes, **parts
        )
    except pickle.UnpicklingError as error:  # torch unpickles tensors only, so that no code in a weight file runs
        raise ModelError(
            f"The model in {folder.path} cannot be loaded: its weights are pickled and hold more than numbers.",
            remedy="Use a copy of it whose weights are .safetensors.",
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, TypeError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"The model in {folder.path} cannot be loaded: {reason}") from error
    finally:
        logging.enable_progress_bar()
    for module in pipe.components.values():
        if isinstance(module, nn.Module):
            freeze(module)
    return pipe


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
