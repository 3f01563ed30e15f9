"""The checks of `ditto-live doctor`: each check yields findings, and each finding says what to do."""

import os
import platform
import re
import socket
import sys
import tempfile
from collections.abc import Iterator
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from bridge.takes.library import disk_free_bytes
from engine.errors import BadInputError, DittoError
from engine.settings import Settings, control_files, refuse_missing_control_files

GIB = 2**30
LITTLE_ROOM_BYTES = 2 * GIB  # a thousand takes of eight seconds
_NAME = re.compile(r"^[A-Za-z0-9._-]+")
_EXTRA = re.compile(r"extra == ['\"](\w+)['\"]")
EXTRAS = {
    "mcp": "assistants, by `ditto-live mcp`",
    "models": "other people's models",
    "cluster": "a farm of GPUs",
    "device": "building the Max for Live device",
    "dev": "the tests",
}


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # good to know
    FIX = "fix"  # has to be fixed before loops can be made


class Finding(NamedTuple):
    """One line of the report; `remedy` says what to do."""

    level: Level
    what: str
    sentence: str
    remedy: str = ""


def all_findings(settings: Settings) -> Iterator[Finding]:
    """Yield all findings, the quick ones first."""
    yield from python()
    yield from packages()
    yield from ports(settings)
    yield from folders(settings)
    yield from control_files_named()
    yield from sound()
    yield from device(settings)
    yield from threads(settings)
    yield from models(settings)


def python() -> Iterator[Finding]:
    """Look at Python and the computer."""
    version = platform.python_version()
    where = f"{version} on {platform.system()} {platform.machine()}, {os.cpu_count()} processor cores"
    good = sys.version_info >= (3, 11)
    yield Finding(Level.OK if good else Level.FIX, "Python", where, "" if good else "Install Python 3.11 or newer.")


def packages() -> Iterator[Finding]:
    """Look at what must be installed, and at each extra."""
    needed: dict[str, list[str]] = {"": []}
    for line in metadata.requires("ditto-live") or []:
        name, marker = _NAME.match(line), _EXTRA.search(line)
        if name is not None and name.group() != "ditto-live":
            needed.setdefault(marker.group(1) if marker else "", []).append(name.group())
    missing = _missing(needed.pop(""))
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("ditto-live", "torch") if not _missing([name]))
    if missing:
        yield Finding(Level.FIX, "Packages", f"{', '.join(missing)} is missing.", "pip install ditto-live")
    else:
        yield Finding(Level.OK, "Packages", f"{versions}, all that is needed")
    for extra, names in sorted(needed.items()):
        yield _extra(extra, _missing(names))


def _extra(extra: str, missing: list[str]) -> Finding:
    what = f"Extra `{extra}`"
    purpose = EXTRAS.get(extra, "")
    if not missing:
        return Finding(Level.OK, what, f"installed, for {purpose}")
    return Finding(
        Level.NOTE, what, f"not installed, for {purpose}", f"pip install 'ditto-live[{extra}]' if you want it."
    )


def _missing(names: list[str]) -> list[str]:
    return [name for name in names if not any(True for _ in metadata.distributions(name=name))]


def ports(settings: Settings) -> Iterator[Finding]:
    """Look whether engine and bridge would get their ports on this computer."""
    for what, port, kind in (
        ("Engine port", settings.engine_port, socket.SOCK_STREAM),
        ("OSC port", settings.osc_port, socket.SOCK_DGRAM),
    ):
        if _is_free(port, kind):
            yield Finding(Level.OK, what, f"{port} is free")
        else:
            running = "perhaps by `ditto-live serve`; then all is well"
            yield Finding(Level.NOTE, what, f"{port} is taken, {running}", "Otherwise the next free one is used.")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def folders(settings: Settings) -> Iterator[Finding]:
    """Look whether takes, models and the journal have a place."""
    for what, folder, variable in (
        ("Takes", settings.takes, "DITTO_TAKES"),
        ("Journal", settings.home, "DITTO_HOME"),
        ("Models", settings.models, "DITTO_MODELS"),
    ):
        yield _folder(what, folder, variable)


def control_files_named() -> Iterator[Finding]:
    """Look for the files of DITTO_CONTROLS, without which no loop is made; nothing where none are named."""
    if not (files := control_files()):
        return
    try:
        refuse_missing_control_files()
    except BadInputError as error:
        yield Finding(Level.FIX, "Controls", error.sentence, error.remedy)
    else:
        yield Finding(Level.OK, "Controls", ", ".join(map(str, files)))


