"""`ditto-live models`: which models there are, on whose terms, and how to get them; `models add FOLDER`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.settings import Settings

from ..running import Device

if TYPE_CHECKING:
    from engine.models.catalogue import Listed

app = typer.Typer(add_completion=False, help="Show the models that can be used, and their licences.")


@app.callback(invoke_without_command=True)
def models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
    device: Device = "auto",
) -> None:
    """Show every model: what it needs, whether it can be used here, its licence, and the command to get it."""
    if context.invoked_subcommand is not None:
        return
    from engine.models.catalogue import listing

    settings = Settings(device=device)
    found = listing(settings)
    if as_json:
        sys.stdout.write(json.dumps({"models": [_as_plain(model) for model in found]}, indent=2) + "\n")
        return
    _print_table(found, settings)


@app.command()
def add(folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder with model_index.json.")]) -> None:
    """Check a downloaded model and copy it to where models are kept; nothing is copied if it is not whole."""
    from engine.models import catalogue

    settings = Settings()
    name = catalogue.add(folder, settings)
    sys.stdout.write(f"{name} is in {settings.models / name}. Use it with --model {name}.\n")


def _as_plain(model: "Listed") -> dict[str, str | float | None]:
    return {
        "name": model.name,
        "usable": not model.problem,
        "problem": model.problem,
        "folder": None if model.folder is None else str(model.folder),
        "needed_gib": round(model.needed_gib, 1),
        "there_gib": round(model.there_gib, 1),
        "licence": model.licence,
        "page": model.page,
        "get": model.get,
    }


def _print_table(found: "tuple[Listed, ...]", settings: Settings) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    table.add_column("model", no_wrap=True)
    table.add_column("here")
    table.add_column("needs", no_wrap=True)
    table.add_column("licence")
    for model in found:
        here = "not here" if model.folder is None and model.problem else model.problem or "ready"
        table.add_row(model.name, here, f"{model.needed_gib:.1f} GiB", model.licence)
    console = Console(soft_wrap=not sys.stdout.isatty())
    console.print(table)
    console.print(f"This device has {found[0].there_gib:.1f} GiB. Models are kept in {settings.models}")
    missing = [model for model in found if model.get]
    if missing:
        console.print("\nWeights are your own download: accept the licence on the page, then run")
    for model in missing:
        # The command is written plainly: a terminal's wrapping would break it when it is copied.
        sys.stdout.write(f"\n# {model.name}: {model.page}\n{model.get}\n")
