"""Which identities belong to training and which are held out."""

from __future__ import annotations

from random import Random
from typing import Final

SPLITS: Final = ("train", "heldout")
_HELD_OUT_EVERY: Final = 10


def is_held_out(identity: int) -> bool:
    """One identity in ten (a kit, a waveform, a progression, a motif) never appears in training."""
    return identity % _HELD_OUT_EVERY == 7


def draw_id(rng: Random, count: int, split: str) -> int:
    """Draw an identity below `count` that belongs to `split`."""
    while True:
        identity = rng.randrange(count)
        if is_held_out(identity) == (split == "heldout"):
            return identity
