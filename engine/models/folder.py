"""Whether a folder holds a whole diffusers model, and of which pipeline: read from its small files, without torch.

A model saved by `save_pretrained` is a folder with `model_index.json`, which names the pipeline's class and its
components, each a folder with a configuration and, for networks, weights.
"""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from midi.errors import MidiError
from midi.files.opening import read_bytes

from ..errors import ModelError

INDEX = "model_index.json"
MAX_JSON_BYTES = 16 * 2**20
_CONFIGURATIONS = ("config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json")
_AGAIN = "Copy or download the model again; `ditto-live models` shows the command."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder that holds a whole model."""

    path: Path
    pipeline: str  # class name, such as StableAudio3Pipeline
    components: tuple[str, ...]  # names in the index, such as transformer and vae
    parameters: dict[str, int]  # number of parameters of each network

    def read_config(self, component: str) -> dict[str, Any]:
        """Return the configuration of one component, empty where it has none; raise `ModelError` if unreadable."""
        for name in _CONFIGURATIONS:
            file = self.path / component / name
            if file.is_file():
                return _read_json(file)
        return {}


def read_folder(path: Path) -> ModelFolder:
    """Return the model in the folder `path`; raise `ModelError` if there is none or a part of it is missing."""
    if not path.is_dir():
        raise ModelError(f"There is no folder {path}.")
    if not (path / INDEX).is_file():
        raise ModelError(
            f"The folder {path} is not a model: it has no {INDEX}.",
            remedy=f"Choose the folder that holds {INDEX}; single checkpoint files must be converted first.",
        )
    index = _read_json(path / INDEX)
    pipeline = index.get("_class_name")
    if not isinstance(pipeline, str):
        raise ModelError(f"{path / INDEX} does not name a pipeline.", remedy=_AGAIN)
    parts = {name: kind for name, kind in index.items() if _is_component(name, kind)}
    return ModelFolder(
        path=path,
        pipeline=pipeline,
        components=tuple(parts),
        parameters={name: count for name in parts if (count := _count(path / name))},
    )


def _is_component(name: str, kind: Any) -> bool:
    """Return whether an entry of the index names a class; `[null, null]` is an optional part left out."""
    return not name.startswith("_") and isinstance(kind, list) and len(kind) == 2 and kind[1] is not None


def _count(part: Path) -> int:
    """Return the number of a component's parameters; raise `ModelError` if the component is not whole."""
    if not any((part / name).is_file() for name in _CONFIGURATIONS):
        raise _half(part.parent, f"{part.name}/ has no configuration")
    if not (part / "config.json").is_file():
        return 0  # tokenizers, schedulers and feature extractors have no weights
    files = list(_weight_files(part))
    if not files:
        raise _half(part.parent, f"{part.name}/ has no weights")
    return sum(_numbers(file) for file in files)


def _weight_files(part: Path) -> Iterator[Path]:
    """Yield the weights of a component: one file, or all the shards that an index names."""
    for index in sorted(part.glob("*.safetensors.index.json")):
        shards = set(_read_json(index).get("weight_map", {}).values())
        yield from (part / str(shard) for shard in sorted(shards))
        return
    whole = sorted(part.glob("*.safetensors")) or sorted(part.glob("*.bin"))
    yield from whole[:1]


def _numbers(file: Path) -> int:
    """Return the number of parameters in a weight file; raise `ModelError` if it is missing or cut short."""
    name = f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise _half(file.parents[1], f"{name} is missing")
    size = file.stat().st_size
    if file.suffix != ".safetensors":
        return size // 4
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length + 8 > size:
            raise _half(file.parents[1], f"{name} ends after {size:,} bytes")
        header: dict[str, dict[str, Any]] = json.loads(stream.read(length))
    tensors = [tensor for key, tensor in header.items() if key != "__metadata__"]
    expected = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors), default=0)
    if size < expected:
        raise _half(file.parents[1], f"{name} has {size:,} of {expected:,} bytes")
    return sum(prod(tensor["shape"]) for tensor in tensors)


def _half(folder: Path, what: str) -> ModelError:
    return ModelError(f"The model in {folder} is only half there: {what}.", remedy=_AGAIN)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_bytes(file, MAX_JSON_BYTES))
    except (MidiError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read.", remedy=_AGAIN) from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} is not what a model has there.", remedy=_AGAIN)
    return content
