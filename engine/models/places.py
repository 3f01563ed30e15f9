"""Finds the folder of a model on this computer, without loading anything of it."""

from importlib.util import find_spec
from pathlib import Path

from ..settings import Settings, hub_folder
from .folder import INDEX
from .known import KNOWN


def find(name: str, settings: Settings) -> Path | None:
    """Return the folder of a model by name or path; None where it is in no models folder, path or hub cache."""
    for folder in (settings.models / name, Path(name).expanduser()):
        if folder.is_dir():
            return folder
    known = KNOWN.get(name)
    return _in_hub_cache(known.repository) if known else None


def _cached(repository: str) -> Path:
    """Return the folder in which huggingface_hub caches a repository; importing it to ask takes 15 MB of memory."""
    return hub_folder() / f"models--{repository.replace('/', '--')}"


def _in_hub_cache(repository: str) -> Path | None:
    if not repository or not _cached(repository).is_dir() or find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(repository, INDEX)
    return Path(index).parent if isinstance(index, str) else None
