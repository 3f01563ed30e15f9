"""Where things are and how the engine behaves: the one place that reads the environment.

Every setting has a name, a unit, a default and a reason.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import platformdirs

from .errors import BadInputError

MAX_THREADS = 256  # of a computation; far more crash the libraries that start them
_DIGITS = 6  # of a number of threads
_MATPLOTLIB = "MPLCONFIGDIR"
MAX_PORT = 65_535
DEFAULT_ENGINE_PORT = 47_110  # ZeroMQ; unassigned, and free on a stock macOS, Windows and Debian
DEFAULT_PAGE_PORT = 47_130  # HTTP on loopback: the studio page
DEFAULT_OSC_PORT = 47_111  # the bridge's own; the device finds another in the discovery file


def _data_folder() -> Path:
    named = os.environ.get("DITTO_HOME")
    return Path(named) if named else _of_user(lambda: platformdirs.user_data_dir("ditto-live", appauthor=False))


def _takes_folder() -> Path:
    # Live refers to a landed file in place, so takes live where a producer finds and keeps them.
    named = os.environ.get("DITTO_TAKES")
    return Path(named) if named else _of_user(platformdirs.user_music_dir) / "Ditto Live" / "takes"


def _of_user(folder: Callable[[], str]) -> Path:
    try:
        return Path(folder()).expanduser()
    except RuntimeError as error:  # no HOME, and a user that the system does not know, as in some containers
        raise BadInputError(
            "This user has no home folder.", remedy="Set DITTO_HOME and DITTO_TAKES to folders that can be written."
        ) from error


def _threads() -> int:
    own = _variable("DITTO_THREADS")
    found = _count(own or _variable("OMP_NUM_THREADS"))  # the latter may be a list, for nested threads
    if own and found is None:
        raise BadInputError(
            f"DITTO_THREADS is {own[:40]!r}, which is no number of threads.",
            remedy=f"Set it to a number up to {MAX_THREADS}, or unset it.",
        )
    return found or 0


def _count(text: str) -> int | None:
    """Return a number of threads; None for other texts and for more than any computation is given."""
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else MAX_THREADS + 1
    return number if number <= MAX_THREADS else None


def _is_on(name: str, *, otherwise: bool) -> bool:
    """Return whether a variable is `on`, `otherwise` where it is not set; raises `BadInputError` for other words."""
    word = _variable(name).casefold()
    if word not in ("", "on", "off"):
        raise BadInputError(f"{name} is {word[:40]!r}; it may be on or off.", remedy="Correct it, or unset it.")
    return word == "on" if word else otherwise


def _variable(name: str) -> str:
    return os.environ.get(name, "").strip()


def control_files() -> tuple[Path, ...]:
    """Return the Python files that bring controls, named in DITTO_CONTROLS and separated as in PATH."""
    named = os.environ.get("DITTO_CONTROLS", "").split(os.pathsep)
    return tuple(Path(name) for name in named if name)


def refuse_missing_control_files() -> None:
    """Raise `BadInputError` where DITTO_CONTROLS names a file that is not there, before any work is done."""
    for file in control_files():
        if not file.is_file():
            raise BadInputError(f"{file}, which DITTO_CONTROLS names, is no file.", remedy="Correct DITTO_CONTROLS.")


def matplotlib_folders() -> tuple[Path, ...]:
    """Return where Matplotlib keeps its settings and its list of fonts; none where the user has named a folder.

    Raises `RuntimeError` for a user without a home.
    """
    if os.environ.get(_MATPLOTLIB):
        return ()
    if sys.platform.startswith(("linux", "freebsd")):
        places = (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache"))
        return tuple(Path(os.environ.get(name) or Path.home() / usual) / "matplotlib" for name, usual in places)
    local = os.environ.get("LOCALAPPDATA") if sys.platform == "win32" else None
    before = Path.home() / ".matplotlib"
    return (Path(local) / "matplotlib" if local and not before.is_dir() else before,)


def keep_matplotlib_in(folder: Path) -> None:
    """Have Matplotlib keep its files in `folder`; before it is imported."""
    os.environ[_MATPLOTLIB] = str(folder)


def own_variables() -> dict[str, str]:
    """Return this process's DITTO_ variables, folders absolute, for a process that is not its child."""
    found = {name: value for name, value in sorted(os.environ.items()) if name.startswith("DITTO_")}
    folders = ("DITTO_HOME", "DITTO_TAKES", "DITTO_MODELS")
    return {name: str(Path(value).absolute()) if value and name in folders else value for name, value in found.items()}


class ExecutorKind(StrEnum):
    """Where an engine's workers run."""

    LOCAL = "local"  # processes of this computer
    RAY = "ray"  # actors of a Ray cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Folders and devices; made once at start-up and handed down."""

    home: Path = field(default_factory=_data_folder)  # journal, keys, discovery file, logs
    takes: Path = field(default_factory=_takes_folder)  # WAV, JSON and noise of every take
    models: Path = field(default_factory=lambda: Path(os.environ.get("DITTO_MODELS") or _data_folder() / "models"))
    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    dtype: str = "auto"  # auto, float32, bfloat16, float16
    compile: str = field(default_factory=lambda: _variable("DITTO_COMPILE") or "off")  # see engine.models.catalogue
    recompute: bool = field(  # activations in the backward pass, not kept: memory does not grow with sampling steps
        default_factory=lambda: _is_on("DITTO_RECOMPUTE", otherwise=True)
    )
    loop_words: bool = field(  # other people's models are asked for a loop in words, too: not known to help
        default_factory=lambda: _is_on("DITTO_LOOP_WORDS", otherwise=False)
    )
    threads: int = field(default_factory=_threads)  # of torch on a processor; 0 is what was measured here
    engine_port: int = DEFAULT_ENGINE_PORT
    osc_port: int = DEFAULT_OSC_PORT
    page_port: int = DEFAULT_PAGE_PORT

    @property
    def discovery_file(self) -> Path:
        """Where the running bridge writes the ports that it has."""
        return self.home / "bridge.json"

    @property
    def journal_file(self) -> Path:
        """Where accepted requests are kept until they are answered."""
        return self.home / "journal.sqlite"


def ports_from(first: int, count: int) -> range:
    """Return `count` ports to try, fewer where the numbers end; 0 stands for any and is the only one then."""
    return range(first, min(first + count, MAX_PORT + 1)) if first else range(1)


def hub_folder() -> Path:
    """Return where the hub's library keeps what it has downloaded, by its own variables."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    hub = Path(os.environ.get("HF_HOME") or home) / "hub"
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE") or hub
    return Path(os.path.expandvars(named)).expanduser()


def ray_address() -> str:
    """Return the address of the Ray cluster that the environment names, else nothing."""
    return os.environ.get("RAY_ADDRESS", "")


def go_offline() -> None:
    """Let no library phone home: telemetry off, no download unless the user asked for one."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_OFFLINE"):
        os.environ.setdefault(name, "1")
