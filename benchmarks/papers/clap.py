"""The field's own metrics where a user has the weights: Frechet distance and text score with CLAP, from a folder.

    python -m benchmarks clap --folder laion-clap-music --loops FOLDER [--reference FOLDER | --statistics FILE.npz]

Nothing is downloaded: `--folder` is a CLAP model of transformers, such as `laion/larger_clap_music` (as in DITTO,
Novack et al. 2024). `--loops` holds WAV files; the text of each is the prompt in its sidecar (NAME.json), where there
is one. `--reference` holds recordings, `--statistics` the mean and covariance of the embeddings of MusicCaps (`mean`
[d] and `covariance` [d, d] of a NumPy file), as tools for the Frechet distance write them. With musicnn installed its
distance to the recordings stands beside them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from scipy.signal import resample_poly

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.quality.evaluation import statistics
from benchmarks.quality.evaluation.musicnn import find_musicnn
from benchmarks.rows import Row, Rows, fingerprint

RATE, BATCH = 48_000, 8
BAR = (
    "No bar. Small print: DITTO with an intensity (Novack et al. 2024, table 3), whose Frechet distance is to "
    "MusicCaps over 2,500 loops, and whose texts are tags in a sentence."
)
PUBLISHED = {"fad": 0.682, "clap": 0.433}
Vectors = NDArray[np.float64]


class Clap:
    """A CLAP model of transformers, from a folder."""

    def __init__(self, folder: Path) -> None:
        from transformers import ClapModel, ClapProcessor

        if not (folder / "config.json").exists():
            raise SystemExit(f"{folder} holds no CLAP model: save one there, such as laion/larger_clap_music.")
        self._model: Any = ClapModel.from_pretrained(folder, local_files_only=True).eval()
        self._processor: Any = ClapProcessor.from_pretrained(folder, local_files_only=True)

    @torch.no_grad()
    def embed_audio(self, sounds: Sequence[NDArray[np.floating]]) -> Vectors:
        """Return unit vectors [n, d] of sounds [samples] at 48 kHz."""
        found = []
        for first in range(0, len(sounds), BATCH):
            given = self._processor(audio=list(sounds[first : first + BATCH]), sampling_rate=RATE, return_tensors="pt")
            found.append(_vectors(self._model.get_audio_features(**given)))
        return np.concatenate(found)

    @torch.no_grad()
    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors [n, d] of texts."""
        given = self._processor(text=list(texts), return_tensors="pt", padding=True)
        return _vectors(self._model.get_text_features(**given))


def _vectors(answer: Any) -> Vectors:
    features = getattr(answer, "pooler_output", answer)
    return np.asarray(torch.nn.functional.normalize(features, dim=-1).double().numpy())


def frechet_to(vectors: Vectors, mean: Vectors, covariance: Vectors) -> float:
    """Return the Frechet distance of vectors [n, d] to a Gaussian."""
    own = np.cov(vectors, rowvar=False)
    shared = np.real(np.trace(sqrtm(own @ covariance)))
    apart = vectors.mean(0) - mean
    return float(apart @ apart + np.trace(own) + np.trace(covariance) - 2 * shared)


def sound_of(file: Path) -> NDArray[np.float32]:
    """Return a file's mono sound at 48 kHz."""
    sound, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return np.asarray(resample_poly(sound.mean(1), RATE, rate), np.float32)


def prompt_of(file: Path) -> str:
    """Return the prompt of a take's sidecar, "" where there is none."""
    sidecar = file.with_suffix(".json")
    if not sidecar.exists():
        return ""
    kept = json.loads(sidecar.read_text(encoding="utf-8"))
    return str(kept.get("request", kept).get("prompt", ""))


def measured(clap: Clap, loops: Path, reference: Path | None, known: Path | None) -> Row:
    """Return all figures of a folder of loops."""
    files = _sounds(loops)
    sounds = [sound_of(file) for file in files]
    heard, texts = clap.embed_audio(sounds), [prompt_of(file) for file in files]
    row: Row = {"loops": len(files)}
    told = [index for index, text in enumerate(texts) if text]
    if told:
        row["clap"] = float((heard[told] * clap.embed_texts([texts[index] for index in told])).sum(1).mean())
    if known is not None:
        kept = np.load(known)
        row["fad"] = frechet_to(heard, kept["mean"], kept["covariance"])
    if reference is not None:
        true = [sound_of(file) for file in _sounds(reference)]
        row["fad_folder"] = statistics.frechet(heard, clap.embed_audio(true))
        stranger = find_musicnn()
        if stranger is not None:
            ours, theirs = ([stranger.embed(one[None], RATE) for one in part] for part in (sounds, true))
            row["musicnn"] = statistics.frechet(np.stack(ours), np.stack(theirs))
    return row


def _sounds(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in (".wav", ".flac", ".ogg", ".opus"))
    if not found:
        raise SystemExit(f"There is no WAV, FLAC or Ogg file in {folder}.")
    return found


def table(rows: Rows) -> Table:
    """Return the figures of each folder of loops."""
    small = {name: f" <small>{value}</small>" for name, value in PUBLISHED.items()}
    body = [
        [key, str(row["loops"]), *(cell(row.get(name), 3) + (small.get(name, "") if name in row else "")
                                   for name in ("fad", "fad_folder", "musicnn", "clap"))]
        for key, row in ((key, rows[key]) for key in rows)
    ]  # fmt: skip
    head = ("loops", "count", "Frechet distance to the statistics", "to the recordings", "by musicnn", "text score")
    return Table(head=head, body=body, bar=BAR)


def main() -> None:
    """Read the command line; measure one folder of loops."""
    options = parser(__doc__)
    options.add_argument("--folder", type=Path, required=True, help="a CLAP model of transformers")
    options.add_argument("--loops", type=Path, required=True)
    options.add_argument("--reference", type=Path)
    options.add_argument("--statistics", type=Path)
    add_rows(options, "clap")
    chosen = options.parse_args()
    clap = Clap(chosen.folder)
    rows = open_rows(chosen, f"CLAP {fingerprint(sorted(chosen.folder.glob('*.safetensors')))}")
    rows.put(str(chosen.loops), measured(clap, chosen.loops, chosen.reference, chosen.statistics))
    print(table(rows).markdown())
