"""Jobs at toy size, in place of a model: for tests, benchmarks and trying the service without waiting.

The loop is a quiet sine of exactly the right length. The prompt may hold orders, `toy: steps=20 pause=0.05
crash=3`: how many steps, seconds between them, and at which step (of a fresh start) to die, to hang, to run
out of memory (`memory=`) or to stumble over an error of ours (`error=`). `always=1` does it when resumed too.
"""

import array
import math
import os
import signal
import time
from collections.abc import Callable, Generator

from ...errors import OutOfMemoryError
from ...events import Checkpoint, Event, Preview, Progress, Sound, Stems, Take
from ...request import MIX, LoopRequest, Method
from ...settings import Settings
from .jobs import Say

LAYERS = ("drums", "bass")  # where a request leaves them open


class ToyJobs:
    """Meets `engine.service.workers.jobs.Jobs` without a model."""

    model = "toy"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def prepare(self, name: str, say: Say) -> None:
        """Load nothing, visibly."""
        say(1.0, "The toy is loaded.")

    def run(
        self, request: LoopRequest, resume: bytes | None, stopped: Callable[[], bool], say: Say
    ) -> Generator[Event | Checkpoint, None, None]:
        """Yield some steps, a preview, a state at every step, and the takes."""
        orders = _orders(request.prompt)
        steps = int(orders.get("steps", 2)) if request.method is not Method.NONE else 0
        first = int(resume) if resume else 0
        for step in range(first, steps):
            time.sleep(orders.get("pause", 0.0))
            if stopped():
                break
            if not resume or orders.get("always"):
                _misbehave(orders, step)
            yield _progress(request, step, steps)
            if step % 5 == 1:
                yield Preview(request_id=request.request_id, take=0, step=step, sound=_sine(request))
            yield Checkpoint(str(step + 1).encode())
        for take in range(request.count):
            yield _take(request, take, resumed_at=first)
            if request.stems and request.layers != (MIX,):
                yield _stems(request, take)

    def rebuild(self, request: LoopRequest, noise: bytes) -> Sound:
        """Return the sine whose number the noise holds."""
        (number, _one) = array.array("f", noise[-8:])
        return _sine(request, int(number - request.seed) % 97)


def _orders(prompt: str) -> dict[str, float]:
    if "toy:" not in prompt:
        return {}
    pairs = (word.split("=", 1) for word in prompt.split("toy:", 1)[1].split() if "=" in word)
    return {name: float(value) for name, value in pairs}


def _misbehave(orders: dict[str, float], step: int) -> None:
    if orders.get("crash") == step:
        os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    if orders.get("hang") == step:
        time.sleep(3600)
    if orders.get("memory") == step:
        raise OutOfMemoryError("The toy ran out of memory, as it was told to.")
    if orders.get("error") == step:
        raise RuntimeError("the toy stumbled, as it was told to")


def _progress(request: LoopRequest, step: int, steps: int) -> Progress:
    losses = {control.kind: 1.0 / (step + 1) for control in request.controls}
    return Progress(request_id=request.request_id, take=0, step=step + 1, steps=steps, seconds_left=0.0, losses=losses)


def _sine(request: LoopRequest, take: int = 0) -> Sound:
    """Whole periods, about 200 Hz and a little of the seed, so that the loop closes and differs by seed."""
    count = request.samples
    periods = max(1, round(200 * request.seconds)) + request.seed % 7 + take
    period = [0.1 * math.sin(2 * math.pi * periods * n / count) for n in range(min(count, 2_000))]
    one = array.array("f", (value for sample in period for value in (sample, sample)))
    whole = one * (count // len(period) + 1)
    return Sound(samples=whole[: 2 * count].tobytes(), sample_rate=request.sample_rate)


def _take(request: LoopRequest, take: int, *, resumed_at: int) -> Take:
    record: dict[str, object] = {"model": "toy", "licence": "MIT", "resumed_at": resumed_at, "gain_db": 0.0}
    record |= {"layers": list(_layers(request)), "chords": request.chords}
    return Take(
        request_id=request.request_id,
        take=take,
        sound=_sine(request, take),
        scores={"intensity_rho": None, "seam_ratio": 0.5},
        noise=_noise(request.seed + take),
        record=record,
    )


def _layers(request: LoopRequest) -> tuple[str, ...]:
    return () if request.layers == (MIX,) else request.layers or LAYERS


def _stems(request: LoopRequest, take: int) -> Stems:
    """Equal parts of the sine, which add up to it."""
    layers = _layers(request)
    audible = len(layers) - len(request.mute)
    part = array.array("f", (value / max(1, audible) for value in memoryview(_sine(request, take).samples).cast("f")))
    return Stems(
        request_id=request.request_id,
        take=take,
        layers=layers,
        samples=part.tobytes() * len(layers),
        sample_rate=request.sample_rate,
        muted=request.mute,
    )


def _noise(seed: int) -> bytes:
    """Return a valid safetensors file that holds two numbers."""
    header = b'{"noise":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
    return len(header).to_bytes(8, "little") + header + array.array("f", [seed % 97, 1.0]).tobytes()
