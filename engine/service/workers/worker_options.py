"""The options of a new worker: its settings as JSON, without importing anything of the worker's."""

from pathlib import Path
from typing import Any

import msgspec

from ...settings import Settings

DEFAULT_JOBS = "engine.service.workers.jobs:ModelJobs"
_FOLDERS = ("home", "takes", "models")
_AS_THEY_ARE = ("device", "dtype", "compile", "recompute", "loop_words", "threads")


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """The settings on which the samples depend beside request and weights; as they were given, mostly `auto`."""

    device: str = "auto"
    dtype: str = "auto"
    compile: str = "off"
    loop_words: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Manner":
        """Return the manner of these settings."""
        return cls(**{name: getattr(settings, name) for name in cls.__struct_fields__})

    def __str__(self) -> str:
        named = {"--device": self.device, "--dtype": self.dtype}
        compiled = "" if self.compile == "off" else f" DITTO_COMPILE={self.compile}"
        words = " DITTO_LOOP_WORDS=on" if self.loop_words else ""
        return " ".join(f"{name} {value}" for name, value in named.items()) + compiled + words


class WorkerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options that a new worker gets on its command line, as JSON."""

    jobs: str = DEFAULT_JOBS
    home: str
    takes: str
    models: str
    device: str = "auto"
    dtype: str = "auto"
    compile: str = "off"
    recompute: bool = True
    loop_words: bool = False
    threads: int = 0
    model: str = ""  # loaded at once, so that the first request need not wait for it

    @classmethod
    def of(cls, settings: Settings, *, jobs: str = DEFAULT_JOBS, model: str = "") -> "WorkerOptions":
        """Return the options that give a worker these settings."""
        folders: dict[str, Any] = {name: str(getattr(settings, name)) for name in _FOLDERS}
        return cls(jobs=jobs, model=model, **folders, **{name: getattr(settings, name) for name in _AS_THEY_ARE})

    def settings(self) -> Settings:
        """Return the settings again."""
        folders: dict[str, Any] = {name: Path(getattr(self, name)) for name in _FOLDERS}
        return Settings(**folders, **{name: getattr(self, name) for name in _AS_THEY_ARE})
