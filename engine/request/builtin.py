"""The controls whose target is a setting of its own, with the types of target that they take.

Whoever reads a request knows them from here without loading torch; the rows of `engine.controls` take their targets
from here, too, so that both accept the same.
"""

from dataclasses import dataclass

from .targets import Audio, Curve, CurveUnit, Notes, Onsets, Words


@dataclass(frozen=True, slots=True)
class BuiltinControl:
    """A control that ships with Ditto Live: its name, its types of target, and the unit of a curve without one."""

    kind: str
    targets: tuple[type, ...]
    curve_unit: CurveUnit = "db"


BUILTIN_CONTROLS: dict[str, BuiltinControl] = {
    control.kind: control
    for control in (
        BuiltinControl("intensity", (Curve,)),
        BuiltinControl("melody", (Notes,)),
        BuiltinControl("rhythm", (Onsets,)),
        BuiltinControl("structure", (Words, Audio)),
        BuiltinControl("brightness", (Curve,), "hz"),
        BuiltinControl("timbre", (Audio,)),
        BuiltinControl("inpaint", (Audio,)),
        BuiltinControl("outpaint", (Audio,)),
        BuiltinControl("text", (Words,)),
    )
}


def targets_of(kind: str) -> tuple[type, ...]:
    """Return the types of target that a control of the table takes."""
    return BUILTIN_CONTROLS[kind].targets
