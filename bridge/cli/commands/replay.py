"""A take once more, from its request and its stored noise: the same samples, or a sentence on how they differ."""

import math
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import numpy as np

from bridge.takes.delivery import write_wav
from bridge.takes.library import StoredTake, sidecar, start_at, whole_sidecar
from engine.audio.wav import read_audio
from engine.errors import BadInputError
from engine.events import Sound, Take
from engine.request import LoopRequest
from engine.service.workers.jobs import Jobs, find
from engine.service.workers.worker_options import DEFAULT_JOBS
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Replayed:
    """Comparison of a replay with its take: the largest difference of any sample, of full scale 1, and its reason."""

    largest_difference: float
    reason: str = ""

    @property
    def same(self) -> bool:
        """Whether both files hold the same samples, to the last bit."""
        return self.largest_difference == 0

    @property
    def sentence(self) -> str:
        """The result for the producer."""
        if self.same:
            return "The same samples, to the last bit."
        if math.isinf(self.largest_difference):
            return f"Not the same samples: the loops are not equally long. {self.reason}"
        level_db = 20 * math.log10(self.largest_difference)
        return f"Not the same samples: they differ by {level_db:.0f} dBFS at most. {self.reason}"


def replay_take(take: StoredTake, settings: Settings, *, jobs: str = "", out: Path | None = None) -> Replayed:
    """Make the take again, write it to `out` if given, and compare it with its file; raises `DittoError`."""
    kept = sidecar(take)
    request = kept.as_made
    maker = find(jobs or DEFAULT_JOBS)(settings)
    if take.wav.with_suffix(".safetensors").exists():
        sound = maker.rebuild(request, start_at(take.wav, take.take_id).noise)
    else:
        sound = _made_anew(maker, request, kept.take)
    with tempfile.TemporaryDirectory() as folder:  # what is compared are files: a WAV rounds to 24 bits
        wav = out or Path(folder) / "replay.wav"
        write_wav(wav, request, sound)
        before, after = read_audio(take.wav)[0], read_audio(wav)[0]
    same_length = before.shape == after.shape
    largest = float(np.abs(before - after).max(initial=0)) if same_length else math.inf
    return Replayed(largest, "" if largest == 0 else _reason(take))


def _reason(take: StoredTake) -> str:
    """Return in a sentence what is not as it was when the take was made."""
    versions = whole_sidecar(take).get("versions")
    found = versions.items() if isinstance(versions, dict) else ()
    others = [f"{name} {then} and not {now}" for name, then in found if (now := _version(str(name))) != then]
    if others:
        return f"It was made with {', '.join(others)}."
    computed = whole_sidecar(take).get("computed")
    if isinstance(computed, dict):
        facts = [str(computed[name])[:80] for name in ("device", "kernels", "precision") if computed.get(name)]
        return f"It was computed on {', '.join(facts)}; here one of these is another, or the model."
    return "The packages are those that it was made with, so another computer, device, precision or model made it."


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _made_anew(maker: Jobs, request: LoopRequest, number: int) -> Sound:
    """Run the whole request again, for takes whose noise is gone."""
    for event in maker.run(request, None, lambda: False, lambda _fraction, _sentence: None):
        if isinstance(event, Take) and event.take == number:
            return event.sound
    raise BadInputError("The request was made again, but this take was not among what came out.")