def _folder(what: str, folder: Path, variable: str) -> Finding:
    try:
        existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
        with tempfile.TemporaryFile(dir=existing):
            room = disk_free_bytes(folder)
    except OSError as error:
        return Finding(
            Level.FIX,
            what,
            f"{folder} cannot be written: {error.strerror}.",
            f"Set {variable} to another folder.",
        )
    if room < LITTLE_ROOM_BYTES:
        return Finding(
            Level.NOTE,
            what,
            f"{folder}, {room / GIB:.1f} GiB free",
            "Make room; `ditto-live takes --unused` helps.",
        )
    return Finding(Level.OK, what, f"{folder}, {room / GIB:,.0f} GiB free")


def sound() -> Iterator[Finding]:
    """Look for an output that `ditto-live play` could use."""
    remedy = "Only `ditto-live play` needs it; Live and any player open the WAV."
    try:
        import sounddevice

        output = sounddevice.query_devices(kind="output")
    except OSError:
        yield Finding(Level.NOTE, "Sound", "PortAudio is not installed", f"sudo apt install libportaudio2. {remedy}")
    except (ValueError, sounddevice.PortAudioError):
        yield Finding(Level.NOTE, "Sound", "no sound output here", remedy)
    else:
        yield Finding(Level.OK, "Sound", str(output["name"]))


def device(settings: Settings) -> Iterator[Finding]:
    """Look at what will compute, and in which precision."""
    try:
        from engine.models.hardware import choose_place, memory_bytes

        places = [choose_place(settings, small=small) for small in (True, False)]
        where = places[0].device
        memory = memory_bytes(where) / GIB
    except (DittoError, ImportError, OSError) as error:
        yield _fault("Device", error, "PyTorch cannot be used")
        return
    own, others = (str(place.dtype).removeprefix("torch.") for place in places)
    precision = own if own == others else f"{own}, other models in {others}"
    yield Finding(Level.OK, "Device", f"{where} in {precision}; {memory:.1f} GiB of memory")


def threads(settings: Settings) -> Iterator[Finding]:
    """Say with how many threads a processor computes; what is not known is measured now, and kept."""
    if settings.threads:
        yield Finding(Level.OK, "Threads", f"{settings.threads}, as DITTO_THREADS or OMP_NUM_THREADS says")
        return
    try:
        from engine.models.speed.threads import measured

        found = measured(settings)
    except (DittoError, ImportError, OSError) as error:
        yield _fault("Threads", error, "They cannot be measured")
        return
    times = ", ".join(f"{count}: {milliseconds:.1f} ms" for count, milliseconds in found.milliseconds.items())
    yield Finding(Level.OK, "Threads", f"{found.threads}, the quickest when it was measured here ({times} a step)")


def models(settings: Settings) -> Iterator[Finding]:
    """Look at each model: is it here, can it be used, under which licence."""
    try:
        from engine.models import catalogue
        from engine.pocket.model import WEIGHTS

        listing = catalogue.listing(settings)
    except (DittoError, ImportError, OSError) as error:
        yield _fault("Models", error, "They cannot be listed")
        return
    for model in listing:
        what = f"Model {model.name}"
        if model.name == "pocket" and not (WEIGHTS / "config.json").exists():
            yield Finding(Level.FIX, what, f"its weights are not in {WEIGHTS}", "Install Ditto Live again.")
        elif not model.problem:
            yield Finding(Level.OK, what, f"ready; {model.licence}")
        elif model.folder is not None:
            yield Finding(Level.NOTE, what, f"{model.problem}; {model.licence}", "`ditto-live models` says more.")
    absent = [model.name for model in listing if model.problem and model.folder is None]
    if absent:
        remedy = "`ditto-live models` names page, licence and command of each."
        yield Finding(Level.NOTE, "Other models", f"not on this computer: {', '.join(absent)}", remedy)


def _fault(what: str, error: Exception, otherwise: str) -> Finding:
    """Return what our own errors say themselves; others are not for a producer to understand."""
    if isinstance(error, DittoError):
        return Finding(Level.FIX, what, error.sentence.removesuffix("."), error.remedy)
    return Finding(Level.FIX, what, f"{otherwise}: {error}.", "Install Ditto Live again.")
