"""Whether a folder holds a whole diffusers model, and of which pipeline: read from its small files, without torch.

A model saved by `save_pretrained` is a folder with `model_index.json`, which names the pipeline's class and its
components, each a folder with a configuration and, for networks, weights.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from midi.errors import MidiError
from midi.files.opening import read_bytes

from ..errors import ModelError
from ..files import refused_by_system

INDEX = "model_index.json"
MAX_JSON_BYTES = 16 * 2**20
SAMPLES, SAMPLE_BYTES = 3, 256  # of each tensor, evenly spaced, for its digest
MAX_HEADER_BYTES = 100 * 2**20  # of a .safetensors file, as its library has it
_CONFIGURATIONS = ("config.json", "scheduler_config.json", "tokenizer_config.json", "preprocessor_config.json")
_VOCABULARIES = ("tokenizer.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model", "vocab.txt")
_VOCABULARY_IN_TWO = ("vocab.json", "merges.txt")
_WEIGHTS = re.compile(  # such as model.safetensors, model.fp16-00001-of-00002.safetensors, model.safetensors.index.json
    r"(?:diffusion_pytorch_model|pytorch_model|model)(?:\.(?P<variant>\w+))?(?P<shard>-\d{5}-of-\d{5})?"
    r"\.(?P<format>safetensors|bin)(?P<index>\.index(?:\.(?P<index_variant>\w+))?\.json)?"
)
AGAIN = "Copy or download the model again; `ditto-live models` shows the command."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder that holds a whole model."""

    path: Path
    pipeline: str  # class name, such as StableAudio3Pipeline
    components: dict[str, tuple[str, str]]  # names in the index, such as vae, and library and class of each
    parameters: dict[str, int]  # number of parameters of each network
    weights: dict[str, tuple[Path, ...]]  # files of each network
    variant: str = ""  # of the weights, such as fp16; empty where each network has plain ones

    @property
    def pickled(self) -> bool:
        """Whether all weights are .bin files."""
        return all(file.suffix == ".bin" for files in self.weights.values() for file in files)

    def digest(self) -> str:
        """Return 12 hexadecimal digits that tell these weights from others, from a sample of each tensor's bytes.

        Training changes a tensor everywhere, so that a sample is enough; gigabytes would take a minute. The digest does
        not depend on how .safetensors are divided into files. Raises `OSError`.
        """
        found = hashlib.sha256()
        for name in sorted(self.weights):
            samples = [one for file in self.weights[name] for one in _samples(file)]
            for key, described, sample in sorted(samples):
                found.update(f"{name}/{key} {described} ".encode() + sample)
        return found.hexdigest()[:12]

    def read_config(self, component: str) -> dict[str, Any]:
        """Return the configuration of one component, empty where it has none; raise `ModelError` if unreadable."""
        for name in _CONFIGURATIONS:
            file = self.path / component / name
            if file.is_file():
                return _read_json(file)
        return {}


class _Weights(NamedTuple):
    """The weights of one component: a whole file or the shards of an index, of the variant `variant` or plain."""

    files: tuple[Path, ...]
    variant: str


def read_folder(path: Path) -> ModelFolder:
    """Return the model in the folder `path`; raise `ModelError` if there is none or a part of it is missing."""
    try:
        return _read_folder(path)
    except OSError as error:
        refused = refused_by_system(error)
        raise ModelError(refused.sentence, remedy=refused.remedy) from error


def _read_folder(path: Path) -> ModelFolder:
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
        raise ModelError(f"{path / INDEX} does not name a pipeline.", remedy=AGAIN)
    parts = {name: (str(kind[0]), str(kind[1])) for name, kind in index.items() if _is_component(name, kind)}
    weights = {name: found for name in parts if (found := _weights(path / name)) is not None}
    return ModelFolder(
        path=path,
        pipeline=pipeline,
        components=parts,
        parameters={name: sum(_numbers(file) for file in found.files) for name, found in weights.items()},
        weights={name: found.files for name, found in weights.items()},
        variant=_one_variant(path, weights),
    )


def _is_component(name: str, kind: Any) -> bool:
    """Return whether an entry of the index names a class; `[null, null]` is an optional part left out."""
    return not name.startswith("_") and isinstance(kind, list) and len(kind) == 2 and kind[1] is not None


