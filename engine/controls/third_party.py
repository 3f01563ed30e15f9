"""Wraps controls from outside this package, so that a fault in one raises a sentence with its file and line."""

import math
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import BadInputError, DittoError
from ..events import Scores
from ..metrics import Metric
from ..models.hardware import is_exhausted
from ..models.protocol import Scene
from ..request import Control, LoopRequest
from ..spectrum import Spectrum
from .row import Row
from .term import Builder, Context, Loss, Term


def source_of(function: Callable[..., object]) -> Path | None:
    """Return the file in which `function` is written, None where that is not known."""
    code = getattr(function, "__code__", None)
    return None if code is None else Path(code.co_filename)


def guarded(row: Row, file: Path) -> Row:
    """Return `row` with all its functions wrapped, for the control that is defined in `file`.

    A function that raises, returns another type or shape, or loses the gradient then raises `BadInputError`.
    """
    own = _ThirdPartyControl(row.kind, file)
    metric = None if row.metric is None else own.metric(row.metric)
    return replace(row, source=file.name, build=own.builder(row.build), metric=metric)


def described(error: BaseException, file: Path) -> tuple[str, str]:
    """Return an error as part of a sentence, and a remedy that names the last line of `file` in its traceback."""
    text = " ".join(str(error).split()).rstrip(".")
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return said, f"Look at line {lines[-1]} of {file.name}." if lines else f"Look at {file.name}."


@dataclass(frozen=True, slots=True)
class _ThirdPartyControl:
    """A control of this kind, and the file that defines it."""

    kind: str
    file: Path

    def builder(self, build: Builder) -> Builder:
        """Return `build`, which then raises `BadInputError` for whatever is wrong in it or with its term."""

        def checked(target: Any, scene: Scene, context: Context) -> Term:
            with self._translating_errors():
                term = build(target, scene, context)
            if not isinstance(term, Term):
                raise self._wrong("returned", _noun(term), "It must return a Term of engine.controls.")
            return replace(
                term,
                loss=self._loss(term.loss, "loss", graded=True),
                distance=self._loss(term.distance, "distance"),
                write_kept_frames=None if term.write_kept_frames is None else self._guarded(term.write_kept_frames),
                fade_db=None if term.fade_db is None else self._guarded(term.fade_db),
            )

        return checked

    def _loss(self, function: Loss, name: str, *, graded: bool = False) -> Loss:
        called = self._guarded(function)

        def checked(spectrum: Spectrum, latent: Tensor) -> Tensor:
            value = called(spectrum, latent)
            size = len(spectrum.power)
            if not isinstance(value, Tensor) or value.shape != (size,):
                wanted = f"It must return one number for each loop, a tensor of shape [{size}]."
                raise self._wrong(f"has a {name} that returned", _noun(value), wanted)
            searched = torch.is_grad_enabled() and (spectrum.power.requires_grad or latent.requires_grad)
            if graded and searched and not value.requires_grad:
                raise self._wrong("has a loss that carries", "no gradient", "Use torch's own operations throughout.")
            return value

        return checked

    def metric(self, metric: Metric) -> Metric:
        """Return `metric`, whose scores are then finite numbers or None by its own names; else `BadInputError`."""
        called = self._guarded(metric.measure)

        def measure(audio: NDArray[np.floating], sample_rate: int, request: LoopRequest, control: Control) -> Scores:
            found = called(audio, sample_rate, request, control)
            if not isinstance(found, dict) or not set(found) <= set(metric.names):
                names = ", ".join(metric.names)
                raise self._wrong("has a metric that returned", _noun(found), f"It must return scores called {names}.")
            with self._translating_errors():
                numbers = {name: None if value is None else float(value) for name, value in found.items()}
            return {
                name: value if value is not None and math.isfinite(value) else None for name, value in numbers.items()
            }

        offset_db = None if metric.offset_db is None else self._guarded(metric.offset_db)
        return replace(metric, measure=measure, offset_db=offset_db)

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any) -> Any:
            with self._translating_errors():
                return function(*arguments)

        return called

    @contextmanager
    def _translating_errors(self) -> Iterator[None]:
        try:
            yield
        except DittoError:
            raise  # a refusal that has its own sentence
        except (Exception, SystemExit) as error:
            if is_exhausted(error):
                raise  # which is not the control's fault
            said, remedy = described(error, self.file)
            sentence = f"The control {self.kind} of {self.file.name} failed with {said}."
            raise BadInputError(sentence, remedy=remedy) from error

    def _wrong(self, verb: str, noun: str, remedy: str) -> BadInputError:
        return BadInputError(f"The control {self.kind} of {self.file.name} {verb} {noun}.", remedy=remedy)


def _noun(value: object) -> str:
    """Return a noun for an unusable result, for a sentence."""
    if value is None:
        return "nothing"
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    return f"a value of the type {type(value).__name__}"
