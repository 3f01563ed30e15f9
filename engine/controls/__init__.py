"""The controls that a loop can follow, each with a row in the registry.

A control is a function that is called once per request with its target y, the scene and a `Context`. It returns a
`Term`: a differentiable loss per batch item, and the distance from the target in the control's own unit.
`docs/extending.md` shows how to add one; nothing else has to change.
"""

from .grid import CEILING_DB
from .registry import asks_level, closing, control, find, load_file, metrics, rows
from .row import FeatureKind, Features, Paper, Reference, Row
from .term import Builder, Context, Loss, Term

__all__ = [
    "CEILING_DB",
    "Builder",
    "Context",
    "FeatureKind",
    "Features",
    "Loss",
    "Paper",
    "Reference",
    "Row",
    "Term",
    "asks_level",
    "closing",
    "control",
    "find",
    "load_file",
    "metrics",
    "rows",
]
