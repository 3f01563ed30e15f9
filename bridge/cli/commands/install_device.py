"""`ditto-live install-device`: the device into Live's User Library."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from max_for_live.install import install


def install_device(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Your User Library, if it is not in the usual place, or any folder."),
    ] = None,
) -> None:
    """Copy the device to where Live's browser shows it, and say where that is."""
    done = install(folder)
    said = "Installed" if done.changed else "Already there:"
    sys.stdout.write(f"{said} {done.path}\n")
    where = "User Library, Presets, Audio Effects, Max Audio Effect, Ditto Live"
    if "User Library" not in done.path.parts:  # a folder of the producer's own, which Live has to be told of
        where = f"Places, Add Folder, and choose {done.path.parent}"
    sys.stdout.write(f"In Live's browser: {where}.\n")
    sys.stdout.write("Drag it onto an audio track, and start the engine with `ditto-live serve`.\n")
