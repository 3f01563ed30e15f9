"""Which device computes, in which precision, how much memory it has, and memory that ran out.

Torch is imported by the first call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from ..errors import ModelError, OutOfMemoryError
from ..settings import Settings

if TYPE_CHECKING:
    import torch

_MEMORY_OF_THE_COMPUTER = "DefaultCPUAllocator"  # in the text of a plain `RuntimeError`


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model computes: denoiser and text encoders in `dtype`, decoder in `decoder_dtype`.

    The decoder never computes in 16 bits: its last layer writes the waveform, and the 8-bit mantissa of
    bfloat16 there is the hiss of an 8-bit sampler.
    """

    device: "torch.device"
    dtype: "torch.dtype"
    decoder_dtype: "torch.dtype"


def choose_place(settings: Settings, *, small: bool = False) -> Place:
    """Return the device and precision that the settings name, or the best ones here for `auto`.

    `auto` is bfloat16 on CUDA cards that compute in it and float32 elsewhere: float16 gives noise on Apple GPUs, and
    CPUs are slower in 16 bits. A `small` network is the exception: on CPUs that multiply bfloat16 natively it takes
    half the time in it. Raises `ModelError` for an unknown device or precision, and for a device that is not there.
    """
    import torch

    device = torch.device(_best_device() if settings.device == "auto" else _existing(settings.device))
    if settings.dtype == "auto":
        half = (small or device.type == "cuda") and multiplies_bfloat16(device)
        return Place(device, torch.bfloat16 if half else torch.float32, torch.float32)
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if settings.dtype not in names:
        raise ModelError(
            f"There is no precision {settings.dtype!r}; it may be auto, {', '.join(names)}.",
            remedy="Use `--dtype auto`.",
        )
    return Place(device, names[settings.dtype], torch.float32)


def multiplies_bfloat16(device: "torch.device") -> bool:
    """Return whether `device` multiplies bfloat16 natively; processors that do not take a hundred times as long."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _existing(name: str) -> str:
    import torch

    kind, _, index = name.partition(":")
    there = {"cpu": True, "mps": torch.backends.mps.is_available(), "cuda": torch.cuda.is_available()}
    if kind not in there or not (index or "0").isdecimal():
        raise ModelError(
            f"There is no device {name!r}; it may be auto, cpu, cuda, cuda:1 or mps.", remedy="Use `--device auto`."
        )
    if not there[kind] or (kind == "cuda" and int(index or 0) >= torch.cuda.device_count()):
        raise ModelError(f"The device {name} is not in this computer.", remedy="Use `--device auto`.")
    return name


def memory_bytes(device: "torch.device | str" = "cpu") -> int:
    """Return the memory that `device` has in all, in bytes."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory())
    return int(psutil.virtual_memory().total)


def is_exhausted(error: BaseException) -> bool:
    """Return whether `error` says that the accelerator or the computer ran out of memory, whichever way."""
    import torch

    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or _MEMORY_OF_THE_COMPUTER in str(error)


@contextmanager
def telling_exhaustion(doing: str) -> Iterator[None]:
    """Return a context in which memory that runs out is an `OutOfMemoryError`; `doing` ends its sentence."""
    import torch

    try:
        yield
    except (MemoryError, RuntimeError) as error:  # torch's own error is a RuntimeError, too
        if not is_exhausted(error):
            raise
        whose = "The accelerator" if isinstance(error, torch.OutOfMemoryError) else "The computer"
        raise OutOfMemoryError(f"{whose} ran out of memory while {doing}.") from error
