"""How the towers hear pocket's loops: against a text, and against the uncontrolled loop of the same noise."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..errors import ModelError
from ..models.protocol import Scene
from . import words
from .condition import multi_hot
from .flow import fingerprint
from .towers import Towers


@dataclass(frozen=True, slots=True)
class Embeddings:
    """The towers, where the weights came with them; log band power is [batch, frames, bands].

    How the judge hears the last uncontrolled loop is kept: a take that is redrawn again and again has always the same.
    """

    towers: Towers | None
    _uncontrolled: dict[bytes, Tensor] = field(default_factory=dict)

    def character(self, log_power: Tensor) -> Tensor | None:
        """Return how the tower that may be optimised hears `log_power`, unit vectors [batch, size]; None without it."""
        return None if self.towers is None else self.towers.guide.embed_bands(log_power)

    def similarity(self, log_power: Tensor, scene: Scene, text: str) -> Tensor:
        """Return how well `log_power` fits `text`, -1 to 1, in the tower that may be optimised: [batch]."""
        if self.towers is None:
            raise ModelError("The text control needs pocket's towers, which are not beside its weights.")
        ids = words.parse(text).ids if text else scene.inputs.said
        asked = self.towers.guide.embed_words(multi_hot([ids]).to(log_power.device))[0]
        return self.towers.guide.embed_bands(log_power) @ asked

    def distance(
        self, log_power: Callable[[], Tensor], uncontrolled: Callable[[], Tensor], noise: Tensor, scene: Scene
    ) -> float | None:
        """Return the judge's distance (0 to 2) of a loop to the uncontrolled one of `noise`; None without the towers.

        Either callable returns log band power; `uncontrolled` is called for a noise that was not heard last.
        """
        if self.towers is None:
            return None
        judge, key = self.towers.judge, fingerprint(noise, scene.inputs)
        with torch.no_grad():
            if key not in self._uncontrolled:
                heard = judge.embed_bands(uncontrolled())
                self._uncontrolled.clear()
                self._uncontrolled[key] = heard
            return float((judge.embed_bands(log_power()) - self._uncontrolled[key]).norm())
