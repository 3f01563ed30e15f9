"""The options that describe a loop, from the table of a request's fields, for every command that asks for one.

    @loop_command
    @dataclass(kw_only=True)
    class Render:
        out: Annotated[Path | None, typer.Option(help="...")] = None

        def run(self) -> int: ...

A command of this kind is a dataclass: its options are the table's fields and then its own, and
`typed_settings` returns what was typed as settings, which `bridge.requests.reader` reads.
"""

from dataclasses import dataclass, field, make_dataclass
from enum import StrEnum
from typing import Annotated, Any, Protocol, TypeVar

import typer

from bridge.requests.fields import STEER, Field, options
from engine.errors import BadRequestError
from engine.models.places import lasting
from engine.settings import Settings


class LoopCommand(Protocol):
    """A command whose options have been read."""

    def run(self) -> int:
        """Do it and return the exit code."""
        ...


C = TypeVar("C", bound=LoopCommand)

_SWITCH = {"0": "off", "1": "on"}  # a default of the table, as the help shows a switch's


def loop_command(own: type[C]) -> type[C]:
    """Return the dataclass `own` with an option for each field of a request, before its own."""
    rows = [(row.option, _annotation(row), field(default=None)) for row in options()]
    loop = make_dataclass("Loop", rows, kw_only=True)
    both = type(own.__name__, (own, loop), {"__doc__": own.__doc__, "__annotations__": {}})
    return dataclass(kw_only=True)(both)


def _annotation(row: Field) -> Any:
    """Return the option's type: text that the reader reads, a switch, or several texts."""
    kind: Any = list[str] if row.repeats else bool if row.kind is bool else str
    names = (f"{row.flag}/--no-{row.flag.removeprefix('--')}",) if kind is bool else (row.flag,)
    default = _SWITCH.get(row.default, "") if kind is bool else row.shown_default
    option = typer.Option(
        *names, help=_help(row, default), metavar=None if kind is bool else _metavar(row), rich_help_panel=row.panel
    )
    return Annotated[kind | None, option]


def _help(row: Field, default: str) -> str:
    return f"{row.sentence} Default: {default}." if default and default != "free" else row.sentence


def _metavar(row: Field) -> str:
    if row.metavar:
        return row.metavar
    if issubclass(row.kind, StrEnum):
        return "WORD"
    return {int: "N", float: "NUMBER"}.get(row.kind, "TEXT")


def typed_settings(command: LoopCommand) -> dict[str, str]:
    """Return what was typed as settings; what was not typed is not there. Raises `BadRequestError`.

    A model's folder is named so that it is found from any other folder.
    """
    settings: dict[str, str] = {}
    for row in options():
        value = getattr(command, row.option)
        if value is None or not row.is_osc:
            continue
        if row.name.startswith("CONTROL."):
            for text in value:
                control, setting = _named(text, row.flag)
                settings[f"{control}.{row.name.removeprefix('CONTROL.')}"] = setting
        elif row.repeats:
            settings[row.name] = ",".join(value)
        else:
            if row.panel == STEER and not value.strip():
                raise BadRequestError(f"{row.flag} is empty.", remedy=f"Leave it out, or write it like {row.example}.")
            settings[row.name] = str(int(value)) if isinstance(value, bool) else value
    if "model" in settings:  # a take names it in its record, and a service works in another folder
        settings["model"] = lasting(settings["model"], Settings())
    return settings


def _named(text: str, flag: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise BadRequestError(f"{flag} is {text!r}.", remedy="Write a name, = and a value.")
    return name.strip(), value.strip()
