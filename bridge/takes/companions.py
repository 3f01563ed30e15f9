"""The files of a take: `loop.wav`, and what lies beside it: `loop.json`, `loop-drums.wav`, `loop.mid` and so on."""

from collections.abc import Iterator
from pathlib import Path

from engine.request import LAYERS

ENDINGS = (".json", ".safetensors", ".mid", ".png")  # request and scores, noise, transcription, report


def stem_of(wav: Path, layer: str) -> Path:
    """Return where the stem of one layer of the take at `wav` lies."""
    return wav.with_stem(f"{wav.stem}-{layer}")


def companions(wav: Path) -> Iterator[Path]:
    """Yield all files that may go with a take's WAV, whether they are there or not."""
    yield from (wav.with_suffix(ending) for ending in ENDINGS)
    yield from (stem_of(wav, layer) for layer in LAYERS)


def take_of(stem: Path) -> Path | None:
    """Return the WAV of the take whose stem this is, by name and sidecar; None for any other file."""
    name, dash, layer = stem.stem.rpartition("-")
    if not (name and dash) or layer not in LAYERS or stem.with_suffix(".json").exists():
        return None
    wav = stem.with_stem(name)
    return wav if wav.with_suffix(".json").exists() else None
