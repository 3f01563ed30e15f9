"""The registry of controls: rows of this package, of installed packages (entry points) and of single files."""

import importlib
import importlib.util
import logging
import pkgutil
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TypedDict, Unpack

from ..errors import BadInputError, BadRequestError
from ..metrics import Metric
from ..settings import control_files
from .row import NOUNS, FeatureKind, Paper, Reference, Row
from .term import Builder
from .third_party import described, guarded, source_of

GROUP = "ditto_live.controls"  # entry points of packages that bring controls
HERE = Path(__file__).parent

_log = logging.getLogger(__name__)
_rows: dict[str, Row] = {}
_seen_files: set[Path] = set()


class Columns(TypedDict, total=False):
    """The columns of a row that have defaults; see `Row`."""

    usual_steps: int
    weight: float
    asks_level: bool
    keeps_level: bool
    closes: bool
    layers: tuple[str, ...]
    feature: FeatureKind | None
    reference: Reference | None
    metric: Metric | None
    paper: Paper


def control(
    kind: str,
    *targets: type,
    help: str,
    unit: str,
    tolerance: float,
    tolerance_with_others: float | None = None,
    **columns: Unpack[Columns],
) -> Callable[[Builder], Builder]:
    """Register the decorated function as the control `kind`, which takes targets of the types `targets`.

    The search stops at a distance of `tolerance`, in `unit`, or of `tolerance_with_others` where the request has other
    controls too; `columns` are further fields of `Row`.

    Raises `TypeError` or `ValueError` for a row without targets, with a tolerance of 0, or of a kind
    that another file has registered.
    """
    if not targets or not set(targets) <= set(NOUNS):
        known = ", ".join(sorted(target.__name__ for target in NOUNS))
        raise TypeError(f"the targets of the control {kind} must be among {known} of engine.request")
    if not tolerance > 0:
        raise ValueError(f"the tolerance of the control {kind} is {tolerance}; it must be above 0")

    def register(build: Builder) -> Builder:
        row = Row(
            kind=kind,
            targets=targets,
            build=build,
            help=help,
            unit=unit,
            tolerance=tolerance,
            tolerance_with_others=tolerance if tolerance_with_others is None else tolerance_with_others,
            **columns,
        )
        file = source_of(build)
        if file is not None and file.parent != HERE:
            row = guarded(row, file)
        if kind in _rows and _rows[kind].source != row.source:
            raise ValueError(f"there is a control {kind} already")
        _rows[kind] = row
        return build

    return register


def find(kind: str) -> Row:
    """Return the row of `kind`; raise `BadRequestError`, which lists the kinds, where there is none."""
    known = rows()
    if kind not in known:
        raise BadRequestError(
            f"There is no control {kind!r}; there are {', '.join(sorted(known))}.",
            remedy="A control of your own needs its file: --controls FILE.py, or DITTO_CONTROLS for an engine.",
        )
    return known[kind]


def rows() -> dict[str, Row]:
    """Return all rows by kind; the first call loads them. Raises `BadInputError` for a file that cannot be used."""
    _load_own()
    _load_packages()
    for file in control_files():
        load_file(file)
    return dict(_rows)


def metrics() -> dict[str, Metric]:
    """Return the metric of each kind of control that has one."""
    return {kind: row.metric for kind, row in rows().items() if row.metric is not None}


def asks_level(kinds: Iterable[str]) -> bool:
    """Whether a control of one of `kinds` asks for a level, which no gain may change."""
    return any(find(kind).asks_level for kind in kinds)


def closing() -> Row:
    """Return the row of the control that is added to loops of models that are not circular."""
    return next(row for row in rows().values() if row.closes)


@cache
def _load_own() -> None:
    for module in pkgutil.iter_modules([str(HERE)]):
        importlib.import_module(f"{__package__}.{module.name}")


@cache
def _load_packages() -> None:
    for point in entry_points(group=GROUP):
        try:
            point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # a broken package must not keep the others' controls away
            _log.warning("The controls of the package %s were not loaded: %s", point.name, error)


def load_file(path: Path) -> None:
    """Load the controls of one Python file, once; raise `BadInputError` where it cannot be used."""
    path = path.resolve()
    if path in _seen_files:
        return
    name = f"ditto_controls_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise BadInputError(f"{path.name} is not a Python file with controls.")
    _load_own()  # or a file could take the name of a control that is loaded later
    before = dict(_rows)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for their own module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _rows.clear()
        _rows.update(before)
        said, remedy = described(error, path)
        raise BadInputError(f"The controls in {path.name} cannot be loaded: {said}.", remedy=remedy) from error
    if _rows == before:
        raise BadInputError(
            f"{path.name} adds no control.", remedy="Decorate a function with @control; see docs/extending.md."
        )
    _seen_files.add(path)
