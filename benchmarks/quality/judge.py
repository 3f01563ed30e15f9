"""An ear that nothing is optimised against: basic-pitch's note posterior, folded to twelve classes.

    pip install --no-deps basic-pitch onnxruntime

Only its 0.23 MB network is read, with onnxruntime. Without the package there is no judge, and the column stays empty.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.audio.resample import resampled

RATE, WINDOW, HOP = 22_050, 43_844, 256
FRAMES, OVERLAP_FRAMES = 172, 30
LOWEST_PITCH = 21
NOTE_OUTPUT = "StatefulPartitionedCall:1"  # beside contour (:0) and onset (:2)


@lru_cache(maxsize=1)
def session() -> Any | None:
    """Return the network, or None where basic-pitch or onnxruntime is not installed."""
    found = find_spec("basic_pitch")
    if found is None or find_spec("onnxruntime") is None or not found.submodule_search_locations:
        return None
    import onnxruntime

    files = list(Path(next(iter(found.submodule_search_locations))).rglob("nmp.onnx"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(files[0], options, providers=["CPUExecutionProvider"]) if files else None


def chroma(
    mono: NDArray[np.floating], sample_rate: int, frames: int, lowest_pitch: int = 60
) -> NDArray[np.float64] | None:
    """Return the note posterior of a loop folded to classes [frames, 12], from `lowest_pitch` up, if there is one."""
    network = session()
    if network is None:
        return None
    samples = round(len(mono) * RATE / sample_rate)
    loop = resampled(np.asarray(mono, dtype=np.float64)[None], samples, circular=True)[0]
    keep = FRAMES - OVERLAP_FRAMES
    count = int(np.ceil(samples / HOP / keep))
    half = OVERLAP_FRAMES // 2 * HOP
    rows = []
    for part in range(count):
        index = np.arange(WINDOW) + part * keep * HOP - half
        window = loop[index % samples].astype(np.float32)[None, :, None]
        (note,) = network.run([NOTE_OUTPUT], {network.get_inputs()[0].name: window})
        rows.append(note[0, OVERLAP_FRAMES // 2 : OVERLAP_FRAMES // 2 + keep])
    posterior = np.concatenate(rows)
    place = np.minimum(np.round(np.arange(frames) * samples / frames / HOP).astype(int), len(posterior) - 1)
    return folded(posterior[place], lowest_pitch)


def folded(posterior: NDArray[np.floating], lowest_pitch: int) -> NDArray[np.float64]:
    """Return [frames, 88] pitches as [frames, 12] classes, the largest of each counting."""
    classes = np.zeros((len(posterior), 12))
    for pitch in range(max(lowest_pitch, LOWEST_PITCH), LOWEST_PITCH + 88):
        classes[:, pitch % 12] = np.maximum(classes[:, pitch % 12], posterior[:, pitch - LOWEST_PITCH])
    return classes
