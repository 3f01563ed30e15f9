"""One row of the registry: everything that the rest of the product needs to know about a control."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from torch import Tensor

from ..errors import BadRequestError
from ..metrics import Metric
from ..models.protocol import Scene
from ..request import Audio, Curve, Notes, Number, Onsets, Target, Words
from .term import Builder, Context, Term

NOUNS: dict[type, str] = {
    Curve: "a curve",
    Notes: "notes",
    Onsets: "onsets",
    Words: "words",
    Audio: "reference audio",
    Number: "a number",
}


class Shown(StrEnum):
    """How a trained network is shown a target: inputs as of Music ControlNet, or of a learned first step."""

    LEVEL = "level"
    PITCH_CLASSES = "pitch classes"
    ONSETS = "onsets"
    CENTROID = "centroid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """One goal as a learned first step sees it: `values` [batch, channels, frames], of these layers or of the whole."""

    shown: Shown
    values: Tensor
    layers: tuple[str, ...] = ()


class Reference(StrEnum):
    """The input through which a model with inputs for audio receives the target."""

    KEPT = "kept"  # parts of it stay as they are
    TIMBRE = "timbre"  # only its sound matters


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """How the method `ditto-paper` treats the control (Novack et al. 2024, section 4 and appendix H)."""

    kind: str = ""  # the row that holds the paper's own loss; empty where that is this row
    family: str = ""  # variants of one control form a family, and count as one control; empty for the kind itself
    long: bool = False  # the search takes the paper's longer number of steps
    weight: float = 1.0  # beside a control of another family
    weight_beside: Mapping[str, float] = field(default_factory=dict)  # the same by that family's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One control of the registry."""

    kind: str
    targets: tuple[type, ...]  # the types of target that it takes
    build: Builder
    help: str
    unit: str  # of the distance
    tolerance: float  # the search stops at a distance at or under this
    beside_others: float  # the same where the request has other controls too
    weight: float = 1.0  # beside other controls, before the request's own weight
    asks_level: bool = False  # the target is a level: `pocket` ends in its limiter, and no usual loudness is restored
    keeps_level: bool = False  # the loop keeps the level of its reference
    closes: bool = False  # is added to every loop whose model does not close it
    layers: tuple[str, ...] = ()  # which layers of a loop in layers it hears and moves; none means their sum
    shown: Shown | None = None
    reference: Reference | None = None
    metric: Metric | None = None  # how the delivered loop is scored, written apart from the loss
    paper: Paper = Paper()
    source: str = ""  # the file or package that brought it; empty for the controls of this package

    def read(self, target: Target) -> Target:
        """Return `target` as a type that the control takes; raise `BadRequestError` where there is no way.

        A number may arrive as words and the other way round, because a sender need not know the control.
        """
        if isinstance(target, self.targets):
            return target
        if isinstance(target, Number) and Words in self.targets:
            return Words(text=f"{target.value:g}")
        if isinstance(target, Words) and Number in self.targets:
            return self._number(target.text)
        raise BadRequestError(f"The {self.kind} control takes {self._wanted}, not {NOUNS[type(target)]}.")

    def term(self, target: Target, scene: Scene, context: Context) -> Term:
        """Return the term for a request; raise `BadRequestError` for a target that the control refuses."""
        return self.build(self.read(target), scene, context)

    def _number(self, text: str) -> Number:
        try:
            return Number(value=float(text))
        except ValueError:
            raise BadRequestError(f"The {self.kind} control takes {self._wanted}, not {text[:40]!r}.") from None

    def layers_in(self, scene: Scene, on: Collection[str] = ()) -> tuple[str, ...]:
        """Return the layers of `scene` that a control hears and moves: `on`, else its own; none means their sum."""
        wanted = on or self.layers
        chosen = tuple(name for name in scene.layers if name in wanted)
        return () if chosen == scene.audible else chosen

    @property
    def _wanted(self) -> str:
        return " or ".join(NOUNS.get(kind, kind.__name__) for kind in self.targets)
