"""Controls from the producer's own Python files; torch is loaded where one is asked for, and only there."""

from collections.abc import Sequence
from pathlib import Path


def load_controls(files: Sequence[Path]) -> None:
    """Load the files of `--controls`; raise `BadInputError` in a sentence that names the file at fault."""
    if files:
        from engine.controls import load_file

        for file in files:
            load_file(file)


def target_types(kind: str) -> tuple[type, ...]:
    """Return the types of target that a control takes, none where no control has that name on this computer."""
    from engine.controls import rows

    row = rows().get(kind)
    return () if row is None else row.targets
