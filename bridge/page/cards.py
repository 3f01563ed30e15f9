"""Takes for the page's list, and the settings that made them."""

from fractions import Fraction
from pathlib import Path
from typing import Any

from engine.request import LoopRequest

from ..takes.library import Kept
from .scores import in_words

Json = dict[str, Any]


def card(take: Kept) -> Json:
    """Return the fields of a take that the list shows."""
    return {
        "id": take.take_id,
        "title": take.title,
        "prompt": take.prompt,
        "model": take.model,
        "bars": take.bars,
        "tempo_bpm": take.tempo_bpm,
        "key": take.key,
        "seed": str(take.seed),
        "created": take.created,
        "favourite": take.favourite,
        "layers": list(take.layers),
        "scores": take.scores,
        "verdicts": list(take.verdicts) or [{"grade": "plain", "sentence": text} for text in in_words(take.scores)],
        "path": str(take.wav.absolute()),
    }


def settings_of(request: LoopRequest) -> Json:
    """Return a request's scalar fields as the settings that made them, to fill the page's form again."""
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "tempo_bpm": _decimal(request.tempo_bpm),
        "time_signature": str(request.meter),
        "bars": str(request.bars),
        "key": request.key or "",
        "seed": str(request.seed),
        "model": request.model,
        "method": request.method,
        "quality": request.quality,
        "loop": "1" if request.loop else "0",
        "layers": ",".join(request.layers),
        "chords": request.chords,
        "mute": ",".join(request.mute),
        "stems": "1" if request.stems else "",
    }


def _decimal(value: Fraction) -> str:
    return f"{float(value):.10g}"


def file_of(take: Kept, ending: str) -> Path:
    """Return a take's file with this ending, which may not be there."""
    return take.wav.with_suffix(ending)
