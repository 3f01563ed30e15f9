"""The panels, each a function that draws into its axes. Orange is the target, teal is measured."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from engine.audio.reading import Samples
from engine.curves import FLOOR_DB, frequency_octaves, level_db
from engine.events import Scores
from engine.metrics import Panel
from engine.metrics.framing import Signal, smoothed
from engine.metrics.intensity import level_curve
from engine.metrics.seam import CLEAN
from engine.request import Control, Curve, LoopRequest, Notes, Onsets

from . import measure
from .record import Record
from .style import CONTROL_COLOURS, FAINT, HEARD, INK, NOTES, SOFT, SPECTRUM, TARGET, WRONG, titled

CURVE_FRAMES = 600  # of a drawn target
DASHED = (0, (4, 2.5))
WRAP_SECONDS = 0.012  # magnified: one swing of 40 Hz either side
RANGE_DB = 75.0  # from the loudest band down to black


class Measured:
    """A written loop and its request; what several panels need is measured once."""

    def __init__(self, audio: Samples, sample_rate: int, request: LoopRequest, record: Record) -> None:
        self.audio = audio
        self.sample_rate = sample_rate
        self.request = request
        self.record = record
        self.beats = request.beats

    @cached_property
    def mono(self) -> Signal:
        """The mean of the channels."""
        return np.asarray(self.audio.mean(0, dtype=np.float64))

    def control_in(self, panel: Panel) -> Control | None:
        """Return the request's first control that this panel shows."""
        return self.record.shown_in(panel, self.request)


def spectrogram(axes: Axes, measured: Measured) -> None:
    """Draw what sounds, low notes below; the brightness asked for and the hits over it."""
    picture = measure.spectrogram(measured.mono, measured.sample_rate, circular=measured.request.loop)
    top = float(np.percentile(picture.values, 99.9))
    edges = np.append(picture.rows, picture.rows[-1] * picture.rows[-1] / picture.rows[-2])
    axes.pcolormesh(
        _edges(measured, picture.values.shape[1]), edges, picture.values,
        cmap=SPECTRUM, vmin=top - RANGE_DB, vmax=top, rasterized=True,
    )  # fmt: skip
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator([50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda hz, _: f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz:g} Hz"))
    axes.yaxis.set_minor_locator(NullLocator())
    notes = []
    brightness, rhythm = measured.control_in(Panel.CENTROID), measured.control_in(Panel.HITS)
    if brightness is not None and isinstance(brightness.target, Curve):
        octaves = frequency_octaves(brightness.target, measured.beats, CURVE_FRAMES)
        axes.plot(
            measure.beats_of(CURVE_FRAMES, measured.beats),
            2**octaves,
            color=TARGET,
            linewidth=1.8,
            linestyle=DASHED,
        )
        notes.append(f"dashed: the {brightness.kind} asked for")
    if rhythm is not None and isinstance(rhythm.target, Onsets):
        beats = [float(onset.beat) for onset in rhythm.target.onsets]
        axes.plot(beats, np.full(len(beats), 1.012), "v", color=TARGET, markersize=5, clip_on=False,
                  transform=axes.get_xaxis_transform())  # fmt: skip
        notes.append("triangles: the hits asked for")
    titled(axes, "What sounds", ", ".join(notes))
    _bars(axes, measured, over_picture=True)
    axes.set_ylim(measure.LOWEST_HZ, edges[-1])


def intensity(axes: Axes, measured: Measured) -> None:
    """Draw the level of the file, and the curve that was asked for."""
    circular = measured.request.loop
    level = level_curve(measured.audio, measured.sample_rate, circular=circular)
    beats = np.append(measure.beats_of(len(level), measured.beats), float(measured.beats))
    closed = np.append(level, level[0] if circular else level[-1])
    control = measured.control_in(Panel.LEVEL)
    lowest = float(closed.min())
    if control is not None and isinstance(control.target, Curve):
        wanted = level_db(control.target, measured.beats, len(level))
        target = smoothed(wanted, len(level) / measured.request.seconds, circular=circular)
        lowest = min(lowest, float(target.min()))
        axes.plot(
            beats,
            np.append(target, target[0] if circular else target[-1]),
            color=TARGET,
            linewidth=2.2,
            zorder=4,
        )
        _breakpoints(axes, control.target)
    axes.plot(beats, closed, color=HEARD, linewidth=2.2, zorder=3)
    floor = max(lowest - 6, FLOOR_DB - 3)
    axes.fill_between(beats, closed, floor, color=HEARD, alpha=0.16, linewidth=0)
    axes.set_ylim(floor, None)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 3, 5, 6, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda db, _: f"{db:g} dB".replace("-", "−")))
    titled(axes, _named(control, "Intensity"), "orange: asked for    teal: in the file" if control else "")
    _bars(axes, measured)


def _breakpoints(axes: Axes, curve: Curve) -> None:
    """Mark the breakpoints where they are few and in the axes' own unit."""
    if curve.unit == "db" and len(curve.points) <= 32:
        at = [float(point.beat) for point in curve.points]
        values = [max(point.value, FLOOR_DB) for point in curve.points]
        axes.plot(at, values, "o", color=TARGET, markersize=4.5, zorder=5, clip_on=False)


