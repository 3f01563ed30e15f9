"""The page: a head with the scores, then time from left to right, then the search and the seam."""

import logging
import warnings
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from engine.audio.wav import read_audio
from engine.events import Scores
from engine.files import publish
from engine.request import LoopRequest

from . import head, panels, style
from .record import Record

WIDTH_INCHES, HEIGHT_INCHES, DOTS_PER_INCH = 13.0, 15.2, 130


def write_report(path: Path, wav: Path, request: LoopRequest, scores: Scores, record: Mapping[str, object]) -> None:
    """Draw the page about `wav` as a PNG at `path`.

    Of the take's `record` come the losses of each control, the verdicts, which panel shows which control, and the
    layers and chords. Raises `BadInputError` where the loop cannot be read or the page cannot be written.
    """
    audio, sample_rate = read_audio(wav)
    measured = panels.Measured(audio, sample_rate, request, Record.of(record))
    installed = {font.name for font in fontManager.ttflist}
    look = style.SETTINGS | {"font.family": [font for font in style.FONTS if font in installed]}
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with matplotlib.rc_context(look), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a script that no font here has becomes boxes
        publish(path, _png(_page(measured, scores, record)), overwrite=True)


def _page(measured: "panels.Measured", scores: Scores, record: Mapping[str, object]) -> Figure:
    verdicts = measured.record.verdicts
    said_inches = head.VERDICT_INCHES * len(verdicts)
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES + said_inches), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        3, 1, height_ratios=[1.15, max(said_inches, 0.01), 14],
        hspace=0.09, left=0.062, right=0.972, top=0.972, bottom=0.042,
    )  # fmt: skip
    head.draw(figure.add_subplot(grid[0]), measured.request, scores, record)
    head.draw_verdicts(figure.add_subplot(grid[1]), verdicts)
    rows = grid[2].subgridspec(4, 1, height_ratios=[4.3, 2.7, 3.2, 2.9], hspace=0.34)
    panels.spectrogram(figure.add_subplot(rows[0]), measured)
    panels.intensity(figure.add_subplot(rows[1]), measured)
    panels.melody(figure.add_subplot(rows[2]), measured)
    below = rows[3].subgridspec(1, 3, wspace=0.17)
    panels.losses(figure.add_subplot(below[0]), measured.record.loss_curves)
    panels.two_passes(figure.add_subplot(below[1]), measured)
    panels.wrap(figure.add_subplot(below[2]), measured, scores)
    return figure


def _png(figure: Figure) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
