"""The page: a head with the scores, then time from left to right, then the search and the seam."""

import logging
import warnings
from collections.abc import Mapping, Sequence
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

WIDTH_INCHES, HEIGHT_INCHES, DOTS_PER_INCH = 13.0, 15.2, 130


def write_report(
    path: Path,
    wav: Path,
    request: LoopRequest,
    scores: Scores,
    losses: Mapping[str, Sequence[float]],
    record: Mapping[str, object] | None = None,
) -> None:
    """Draw the page about `wav` as a PNG at `path`.

    `losses` are those of each control, step by step; the `record` of the take tells its layers and chords. Raises
    `BadInputError` where the loop cannot be read or the page cannot be written.
    """
    audio, sample_rate = read_audio(wav)
    heard = panels.Heard(audio, sample_rate, request)
    installed = {font.name for font in fontManager.ttflist}
    look = style.SETTINGS | {"font.family": [font for font in style.FONTS if font in installed]}
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    with matplotlib.rc_context(look), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a script that no font here has becomes boxes
        publish(path, _png(_page(heard, scores, losses, record or {})), overwrite=True)


def _page(
    heard: "panels.Heard", scores: Scores, losses: Mapping[str, Sequence[float]], record: Mapping[str, object]
) -> Figure:
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DOTS_PER_INCH)
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(
        2, 1, height_ratios=[1.15, 14], hspace=0.09, left=0.062, right=0.972, top=0.972, bottom=0.042
    )
    head.draw(figure.add_subplot(grid[0]), heard.request, scores, record)
    rows = grid[1].subgridspec(4, 1, height_ratios=[4.3, 2.7, 3.2, 2.9], hspace=0.34)
    panels.spectrogram(figure.add_subplot(rows[0]), heard)
    panels.intensity(figure.add_subplot(rows[1]), heard)
    panels.melody(figure.add_subplot(rows[2]), heard)
    below = rows[3].subgridspec(1, 3, wspace=0.17)
    panels.losses(figure.add_subplot(below[0]), losses)
    panels.two_passes(figure.add_subplot(below[1]), heard)
    panels.wrap(figure.add_subplot(below[2]), heard, scores)
    return figure


def _png(figure: Figure) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
