"""The jobs of a worker: a request in, events and checkpoints out. Here on a real model, in `toy` without.

This file is imported by worker processes, and by whoever makes loops without an engine; torch comes in only
when a model is loaded.
"""

import importlib
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Protocol

from ...errors import BadRequestError
from ...events import Checkpoint, Event, Sound
from ...request import LoopRequest
from ...settings import Settings

if TYPE_CHECKING:
    from ...models.protocol import Model

Say = Callable[[float, str], None]
"""Told how far loading is (0..1, or -1 when nobody knows) and what is being done."""


class Jobs(Protocol):
    """Makes requests one after another, on one thread. `model` is the name of the one that is loaded."""

    model: str

    def prepare(self, name: str, say: Say) -> None:
        """Load a model; raises `ModelError`."""
        ...

    def run(
        self, request: LoopRequest, resume: bytes | None, stopped: Callable[[], bool], say: Say
    ) -> Iterator[Event | Checkpoint]:
        """Yield what happens; when `stopped` turns true, the best take so far and no more."""
        ...

    def rebuild(self, request: LoopRequest, noise: bytes) -> Sound:
        """Return the sound of a take's stored noise, the same samples as before."""
        ...


class ModelJobs:
    """Meets `Jobs` with the models of the catalogue; one is loaded at a time."""

    def __init__(self, settings: Settings) -> None:
        self.model = ""
        self._settings = settings
        self._loaded: Model | None = None

    def prepare(self, name: str, say: Say) -> None:
        """Load the model; the one before makes room first."""
        self._load(name, say)

    def run(
        self, request: LoopRequest, resume: bytes | None, stopped: Callable[[], bool], say: Say
    ) -> Generator[Event | Checkpoint, None, None]:
        """Drive `engine.pipeline.make_loop`, and stop it between two of its steps."""
        if request.model != self.model:
            from ...models import catalogue

            catalogue.check(request, self._settings)  # the loaded model makes room only for one that can make this
        model = self._load(request.model, say)
        from ...pipeline import make_loop

        making = make_loop(request, model, self._settings, resume=resume, live=True)
        try:
            for item in making:
                yield item
                if stopped():
                    making.stop()
        finally:
            making.close()

    def rebuild(self, request: LoopRequest, noise: bytes) -> Sound:
        """Decode the stored noise again, without optimising."""
        model = self._load(request.model, lambda _fraction, _sentence: None)
        from ...pipeline import rebuild

        audio = rebuild(request, model, noise)
        return Sound(samples=audio.T.astype("<f4").tobytes(), sample_rate=request.sample_rate, channels=len(audio))

    def _load(self, name: str, say: Say) -> "Model":
        if self._loaded is None or name != self.model:
            from ...models import catalogue

            say(-1.0, f"Loading the model {name}.")
            self._loaded, self.model = None, ""  # two at once might not fit
            from ...models.speed.threads import use_threads

            use_threads(self._settings)
            self._loaded = catalogue.load(name, self._settings)
            self.model = name
        return self._loaded


def find(name: str) -> Callable[[Settings], Jobs]:
    """Return the factory at `module:name`."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(module), attribute, None)
    if not callable(found):
        raise BadRequestError(f"{name!r} is not the name of something that makes loops (module:name).")
    return found