def melody(axes: Axes, measured: Measured) -> None:
    """Draw the energy of each pitch class, and the notes that were asked for as frames."""
    picture = measure.chroma(measured.mono, measured.sample_rate, circular=measured.request.loop)
    axes.pcolormesh(
        _edges(measured, picture.values.shape[1]), np.arange(13) - 0.5, picture.values**0.7,
        cmap=NOTES, vmin=0, vmax=1, rasterized=True,
    )  # fmt: skip
    control = measured.control_in(Panel.PITCH_CLASSES)
    if control is not None and isinstance(control.target, Notes):
        for note in control.target.notes:
            _note(axes, float(note.start), float(note.duration), note.pitch % 12)
    axes.set_ylim(-0.5, 11.5)
    axes.set_yticks(range(12), measured.record.note_names)
    titled(axes, _named(control, "Melody"), "orange: asked for    teal: in the file" if control else "")
    _bars(axes, measured, over_picture=True)


def _named(control: Control | None, usual: str) -> str:
    return usual if control is None else control.kind.capitalize()


def _note(axes: Axes, start: float, length: float, row: int) -> None:
    gap = min(0.03, 0.1 * length)
    box = FancyBboxPatch(
        (start + gap, row - 0.42), max(length - 2 * gap, 0.02), 0.84,
        boxstyle="round,pad=0,rounding_size=0.06", mutation_aspect=3,
        facecolor="none", edgecolor=TARGET, linewidth=1.7, zorder=4,
    )  # fmt: skip
    axes.add_patch(box)


def losses(axes: Axes, curves: Mapping[str, Sequence[float | None]]) -> None:
    """Draw how the loss of each control fell."""
    steps = max(map(len, curves.values()), default=0)
    titled(axes, "The search", f"{steps} steps" if steps else "")
    if not steps:
        _instead(axes, "Nothing was searched for:\nthe noise is as the seed gave it.")
        return
    for place, (name, values) in enumerate(curves.items()):
        colour = CONTROL_COLOURS[place % len(CONTROL_COLOURS)]
        fallen = np.maximum(np.array(values, dtype=np.float64), 1e-6)
        axes.plot(range(1, len(values) + 1), fallen, color=colour, linewidth=2, label=name)
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlim(1, max(steps, 2))
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.legend(frameon=False, fontsize=9.5, labelcolor="linecolor", handlelength=0, loc="upper right")
    axes.set_xlabel("step", fontsize=9)


def two_passes(axes: Axes, measured: Measured) -> None:
    """Draw the loop twice in a row, so that the eye can look for the wrap."""
    low, high = measure.outline(measured.mono, 420)
    beats = np.linspace(0, 2 * float(measured.beats), 840, endpoint=False)
    axes.fill_between(beats, np.tile(low, 2), np.tile(high, 2), color=HEARD, linewidth=0)
    peak = max(float(np.abs(measured.mono).max()), 1e-3) * 1.08
    axes.axvline(float(measured.beats), color=TARGET, linewidth=1.6)
    axes.set_ylim(-peak, peak)
    axes.set_xlim(0, 2 * float(measured.beats))
    axes.set_yticks([])
    axes.set_xticks([float(measured.beats) * turn for turn in (0.5, 1.5)], ["first time", "second time"])
    titled(axes, "Twice the loop")


def wrap(axes: Axes, measured: Measured, scores: Scores) -> None:
    """Draw the samples on both sides of the wrap."""
    times, samples = measure.around_the_wrap(measured.audio, measured.sample_rate, WRAP_SECONDS)
    for channel, colour in zip(samples, (HEARD, INK), strict=False):
        axes.plot(times, channel, color=colour, linewidth=1.5, alpha=0.95 if colour == HEARD else 0.6)
    axes.axvline(0, color=TARGET, linewidth=1.6)
    axes.axhline(0, color=FAINT, linewidth=0.8, zorder=0)
    peak = max(float(np.abs(samples).max()), 1e-3) * 1.15
    axes.set_ylim(-peak, peak)
    axes.set_xlim(times[0], times[-1])
    axes.set_yticks([])
    axes.xaxis.set_major_locator(FixedLocator([-10, -5, 0, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda ms, _: "wrap" if ms == 0 else f"{ms:+g} ms".replace("-", "−")))
    ratio = scores.get("seam_ratio")
    titled(axes, "The seam", "" if ratio is None else f"{ratio:.2f}, {'clean' if ratio <= CLEAN else 'can be heard'}")
    if ratio is not None and ratio > 1:
        axes.title.set_color(WRONG)


def _instead(axes: Axes, text: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        0.5,
        0.5,
        text,
        color=SOFT,
        ha="center",
        va="center",
        transform=axes.transAxes,
        fontsize=11,
        linespacing=1.6,
    )


def _edges(measured: Measured, frames: int) -> Signal:
    """Return the beats between which each frame is painted; a frame stands for the time around its centre."""
    return (np.arange(frames + 1) - 0.5) * float(measured.beats) / frames


def _bars(axes: Axes, measured: Measured, *, over_picture: bool = False) -> None:
    """Rule a line at each bar and number the bars in their middle or, if they are many, some of them."""
    bar = float(measured.request.meter.beats_per_bar)
    bars = measured.request.bars
    for number in range(1, bars):
        axes.axvline(
            number * bar,
            color=INK if over_picture else FAINT,
            linewidth=0.7,
            alpha=0.28 if over_picture else 1,
        )
    every = 1 if bars <= 8 else 2
    numbers = range(0, bars, every)
    axes.set_xticks([number * bar for number in numbers], [f"bar {number + 1}" for number in numbers], ha="left")
    axes.set_xlim(0, float(measured.beats))
