"""Earlier takes by id or by file: to hear, or as the start of a new one."""

from pathlib import Path

from bridge.takes import library as takes
from engine.errors import BadInputError, BadRequestError
from engine.request import Start
from engine.settings import Settings

from .options import LoopOptions

_ENDINGS = (".wav", ".json", ".safetensors")


def read_start(options: LoopOptions, settings: Settings) -> Start | None:
    """Return the start that `--from-take` names, or `None`; raise `BadInputError` where it is not found."""
    name, variation = options.from_take, options.variation
    if name is None:
        if variation:
            raise BadRequestError("--variation needs the take to vary: --from-take TAKE.")
        return None
    if Path(name).suffix.lower() not in _ENDINGS:
        return takes.start(settings.takes, name, variation)
    noise = find_take(name, settings).with_suffix(".safetensors")
    try:
        if noise.stat().st_size > takes.MAX_NOISE_BYTES:
            raise BadInputError(f"{noise} is too large to be a take's noise.")
        return Start(noise=noise.read_bytes(), variation=variation, take_id=noise.stem)
    except OSError as error:
        raise BadInputError(
            f"The noise of this take, {noise}, cannot be read: {error.strerror}.",
            remedy="A take's .safetensors must lie beside its .wav.",
        ) from error


def find_take(name: str, settings: Settings) -> Path:
    """Return the WAV of the take that `name` means: a file, an id, the start of an id, or `latest`.

    Raises `BadInputError` where there is none or where several begin so.
    """
    path = Path(name)
    if path.suffix.lower() not in _ENDINGS:
        return takes.find(settings.takes, name).wav
    if not path.exists():
        raise BadInputError(f"There is no file {path}.", remedy="`ditto-live takes` lists what was made.")
    return path if path.suffix.lower() == ".wav" else path.with_suffix(".wav")


def all_takes(settings: Settings) -> list[Path]:
    """Return the WAV of every take in the takes folder."""
    return list(settings.takes.glob("*/*.wav"))