def _weights(part: Path) -> _Weights | None:
    """Return the weights of a component, None for one that has none; raise `ModelError` if it is not whole.

    Plain weights come before a variant's, .safetensors before .bin, as they are loaded.
    """
    if not any((part / name).is_file() for name in _CONFIGURATIONS):
        raise _half(part.parent, f"{part.name}/ has no configuration")
    if not (part / "config.json").is_file():  # tokenizers, schedulers and feature extractors have no weights
        if (part / "tokenizer_config.json").is_file() and not _has_vocabulary(part):
            raise _half(part.parent, f"{part.name}/ has no vocabulary, so that it would read no word")
        return None
    named = [(file, found) for file in sorted(part.iterdir()) if (found := _WEIGHTS.fullmatch(file.name))]
    if not named:
        raise _half(part.parent, f"{part.name}/ has no weights")
    first, found = min(named, key=lambda one: _precedence(one[1]))
    if found["index"]:
        return _Weights(_shards(first), _variant(found))
    if found["shard"]:
        raise _half(part.parent, f"{part.name}/ has no list of its weight files")
    return _Weights((first,), _variant(found))


def _has_vocabulary(part: Path) -> bool:
    one = any((part / name).is_file() for name in _VOCABULARIES)
    return one or all((part / name).is_file() for name in _VOCABULARY_IN_TWO)


def _variant(found: re.Match[str]) -> str:
    return found["index_variant"] or found["variant"] or ""


def _precedence(found: re.Match[str]) -> tuple[str, bool, bool, bool]:
    return _variant(found), found["format"] == "bin", not found["index"], bool(found["shard"])


def _one_variant(path: Path, weights: dict[str, _Weights]) -> str:
    """Return the variant of the weights, empty for plain ones; raise `ModelError` where networks need several."""
    variants = sorted({found.variant for found in weights.values()} - {""})
    if len(variants) > 1:
        raise _half(path, f"some of its networks are {variants[0]} only, and others {variants[1]}")
    return variants[0] if variants else ""


def _shards(index: Path) -> tuple[Path, ...]:
    """Return all weight files that an index names; raise `ModelError` where it names none."""
    shards = _read_json(index).get("weight_map")
    if not isinstance(shards, dict) or not shards or not all(isinstance(name, str) for name in shards.values()):
        raise _half(index.parents[1], f"{index.parent.name}/{index.name} names no weight files")
    return tuple(index.parent / name for name in sorted(set(shards.values())))


def _numbers(file: Path) -> int:
    """Return the number of parameters in a weight file; raise `ModelError` if it is missing or cut short."""
    name = f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise _half(file.parents[1], f"{name} is missing")
    size = file.stat().st_size
    if file.suffix != ".safetensors":
        return size // 4
    try:
        tensors, start = _header(file)
        numbers = sum(prod(tensor["shape"]) for tensor in tensors.values())
        expected = start + max((int(tensor["data_offsets"][1]) for tensor in tensors.values()), default=0)
    except EOFError as error:
        raise _half(file.parents[1], f"{name} ends after {size:,} bytes") from error
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise _half(file.parents[1], f"{name} holds something else than weights") from error
    if size < expected:
        raise _half(file.parents[1], f"{name} has {size:,} of {expected:,} bytes")
    return int(numbers)


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """Return what a .safetensors file says of each tensor, and where their bytes start; raise `EOFError` if cut."""
    with file.open("rb") as stream:
        first = stream.read(8)
        length = struct.unpack("<Q", first)[0] if len(first) == 8 else 0
        header = stream.read(min(length, MAX_HEADER_BYTES))
    if len(first) < 8 or len(header) < length:
        raise EOFError
    tensors = json.loads(header)
    return {key: tensor for key, tensor in tensors.items() if key != "__metadata__"}, 8 + length


def _samples(file: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, type and shape, and some bytes of each tensor; a pickled file is read as one tensor."""
    if file.suffix != ".safetensors":
        tensors: dict[str, Any] = {file.name: {"data_offsets": (0, file.stat().st_size)}}
        start = 0
    else:
        tensors, start = _header(file)
    with file.open("rb") as stream:
        for key, tensor in tensors.items():
            low, high = tensor["data_offsets"]
            sample = b""
            for place in range(SAMPLES):
                begin = low + (high - low) * place // SAMPLES
                stream.seek(start + begin)
                sample += stream.read(min(SAMPLE_BYTES, high - begin))
            yield key, f"{tensor.get('dtype')} {tensor.get('shape')}", sample


def _half(folder: Path, what: str) -> ModelError:
    return ModelError(f"The model in {folder} is only half there: {what}.", remedy=AGAIN)


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(read_bytes(file, MAX_JSON_BYTES))
    except (MidiError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read.", remedy=AGAIN) from error
    if not isinstance(content, dict):
        raise ModelError(f"{file} is not what a model has there.", remedy=AGAIN)
    return content
