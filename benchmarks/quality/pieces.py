"""The 28 pieces of ACE-Step 1.5 XL in the package immich-memories-music (MIT), with their stated tempo and key.

They are read from the wheel or from the installed package; nothing of it is kept here.
"""

import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.quality.evaluation.material import Audio
from engine.audio.resample import resampled
from engine.pocket.bands import SAMPLE_RATE
from midi.key import Key

PACKAGE = "immich_memories_music"
LICENCE = "LICENSE-MUSIC"
HOW = (
    "There are no pieces to measure: `pip download --no-deps immich-memories-music==0.1.0` (16 MB, MIT), then give "
    "--wheel FILE; or install the package."
)
_LINE = re.compile(r"^\s+(?P<name>\w+)\.opus\s+(?P<tempo>\d+) bpm\s+(?P<key>[A-G][b#]? (?:major|minor))", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece: its name, the tempo and key that it was asked for, and its file's bytes."""

    name: str
    tempo_bpm: float
    key: Key
    file: bytes

    @property
    def words(self) -> str:
        """The mood and the kind of instruments of its name, as a prompt."""
        mood, kind, _ = self.name.split("_")
        return f"{mood}, {kind}"

    def audio(self) -> Audio:
        """Return the whole piece [2, samples] at 44.1 kHz."""
        sound, rate = soundfile.read(io.BytesIO(self.file), dtype="float64", always_2d=True)
        stereo = np.ascontiguousarray(sound[:, [0, -1]].T)
        return resampled(stereo, round(stereo.shape[1] * SAMPLE_RATE / rate), circular=False).astype(np.float32)


def stated(text: str) -> dict[str, tuple[float, Key]]:
    """Return tempo in BPM and key by name, as the package's licence lists them."""
    return {found["name"]: (float(found["tempo"]), Key.parse(found["key"])) for found in _LINE.finditer(text)}


def pieces(wheel: Path | None) -> list[Piece]:
    """Return all pieces of a wheel or of the installed package, by name; raise `SystemExit` where there are none."""
    files = dict(_of_wheel(wheel) if wheel is not None else _installed())
    facts = stated(files.get(LICENCE, b"").decode())
    found = [
        Piece(name=name, tempo_bpm=facts[name][0], key=facts[name][1], file=files[f"{name}.opus"])
        for name in sorted(facts)
        if f"{name}.opus" in files
    ]
    if not found:
        raise SystemExit(HOW)
    return found


def _of_wheel(wheel: Path) -> Iterator[tuple[str, bytes]]:
    if not zipfile.is_zipfile(wheel):
        raise SystemExit(f"{wheel} is no wheel. {HOW}")
    with zipfile.ZipFile(wheel) as kept:
        for name in kept.namelist():
            if name.endswith((".opus", LICENCE)):
                yield Path(name).name, kept.read(name)


def _installed() -> Iterator[tuple[str, bytes]]:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise SystemExit(HOW)
    package = Path(spec.origin).parent
    for path in (*package.glob("tracks/*/*.opus"), *package.parent.glob(f"{PACKAGE}-*.dist-info/**/{LICENCE}")):
        yield path.name, path.read_bytes()
