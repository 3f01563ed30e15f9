"""`pocket`'s loops beside music that a user would pick instead: 28 pieces of ACE-Step 1.5 XL, by the same measures.

    python -m benchmarks beside --wheel immich_memories_music-0.1.0-py3-none-any.whl [--publish] [--picture FILE.png]

Each piece is asked of `pocket`, too, in layers and as one full mix: its tempo, its key, its mood and kind, 4 bars. True
loops are the synthesiser's. Of a piece 4 and 8 bars are cut by its stated tempo, counted from its first hit, four bars
in where it is long enough: a naive cut, as with scissors. Tempo and wandering are those of the whole piece; a loop goes
round for as long. Rows are `COLUMN/NUMBER`.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import count, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, cell
from benchmarks.quality.control import weights_of
from benchmarks.quality.evaluation import crispness, grid, key, material
from benchmarks.quality.evaluation.generation import generate, played
from benchmarks.quality.evaluation.material import Audio
from benchmarks.quality.pieces import Piece, pieces
from benchmarks.rows import Row, Rows, mean_interval
from engine.metrics import seam
from engine.metrics.framing import Signal, mono
from engine.metrics.rhythm import onset_strength, onset_times
from engine.pocket.bands import SAMPLE_RATE
from engine.pocket.layered import LayeredPocket, load_layered
from engine.pocket.model import WEIGHTS
from engine.request import LoopRequest
from engine.settings import Settings
from engine.training.synth.recipe import Recipe
from engine.training.synth.recipe_sampling import sample_recipe
from midi.key import Key

BARS, LONGER_BARS, SKIPPED_BARS, BEATS_PER_BAR = 4, 8, 4, 4
HEARD_SECONDS = 32.0  # of a loop that goes round: as long as the pieces are
WINDOW_BEATS, EACH_BEATS, LAGS = 8, 4, 101
BANDS, AUDIBLE_DB = 24, 50.0
ACE, LAYERED, MIX, TRUE = "ACE-Step 1.5 XL", "pocket, layers", "pocket, full mix", "true loops"
COLUMNS = (ACE, LAYERED, MIX, TRUE)
BAR = (
    "No bar: the pieces are the nearest that a user can have for nothing (ACE-Step 1.5 XL turbo, 4 billion parameters, "
    "in a PyPI package), cut without care. Nothing here hears how good music is."
)
SHOWN = (  # figure, its line, factor, significant digits
    ("tempo_error", "tempo off by, %", 100, 2), ("on_tempo", "tempo within 0.5 %, %", 100, 3),
    ("late_ms", "off a click at the stated tempo after 30 s, ms", 1, 2), ("wander_ms", "beat wanders by, ms", 1, 2),
    ("key", "stated key fits, %", 100, 3),
    ("seam", "seam of 4 bars, over what is heard", 1, 2), ("clean", "clean seams of 4 bars, %", 100, 3),
    ("clean_8", "clean seams of 8 bars, %", 100, 3),
    ("lines", "contrast of lines, dB", 1, 3), ("crest", "flux crest", 1, 3), ("full", "bands that sound, %", 100, 3),
    ("change_db", "a bar differs from the one before by, dB", 1, 2), ("seconds", "seconds of music", 1, 2),
)  # fmt: skip
MEDIANS = ("late_ms", "wander_ms", "seam", "crest")  # a few of these are very large


def wander_ms(audio: Audio, tempo_bpm: float, *, circular: bool) -> float:
    """Return how far the beat moves from a click at `tempo_bpm` over `audio` [2, samples]: 10 to 90 % of places, in ms.

    In windows of eight beats, every four: the lag of the grid of quarters, eighths and sixteenths that holds most onset
    strength, followed from window to window modulo an eighth. NaN with fewer than three windows.
    """
    signal = mono(audio)
    strength = onset_strength(signal, SAMPLE_RATE, circular=circular)
    beats = np.arange(len(strength)) / len(strength) * len(signal) / SAMPLE_RATE * tempo_bpm / 60
    firsts = np.arange(0, beats[-1] - WINDOW_BEATS, EACH_BEATS)
    if len(firsts) < 3:
        return float("nan")
    lags = np.array([_lag(strength, beats, first) for first in firsts])
    followed = np.unwrap(lags, period=0.5)
    low, high = np.quantile(followed, [0.1, 0.9])
    return float((high - low) * 60_000 / tempo_bpm)


def _lag(strength: Signal, beats: Signal, first: float) -> float:
    """Return the lag in beats, -0.25 to 0.25, of the grid that holds most of the strength in one window."""
    inside = (beats >= first) & (beats < first + WINDOW_BEATS)
    heard = strength[inside] - strength[inside].mean()
    lags = np.linspace(-0.25, 0.25, LAGS)
    held = np.zeros(LAGS)
    for harmonic, weight in grid.HARMONICS.items():
        turned = heard @ np.exp(-2j * np.pi * harmonic * beats[inside])
        held += weight * np.real(turned * np.exp(2j * np.pi * harmonic * lags))
    return float(lags[held.argmax()])


def naive_cut(audio: Audio, tempo_bpm: float, bars: int) -> Audio | None:
    """Return `bars` bars of a piece [2, samples] by its stated tempo, from its first hit on; None where it is shorter.

    Four bars in where the piece is long enough, so that an opening is left out.
    """
    hits = onset_times(mono(audio), SAMPLE_RATE, circular=False)
    first = round(float(hits[0]) * SAMPLE_RATE) if len(hits) else 0
    bar = BEATS_PER_BAR * 60 / tempo_bpm * SAMPLE_RATE
    for skipped in (SKIPPED_BARS, 0):
        start, end = first + round(skipped * bar), first + round((skipped + bars) * bar)
        if end <= audio.shape[1]:
            return audio[:, start:end]
    return None


def measures(whole: Audio, cuts: Mapping[int, Audio], tempo_bpm: float, told: Key | None, *, circular: bool) -> Row:
    """Return all figures of a piece or a loop; `cuts` are what goes round, by bars."""
    heard = np.tile(whole, (1, int(np.ceil(HEARD_SECONDS * SAMPLE_RATE / whole.shape[1])))) if circular else whole
    strength = onset_strength(mono(whole), SAMPLE_RATE, circular=circular)
    error = abs(grid.tempo_ratio(strength, whole.shape[1] / SAMPLE_RATE, tempo_bpm) - 1)
    row: Row = {
        "tempo_error": error, "on_tempo": float(error <= grid.TEMPO_TOLERANCE), "late_ms": 30_000 * error,
        "wander_ms": wander_ms(heard, tempo_bpm, circular=circular),
        "key": None if told is None else float(key.fits(cuts[BARS], SAMPLE_RATE, told)),
        "lines": crispness.line_contrast_db(cuts[BARS], SAMPLE_RATE),
        "crest": crispness.flux_crest(cuts[BARS], SAMPLE_RATE), "seconds": whole.shape[1] / SAMPLE_RATE,
        "full": fullness(cuts[BARS]), "change_db": change_db(cuts[BARS], BARS),
    }  # fmt: skip
    row["seam"] = seam.measure(cuts[BARS], SAMPLE_RATE).ratio
    row["clean"] = float(row["seam"] <= 1)
    if LONGER_BARS in cuts:
        row["clean_8"] = float(seam.measure(cuts[LONGER_BARS], SAMPLE_RATE).ratio <= seam.CLEAN)
    return {name: value for name, value in row.items() if value is not None and np.isfinite(value)}


@dataclass(frozen=True, kw_only=True)
class Beside:
    """The pieces, and the loops that are made beside them."""

    pieces: Sequence[Piece]

    @cached_property
    def model(self) -> LayeredPocket:
        """The model in layers; its full mix is another way to ask it."""
        return load_layered(Settings(), WEIGHTS)

    @cached_property
    def recipes(self) -> list[Recipe]:
        """Held-out whole mixes in 4/4 of four bars or more, as many as there are pieces."""
        drawn = (sample_recipe(seed, "heldout", layout="full") for seed in count())
        fitting = (one for one in drawn if one.numerator == one.denominator == 4 and one.bars >= BARS)
        return list(islice(fitting, len(self.pieces)))

    def request(self, number: int) -> LoopRequest:
        """Return what is asked of `pocket` beside a piece: its words, tempo and key."""
        piece = self.pieces[number]
        tempo, name = Fraction(round(piece.tempo_bpm)), str(piece.key)
        return LoopRequest(prompt=piece.words, tempo_bpm=tempo, bars=BARS, key=name, seed=number)

    def cut(self, column: str, number: int) -> tuple[Audio, dict[int, Audio], float, Key | None]:
        """Return the whole, its cuts by bars, its tempo and its key."""
        piece = self.pieces[number]
        if column == ACE:
            whole = piece.audio()
            found = {bars: naive_cut(whole, piece.tempo_bpm, bars) for bars in (BARS, LONGER_BARS)}
            return whole, {bars: one for bars, one in found.items() if one is not None}, piece.tempo_bpm, piece.key
        if column == TRUE:
            recipe = self.recipes[number]
            loop = material.rendered(recipe, None)
            assert loop.labels is not None
            return loop.audio, {BARS: loop.audio}, recipe.tempo_bpm, material.key_of(loop.labels)
        audio = self.layered(number) if column == LAYERED else self.mixed(number)
        return audio, {BARS: audio}, piece.tempo_bpm, piece.key

    def layered(self, number: int) -> Audio:
        """Return the loop in layers."""
        request = self.request(number)
        return played(self.model, request, self.model.arrange(request))[0]

    def mixed(self, number: int) -> Audio:
        """Return the loop as one full mix."""
        steps = self.model.card.decode_steps
        return dict(generate(self.model.pocket, [self.request(number)], steps, [0]))[0]

    def row(self, column: str, number: int) -> Row:
        """Return the figures of one piece or loop."""
        whole, cuts, tempo_bpm, told = self.cut(column, number)
        return measures(whole, cuts, tempo_bpm, told, circular=column != ACE)


def table(rows: Rows) -> Table:
    """Return the figures of each column: means with intervals, medians where a few are very large."""
    found = {column: list(rows.below(column).values()) for column in COLUMNS}
    body = [
        ["median of " * (name in MEDIANS) + label, *(_cell(found[one], name, scale, digits) for one in COLUMNS)]
        for name, label, scale, digits in SHOWN
    ]
    head = ("", *(f"{column}, {len(found[column])}" for column in COLUMNS))
    return Table(head=head, body=body, bar=BAR)


def _cell(found: Sequence[Row], name: str, scale: float, digits: int) -> str:
    values = [scale * row[name] for row in found if name in row]
    if name in MEDIANS:
        return cell(float(np.median(values)) if values else None, digits)
    mean = mean_interval(values)
    return "" if mean is None else cell(mean[0], digits, span=mean[1:])


def fullness(audio: Audio) -> float:
    """Return the share of 24 bands from 40 Hz to 16 kHz whose mean power is within 50 dB of the loudest."""
    power = _picture(audio, 64).mean(0)
    return float((power > power.max() * 10 ** (-AUDIBLE_DB / 10)).mean())


def change_db(audio: Audio, bars: int) -> float:
    """Return the mean difference in dB of a bar's levels, band by band and sixteenth by sixteenth, from the one before.

    Levels more than 50 dB under the loudest are taken for silence.
    """
    power = _picture(audio, 16 * bars)
    level = 10 * np.log10(power + power.max() * 10 ** (-AUDIBLE_DB / 10))
    return float(np.abs(level[16:] - level[:-16]).mean())


def _picture(audio: Audio, frames: int) -> Signal:
    """Return the power of 24 bands in each of so many equal parts: [frames, 24]."""
    signal = mono(audio)
    parts = np.array_split(signal, frames)
    size = max(map(len, parts))
    spectra = np.stack([np.abs(np.fft.rfft(part * np.hanning(len(part)), size)) ** 2 for part in parts])
    edges = np.searchsorted(np.fft.rfftfreq(size, 1 / SAMPLE_RATE), np.geomspace(40, 16_000, BANDS + 1))
    return np.stack([spectra[:, a : max(b, a + 1)].sum(1) for a, b in zip(edges, edges[1:], strict=False)], 1)


Made = Callable[[str, int], NDArray[np.float32]]


def picture(made: Made, chosen: Sequence[int], names: Sequence[str], file: Path) -> None:
    """Draw spectrograms of pairs: a cut of ACE-Step's above the loop of the same words, tempo and key."""
    import matplotlib
    from matplotlib.figure import Figure
    from PIL import Image

    from bridge.report import style

    with matplotlib.rc_context(style.SETTINGS):
        figure = Figure(figsize=(15, 5.4), dpi=75, layout="constrained")
        axes = figure.subplots(2, len(chosen), sharey=True, squeeze=False)
        for line, column in enumerate((ACE, LAYERED)):
            for place, number in enumerate(chosen):
                _spectrogram(axes[line, place], made(column, number), style)
            axes[line, 0].set_ylabel(f"{column}, Hz")
        for place, number in enumerate(chosen):
            style.titled(axes[0, place], names[number])
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file)
    with Image.open(file) as drawn:  # 64 colours are plenty, and a third of the size
        drawn.convert("RGB").quantize(64).save(file, optimize=True)


