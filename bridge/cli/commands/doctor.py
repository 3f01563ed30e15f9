"""`ditto-live doctor`: is all well, and what to do about the rest."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from engine.settings import Settings

from ..checks import Finding, Level, all_findings

PIPE_COLUMNS = 120  # where there is no terminal to fit into
_COLOURS = {Level.OK: "green", Level.NOTE: "yellow", Level.FIX: "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    device: Annotated[str, typer.Option(help="The device to look at, as in `render`.")] = "auto",
    dtype: Annotated[str, typer.Option(help="The precision to look at, as in `render`.")] = "auto",
) -> int:
    """Check packages, ports, folders, sound, device and models; exit code 1 where something needs fixing."""
    findings = list(all_findings(Settings(device=device, dtype=dtype)))
    well = all(finding.level is not Level.FIX for finding in findings)
    if as_json:
        lines = [finding._asdict() for finding in findings]
        sys.stdout.write(json.dumps({"well": well, "findings": lines}) + "\n")
    else:
        show(findings, Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_COLUMNS))
    return 0 if well else 1


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print a line for each finding, and its remedy below it."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        said = Text(finding.sentence)
        if finding.remedy:
            said.append(f"\n{finding.remedy}", style="dim")
        table.add_row(Text(finding.level, style=_COLOURS[finding.level]), finding.what, said)
    console.print(table)
    fixes = sum(finding.level is Level.FIX for finding in findings)
    console.print("All is well." if not fixes else f"{fixes} thing{'s' * (fixes > 1)} to fix, marked `fix`.")
