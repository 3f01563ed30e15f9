"""`ditto-live build-device`: the Max for Live device from its sources, the same bytes every time."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from engine.errors import MissingPackageError


def build_device(
    check: Annotated[bool, typer.Option("--check", help="Only say whether the device is up to date.")] = False,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also draw the device's face (needs Node).")
    ] = None,
) -> int:
    """Build `max_for_live/Ditto Live.amxd` from the readable sources beside it, and check it."""
    try:
        from max_for_live.build import device_bytes, write_device
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("max_for_live"):
            raise MissingPackageError(
                "Building the device needs the repository of Ditto Live; this installation has the built device only.",
                remedy="Use that one with `ditto-live install-device`, or run this in a clone of the repository.",
            ) from error
        raise MissingPackageError(
            f"Building the device needs the package {error.name}.",
            remedy='Install it: pip install "ditto-live[device]"',
        ) from error
    from max_for_live.install import COMMITTED

    if picture is not None:
        from max_for_live.face_picture import write_face

        write_face(device_bytes(), picture)
        sys.stdout.write(f"Drew {picture}.\n")
    if check:
        same = COMMITTED.is_file() and COMMITTED.read_bytes() == device_bytes()
        sys.stdout.write(f"{COMMITTED} is {'up to date' if same else 'not what its sources make'}.\n")
        return 0 if same else 1
    changed = write_device()
    sys.stdout.write(f"{'Wrote' if changed else 'Nothing to change in'} {COMMITTED}.\n")
    return 0
