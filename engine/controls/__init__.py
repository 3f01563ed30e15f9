"""What a loop can be asked to follow: one file and one row of the registry for each control.

A control is a function that is called once per request with its target, the scene and a `Context`, and
returns a `Term`: a loss per batch item of what is heard, and how far that is from the target in the
control's own unit. `docs/controls.md` shows how to add one; nothing else has to change.
"""

from .grid import CEILING_DB
from .registry import Builder, Context, Loss, Row, Term, control, find, load_file, rows

__all__ = ["CEILING_DB", "Builder", "Context", "Loss", "Row", "Term", "control", "find", "load_file", "rows"]
