"""Takes for the page's list, and the settings that made them."""

from typing import Any

from engine.request import LoopRequest

from ..requests.written import settings_of
from ..takes.delivery import decimal_text
from ..takes.library import StoredTake
from .scores import in_words

Json = dict[str, Any]
_AS_THEY_ARE = ("title", "prompt", "model", "bars", "tempo_bpm", "key", "created", "favourite", "scores")


def card(take: StoredTake) -> Json:
    """Return the fields of a take that the list shows."""
    return {
        "id": take.take_id,
        **{name: getattr(take, name) for name in _AS_THEY_ARE},
        "seed": str(take.seed),
        "layers": list(take.layers),
        "verdicts": list(take.verdicts) or [{"grade": "plain", "sentence": text} for text in in_words(take.scores)],
        "path": str(take.wav.absolute()),
    }


def form_of(request: LoopRequest) -> Json:
    """Return a request's scalar fields as the page's form has them, to fill it again; how many takes, it keeps."""
    texts = settings_of(request) | {"tempo_bpm": decimal_text(request.tempo_bpm)}
    return {name: text for name, text in texts.items() if name != "count"}
