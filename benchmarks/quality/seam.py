"""Set the seam's thresholds: 99 % of true loops must pass, and as many audible cuts as possible must fail.

    python -m benchmarks seam --loops 200 --assets FOLDER [--publish]

True loops are rendered circularly by the training generator (held-out recipes) and wrapped on the downbeat and at a
random place. Cuts are stretches of the same renders from a random place, of a random length. A cut is audible by
other means than the measure's: a click that stands out by 12 dB in two bands from all of its neighbourhood, or a
fall of 12 dB where the sound, had it gone on, would have fallen by less than 3.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Table, flat
from benchmarks.rows import Rows
from engine.metrics import seam
from engine.training.synth.assets import Assets
from engine.training.synth.recipe_sampling import sample_recipe
from engine.training.synth.render import render

RATE = 44_100
BAR = "Bars: 99 % of true loops pass and 95 % of audible cuts fail, the project's own."
Signal = NDArray[np.float64]
EDGES_HZ = (0, 600, 1200, 2000, 3200, 5000, 8000, 12_000, 18_000)
CLICK_STANDS_OUT_DB, FALL_DB, NATURAL_FALL_DB = 12.0, 12.0, 3.0


def clicks(signal: Signal) -> bool:
    """Say whether two bands at the wrap stand out from everything within 10 ms."""
    window, frequency = 160, np.fft.rfftfreq(160, 1 / RATE)

    def bands(place: int) -> Signal:
        piece = signal[np.arange(place - window // 2, place + window // 2) % len(signal)] * np.hanning(window)
        power = np.abs(np.fft.rfft(piece)) ** 2
        return np.array(
            [
                power[(frequency >= low) & (frequency < high)].sum()
                for low, high in zip(EDGES_HZ, EDGES_HZ[1:], strict=False)
            ]
        )

    around = np.max([bands(step * window) for step in (-3, -2, -1, 1, 2, 3)], axis=0)
    floor = max(signal.var() * window * 1e-5, 1e-9)
    return bool(np.sort(10 * np.log10((bands(0) + floor) / (around + floor)))[-2] > CLICK_STANDS_OUT_DB)


def level(signal: Signal) -> float:
    return float(10 * np.log10(np.mean(signal**2) + 1e-12))


def cut(signal: Signal, draws: np.random.Generator) -> tuple[Signal, bool]:
    """Return a naive cut and whether it can be heard."""
    length = int(len(signal) * draws.uniform(0.4, 0.9))
    turned = np.roll(signal, int(draws.integers(len(signal))))
    piece, window = turned[:length], round(0.02 * RATE)
    before = level(piece[-window:])
    natural, actual = before - level(turned[length : length + window]), before - level(piece[:window])
    falls = before > level(signal) - 15 and natural < NATURAL_FALL_DB and actual > FALL_DB
    return piece, bool(clicks(piece) or falls)


def measured(signal: Signal) -> tuple[float, float]:
    return seam.click(signal, RATE), seam.drop(signal, RATE)


def summary(downbeat: Signal, anywhere: Signal, audible: Signal, inaudible: Signal) -> dict[str, object]:
    true = np.vstack([downbeat, anywhere])
    thresholds = np.array([seam.CLICK_THRESHOLD, seam.DROP_THRESHOLD])
    best = [float(np.quantile(true[:, i], 0.995)) for i in range(2)]

    def passing(values: Signal, limits: Signal) -> float:
        return float((values.reshape(-1, 2) <= limits).all(1).mean()) if len(values) else 0.0

    return {
        "true loops": len(true),
        "audible cuts": len(audible),
        "inaudible cuts": len(inaudible),
        "99.5 % of true loops (click, drop)": best,
        "in use": thresholds.tolist(),
        "pass: true loops on the downbeat": passing(downbeat, thresholds),
        "pass: true loops anywhere": passing(anywhere, thresholds),
        "fail: audible cuts": 1 - passing(audible, thresholds),
        "fail: other cuts": 1 - passing(inaudible, thresholds),
        "fail: audible cuts at the 99.5 % thresholds": 1 - passing(audible, np.array(best)),
    }


def calibrated(count: int, cuts: int, assets: Assets | None) -> dict[str, object]:
    """Return how many true loops pass the thresholds in use, and how many cuts fail."""
    draws = np.random.default_rng(0)
    downbeat, anywhere, audible, inaudible = [], [], [], []
    for number in range(count):
        signal = render(sample_recipe(500_000 + number, "heldout"), assets).audio.mean(0).astype(np.float64)
        downbeat.append(measured(signal))
        anywhere.append(measured(np.roll(signal, int(draws.integers(len(signal))))))
        for _ in range(cuts):
            piece, heard = cut(signal, draws)
            (audible if heard else inaudible).append(measured(piece))
    return summary(np.array(downbeat), np.array(anywhere), np.array(audible), np.array(inaudible))


def table(rows: Rows) -> Table:
    """Return all figures of the calibration."""
    return flat({key: rows[key] for key in rows}, BAR)


def main() -> None:
    """Read the command line; measure and keep the figures."""
    options = parser(__doc__)
    options.add_argument("--loops", type=int, default=200)
    options.add_argument("--cuts", type=int, default=3, help="cuts of each loop")
    options.add_argument("--assets", type=Path, default=None)
    add_rows(options, "seam")
    chosen = options.parse_args()
    rows, assets = open_rows(chosen), Assets(chosen.assets) if chosen.assets else None
    rows.put(f"{chosen.loops} loops, {chosen.cuts} cuts each", calibrated(chosen.loops, chosen.cuts, assets))
    print(table(rows).markdown())
