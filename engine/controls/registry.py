"""The registry of controls: rows from this package, from installed packages and from single files."""

import importlib
import importlib.util
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import entry_points
from pathlib import Path

import torch
from torch import Tensor

from ..curves import inside
from ..errors import BadInputError, BadRequestError
from ..models.protocol import Model
from ..request import Audio, Curve, LoopRequest, Notes, Onsets, Target, Words
from ..spectrum import Spectrum

GROUP = "ditto_live.controls"  # entry points of packages that bring controls
HOLD = 2.0  # for each standard deviation that the latent is off, beside a pull of 1; more, and a search takes too long
FILES = "DITTO_CONTROLS"  # environment: Python files that bring controls, separated as in PATH

Loss = Callable[[Spectrum, Tensor], Tensor]
"""From the spectrum and the latent that it comes from to one number per batch item: [batch]."""


@dataclass(frozen=True, slots=True)
class Term:
    """A control made for one request.

    `loss` is minimised; `distance` is in the row's unit, without gradient, and is compared with the row's tolerance.
    `settle` puts what is to be kept of a reference, and nothing else, into the finished latent. `fade_db` says by how
    much a fader would have to move to reach the target, [batch, frames]. `hold` is how
    hard a search that begins is held to what the loop was: 0 for what goes on from a reference or round the wrap.
    `any_time` lets what the loop had come at other times: where events are asked for, which what was there then would
    keep out.
    """

    loss: Loss
    distance: Loss
    settle: Callable[[Tensor], Tensor] | None = None
    fade_db: Callable[[Spectrum], Tensor] | None = None
    hold: float = HOLD
    any_time: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a control may ask about the request while it is made."""

    request: LoopRequest
    model: Model
    within: tuple[Fraction, Fraction] | None = None

    def frame_weights(self, frames: int) -> Tensor:
        """Return 1 for frames inside the control's range of beats and 0 outside, float64 [frames]."""
        return torch.from_numpy(inside(self.within, self.request.beats, frames)).double()


Builder = Callable[..., Term]
"""From (target, scene, context) to a term."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One control of the registry."""

    kind: str
    targets: tuple[type, ...]  # the types of target it takes
    build: Builder
    help: str
    unit: str  # of the distance
    tolerance: float  # a distance at or under this is good enough to stop
    beside_others: float  # the same where other controls are asked for, too
    weight: float  # how much it counts beside others, before the request's own weight

    def check(self, target: Target) -> None:
        """Raise `BadRequestError` for a target of another type."""
        if not isinstance(target, self.targets):
            wanted = " or ".join(_NOUNS.get(kind, kind.__name__) for kind in self.targets)
            raise BadRequestError(f"The {self.kind} control takes {wanted}, not {_NOUNS[type(target)]}.")


_NOUNS: dict[type, str] = {Curve: "a curve", Notes: "notes", Onsets: "onsets", Words: "words", Audio: "reference audio"}
_rows: dict[str, Row] = {}
_seen_files: set[Path] = set()


def control(
    kind: str,
    *targets: type,
    help: str,
    unit: str,
    tolerance: float,
    beside_others: float | None = None,
    weight: float = 1.0,
) -> Callable[[Builder], Builder]:
    """Register the decorated function as the control `kind`; `beside_others` is its tolerance if not alone."""

    def register(build: Builder) -> Builder:
        _rows[kind] = Row(
            kind=kind,
            targets=targets,
            build=build,
            help=help,
            unit=unit,
            tolerance=tolerance,
            beside_others=tolerance if beside_others is None else beside_others,
            weight=weight,
        )
        return build

    return register


def find(kind: str) -> Row:
    """Return the row of `kind`; raise `BadRequestError` naming the controls that there are."""
    known = rows()
    if kind not in known:
        raise BadRequestError(f"There is no control {kind!r}; there are {', '.join(sorted(known))}.")
    return known[kind]


def rows() -> dict[str, Row]:
    """Return all rows by kind, loading what has not been loaded yet."""
    _load_own()
    for file in os.environ.get(FILES, "").split(os.pathsep):
        if file:
            load_file(Path(file))
    return dict(_rows)


def _load_own() -> None:
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{__package__}.{module.name}")
    for point in entry_points(group=GROUP):
        point.load()


def load_file(path: Path) -> None:
    """Load the controls of one Python file, once; raise `BadInputError` where it cannot be used."""
    path = path.resolve()
    if path in _seen_files:
        return
    spec = importlib.util.spec_from_file_location(f"ditto_controls_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInputError(f"{path.name} is not a Python file with controls.")
    try:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))
    except (ImportError, SyntaxError, NameError, TypeError, ValueError) as error:
        raise BadInputError(f"The controls in {path.name} cannot be loaded: {error}.") from error
    _seen_files.add(path)
