"""One row of the registry: all facts about a control that other modules use."""

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


class FeatureKind(StrEnum):
    """The kind of feature in which a target is the input of a trained network.

    The network is `pocket-told`, with control inputs as of Music ControlNet (Wu et al. 2023), or a learned first step.
    """

    LEVEL = "level"
    PITCH_CLASSES = "pitch classes"
    ONSETS = "onsets"
    CENTROID = "centroid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Input of a learned first step for one goal.

    `values` [batch, channels, frames] are those of `grid.goal_features`. `layers` are the layers on whose sum the
    control is evaluated; empty for the whole loop.
    """

    kind: FeatureKind
    values: Tensor
    layers: tuple[str, ...] = ()


class Reference(StrEnum):
    """How a model with inputs for reference audio uses the target."""

    KEPT = "kept"  # as the parts to keep, in inpainting
    TIMBRE = "timbre"  # as a timbre reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The loss, steps and weights of the control in `ditto-paper` (Novack et al. 2024, section 4 and appendix H)."""

    kind: str = ""  # the row that holds the paper's own loss; empty where that is this row
    family: str = ""  # variants of one control form a family, and count as one control; empty for the kind itself
    long: bool = False  # 150 steps instead of 70
    weight: float = 1.0  # beside a control of another family
    weight_beside: Mapping[str, float] = field(default_factory=dict)  # in place of `weight` beside these families


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One control of the registry."""

    kind: str
    targets: tuple[type, ...]  # the types of target that it takes
    build: Builder
    help: str
    unit: str  # of the distance
    tolerance: float  # the search stops at a distance at or under this
    tolerance_with_others: float  # the same where the request has other controls too
    usual_steps: int = 30  # of a search for it alone, in the median: the forecast of the time left begins there
    weight: float = 1.0  # beside other controls, before the request's own weight
    asks_level: bool = False  # the target is a level: `pocket` applies its limiter, loudness is not normalised
    keeps_level: bool = False  # as the reference has: the loop's loudness is not normalised
    closes: bool = False  # the control is added to every loop of a model that is not circular
    layers: tuple[str, ...] = ()  # of a loop in layers that it is evaluated on and moves; empty for all
    feature: FeatureKind | None = None  # in which trained networks get the target; None for controls without one
    reference: Reference | None = None  # model input for the target; None without one
    metric: Metric | None = None  # how the delivered loop is scored, written apart from the loss
    paper: Paper = Paper()
    source: str = ""  # the file or package that brought it; empty for the controls of this package

    def read(self, target: Target) -> Target:
        """Return `target` as a type that the control takes; raise `BadRequestError` where it cannot be converted.

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
        """Return the layers of `scene` that a control is evaluated on and moves: those of `on`, else of the row.

        The result is empty where these are all audible layers, or none of the scene's: then the sum counts.
        """
        wanted = on or self.layers
        chosen = tuple(name for name in scene.layers if name in wanted)
        return () if chosen == scene.audible else chosen

    @property
    def _wanted(self) -> str:
        return " or ".join(NOUNS.get(kind, kind.__name__) for kind in self.targets)
