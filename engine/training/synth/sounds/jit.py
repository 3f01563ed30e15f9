"""The one place that knows Numba: a decorator for audio kernels that keeps their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def kernel(function: Kernel) -> Kernel:
    """Compile `function` on first use, cached on disk; fast maths, so not bit-exact between CPUs."""
    return cast(Kernel, numba.njit(cache=True, fastmath=True, nogil=True, error_model="numpy")(function))
