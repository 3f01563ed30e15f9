"""Files made of a take when somebody saves it: its stems in one ZIP, and its transcription as MIDI."""

import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from engine.audio.wav import read_audio
from engine.events import Sound, Stems
from engine.request import LAYERS

from ..takes.companions import stem_of
from ..takes.delivery import stems_of
from ..takes.library import StoredTake, sidecar


def stems_by_layer(wav: Path) -> dict[str, Path]:
    """Return the stems of the take at `wav` by their layers."""
    there = stems_of(wav)
    return {layer: path for layer in LAYERS if (path := stem_of(wav, layer)) in there}


def packed(paths: Iterable[Path]) -> tuple[IO[bytes], int]:
    """Return files in one ZIP, open at its beginning, and how many bytes it has; sound does not shrink, so none is."""
    whole = tempfile.TemporaryFile()  # noqa: SIM115  # whoever sends it closes it
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as file:
        for path in paths:
            file.write(path, path.name)
    size = whole.tell()
    whole.seek(0)
    return whole, size


def transcription_file(take: StoredTake) -> bytes:
    """Return a MIDI file of the notes detected in a take: in its stems where there are some, else in the mix."""
    from ..takes.transcribed_midi import transcribed_midi  # here, because few ask for it, and it loads a listener

    request, stems = sidecar(take).request, stems_by_layer(take.wav)
    sound, sample_rate = _sound(take.wav)
    layered = None
    if stems:
        layered = Stems(
            request_id=request.request_id,
            take=0,
            layers=tuple(stems),
            samples=b"".join(_sound(path)[0] for path in stems.values()),
            sample_rate=sample_rate,
            muted=request.mute,
        )
    return transcribed_midi(request, Sound(samples=sound, sample_rate=sample_rate), layered).data


def _sound(path: Path) -> tuple[bytes, int]:
    samples, sample_rate = read_audio(path)
    stereo = samples if samples.shape[0] == 2 else np.broadcast_to(samples[:1], (2, samples.shape[1]))
    return np.ascontiguousarray(stereo.T, "<f4").tobytes(), sample_rate