def _spectrogram(axes, audio, style) -> None:  # type: ignore[no-untyped-def]
    from scipy.signal import stft

    frequency, _, found = stft(mono(audio), SAMPLE_RATE, nperseg=4096, noverlap=2048)
    rows = np.searchsorted(frequency, np.geomspace(40, 16_000, 200)).clip(max=len(frequency) - 1)
    level = 20 * np.log10(np.abs(found[rows]) + 1e-9)
    axes.imshow(level, origin="lower", aspect="auto", cmap=style.SPECTRUM, vmin=level.max() - 75, vmax=level.max())
    places = np.searchsorted(np.geomspace(40, 16_000, 200), (100, 1000, 10_000))
    axes.set_yticks(places, ["100", "1k", "10k"])
    axes.set_xticks([])


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    options = parser(__doc__)
    options.add_argument("--wheel", type=Path, help="the wheel of immich-memories-music, where it is not installed")
    options.add_argument("--seeds", type=int, default=28, help="pieces and loops of each column")
    options.add_argument("--picture", type=Path, help="draw six pairs to this file")
    add_rows(options, "beside")
    return options.parse_args()


def main() -> None:
    """Read the command line; measure and keep what is missing."""
    chosen = arguments()
    study = Beside(pieces=pieces(chosen.wheel))
    rows = open_rows(chosen, weights_of("pocket"))
    for number in range(min(chosen.seeds, len(study.pieces))):
        for column in COLUMNS:
            rows.get(f"{column}/{number}", partial(study.row, column, number))
    if chosen.picture:
        spread = [index * len(study.pieces) // 6 for index in range(6)]
        names = [piece.name.replace("_", " ") for piece in study.pieces]
        picture(lambda column, number: study.cut(column, number)[1][BARS], spread, names, chosen.picture)
    print(table(rows).markdown())
