"""A take once more, from its request and its stored noise: the same samples, or it is said how they differ."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bridge.takes.delivery import samples_of
from bridge.takes.library import Kept, sidecar, start
from engine.audio.wav import read_audio, write_loop
from engine.errors import BadInputError
from engine.events import Sound, Take
from engine.request import LoopRequest
from engine.service.workers.jobs import Jobs, find
from engine.service.workers.worker_options import DEFAULT_JOBS
from engine.settings import Settings

SAME = 1e-4  # the design's bar; a 24-bit file rounds to 6e-8, other hardware to a little more


@dataclass(frozen=True, slots=True)
class Replayed:
    """How a replay compares: the largest difference of any sample, full scale being 1."""

    largest_difference: float

    @property
    def same(self) -> bool:
        """Whether nobody could tell."""
        return self.largest_difference <= SAME

    @property
    def sentence(self) -> str:
        """What to tell."""
        what = "The same samples" if self.same else "Not the same samples"
        return f"{what}: the largest difference is {self.largest_difference:.1e}."


def replay_take(take: Kept, settings: Settings, *, jobs: str = "", out: Path | None = None) -> Replayed:
    """Make the take again, write it to `out` if given, and compare it with its file; raises `DittoError`."""
    kept = sidecar(take)
    request = kept.as_made
    maker = find(jobs or DEFAULT_JOBS)(settings)
    if take.wav.with_suffix(".safetensors").exists():
        sound = maker.rebuild(request, start(settings.takes, take.take_id).noise)
    else:
        sound = _made_anew(maker, request, kept.take)
    samples = samples_of(sound)
    if out is not None:
        write_loop(
            out,
            samples,
            sound.sample_rate,
            tempo_bpm=request.tempo_bpm,
            beats=request.beats,
            meter=request.meter,
        )
    before, _rate = read_audio(take.wav)
    if before.shape != samples.shape:
        return Replayed(float("inf"))
    return Replayed(float(np.abs(before - samples).max()))


def _made_anew(maker: Jobs, request: LoopRequest, number: int) -> Sound:
    """Run the whole request again, for takes whose noise is gone."""
    for event in maker.run(request, None, lambda: False, lambda _fraction, _sentence: None):
        if isinstance(event, Take) and event.take == number:
            return event.sound
    raise BadInputError("The request was made again, but this take was not among what came out.")
