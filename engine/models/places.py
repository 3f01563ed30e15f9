"""Finds the models on this computer by their folders and files, without loading anything of them."""

import os
from importlib.util import find_spec
from pathlib import Path

from ..settings import Settings, hub_folder
from .folder import INDEX
from .known import KNOWN, POCKET, KnownModel

_CACHED, _SNAPSHOTS = "models--", "snapshots"  # a hub cache has models--OWNER--NAME/snapshots/REVISION


def find(name: str, settings: Settings) -> Path | None:
    """Return the folder of a model by name or path; None where it is in no models folder, path or hub cache.

    Of a repository in a hub cache, `models--OWNER--NAME`, it is the snapshot of its main branch, else the last one.
    """
    for folder in (str(settings.models / name), os.path.expanduser(name)):
        if os.path.isdir(folder):  # unlike `Path.is_dir`, False for a name that no folder can have
            return _snapshot(Path(folder))
    known = KNOWN.get(name)
    return _in_hub_cache(known.repository) if known else None


def lasting(name: str, settings: Settings) -> str:
    """Return `name` so that it means the same model from another working folder and to another program.

    A model of the models folder is called by its name, any other folder by its whole path.
    """
    models = os.path.abspath(settings.models)
    inside, given = os.path.join(models, name), os.path.abspath(os.path.expanduser(name))
    found = next((os.path.normpath(folder) for folder in (inside, given) if os.path.isdir(folder)), None)
    if not name or found is None:
        return name
    return os.path.basename(found) if os.path.dirname(found) == models else found


def own_name(folder: Path) -> str:
    """Return the name of the model in `folder`: of a snapshot in a hub cache its repository's, else the folder's."""
    return _repository(folder).rpartition("/")[2] or folder.name


def known_of(folder: Path) -> KnownModel | None:
    """Return the known model whose repository a hub cache has in `folder`; None for any other folder."""
    repository = _repository(folder)
    return next((model for model in KNOWN.values() if repository and model.repository == repository), None)


def here_now(settings: Settings) -> tuple[str, ...]:
    """Return the names of the models on this computer: `pocket`, then known, added and own ones.

    A folder counts that has an index, whatever else it lacks.
    """
    folders = ((name, find(name, settings)) for name in (*KNOWN, *added(settings)))
    found = (name for name, folder in folders if folder is not None and (folder / INDEX).is_file())
    return (POCKET.name, *found, *own_models(settings))


def added(settings: Settings) -> list[str]:
    """Return the names of the folders in the models folder that are no known model, sorted."""
    if not settings.models.is_dir():
        return []
    return sorted(path.name for path in settings.models.iterdir() if _is_added(path))


def _is_added(path: Path) -> bool:
    return path.is_dir() and path.name not in KNOWN and not path.name.startswith(".")


def own_file(name: str, settings: Settings) -> Path | None:
    """Return the file of the model called `name`, None where there is none."""
    file = settings.models / f"{name}.py"
    return file if name.isidentifier() and os.path.isfile(file) else None  # False for a name that no file can have


def own_models(settings: Settings) -> list[str]:
    """Return the names of the models that are Python files in the models folder, sorted."""
    if not settings.models.is_dir():
        return []
    return sorted(file.stem for file in settings.models.glob("*.py") if own_file(file.stem, settings))


def _repository(folder: Path) -> str:
    """Return OWNER/NAME of a snapshot in a hub cache, empty for any other folder."""
    snapshots = Path(os.path.abspath(folder)).parent
    cached = snapshots.parent.name
    is_cached = snapshots.name == _SNAPSHOTS and cached.startswith(_CACHED)
    return cached.removeprefix(_CACHED).replace("--", "/") if is_cached else ""


def _snapshot(folder: Path) -> Path:
    """Return the snapshot of a repository in a hub cache, see `find`; any other folder as it is."""
    found, main = folder / _SNAPSHOTS, folder / "refs" / "main"
    if (folder / INDEX).exists() or not found.is_dir():
        return folder
    named = found / main.read_text(encoding="utf-8", errors="replace").strip() if main.is_file() else found
    if (named / INDEX).exists():
        return named
    snapshots = [one for one in found.iterdir() if (one / INDEX).exists()]
    return max(snapshots, key=lambda one: one.stat().st_mtime, default=folder)


def _cached(repository: str) -> Path:
    """Return the folder in which huggingface_hub caches a repository; importing it to ask takes 15 MB of memory."""
    return hub_folder() / f"{_CACHED}{repository.replace('/', '--')}"


def _in_hub_cache(repository: str) -> Path | None:
    if not repository or not _cached(repository).is_dir() or find_spec("huggingface_hub") is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    index = try_to_load_from_cache(repository, INDEX)
    return Path(index).parent if isinstance(index, str) else None
