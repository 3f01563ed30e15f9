"""Copies the device to where Live's browser shows it: the User Library.

    macOS    ~/Music/Ableton/User Library/Presets/Audio Effects/Max Audio Effect/Ditto Live/
    Windows  ~/Documents/Ableton/User Library/Presets/Audio Effects/Max Audio Effect/Ditto Live/

The User Library can be elsewhere (Live's Settings, Library); then its folder is given.
"""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import BadInputError

from .errors import InstallError

DEVICE_NAME = "Ditto Live.amxd"
COMMITTED = Path(__file__).parent / DEVICE_NAME
_INSIDE = Path("Presets", "Audio Effects", "Max Audio Effect", "Ditto Live")
_PLACES = {"darwin": Path("Music", "Ableton", "User Library"), "win32": Path("Documents", "Ableton", "User Library")}


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the device is now, and whether it had to be copied."""

    path: Path
    changed: bool


def user_libraries(home: Path, platform: str = sys.platform) -> tuple[Path, ...]:
    """The User Libraries that exist below a home folder, OneDrive's Documents on Windows included."""
    usual = _PLACES.get(platform)
    if usual is None:
        return ()
    candidates = [home / usual]
    if platform == "win32":
        candidates += sorted(home.glob("OneDrive*/Documents/Ableton/User Library"))
    return tuple(path for path in candidates if path.is_dir())


def install(folder: Path | None = None, *, home: Path | None = None, platform: str = sys.platform) -> Installed:
    """Copy the device into `folder` or the User Library that is found; raises `InstallError`.

    Doing it again changes nothing. A file of the same name that differs is replaced: it is an older version.
    """
    if not COMMITTED.is_file():
        raise InstallError(
            f"The device {COMMITTED} is missing from this installation.", remedy="Run `ditto-live build-device` first."
        )
    target = _target(folder, user_libraries(home or Path.home(), platform)) / DEVICE_NAME
    if target.is_file() and target.read_bytes() == COMMITTED.read_bytes():
        return Installed(target, changed=False)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_suffix(".part")
        shutil.copyfile(COMMITTED, beside)
        os.replace(beside, target)
    except OSError as error:
        raise InstallError(f"{target} cannot be written: {error.strerror}.") from error
    return Installed(target, changed=True)


def _target(folder: Path | None, libraries: Sequence[Path]) -> Path:
    if folder is not None:
        if not folder.is_dir():
            raise BadInputError(f"{folder} is not a folder.", remedy=InstallError.remedy)
        return folder / _INSIDE if folder.name == "User Library" else folder / "Ditto Live"
    if not libraries:
        raise InstallError("No User Library of Ableton Live was found on this computer.")
    return libraries[0] / _INSIDE
