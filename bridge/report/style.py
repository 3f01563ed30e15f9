"""How the page looks: one dark palette, one type face, hairlines instead of boxes."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

INK = "#f2efe9"
SOFT = "#a3a7b3"
FAINT = "#343946"
PAGE = "#12141a"
PANEL = "#181b23"
TARGET = "#ffb454"  # what was asked for, everywhere
HEARD = "#4fc3c7"  # what the file holds, everywhere
WRONG = "#ff6b6b"
CONTROL_COLOURS = ("#ffb454", "#4fc3c7", "#c792ea", "#82d173", "#ff7a90", "#7aa2f7")

SPECTRUM = LinearSegmentedColormap.from_list(
    "ditto", [PANEL, "#1d2b42", "#1f5a73", "#2f9a9d", "#9ad39b", "#ffd98a", "#fff6e0"]
)
NOTES = LinearSegmentedColormap.from_list("ditto notes", [PANEL, "#1c3440", "#2a7f86", HEARD])

# Whatever is installed of these; the last one comes with matplotlib. The middle row writes other scripts.
FONTS = [
    "Inter", "Helvetica Neue", "Segoe UI", "Liberation Sans", "Arial", "DejaVu Sans",
    "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "Noto Sans",
]  # fmt: skip

SETTINGS: dict[str, Any] = {
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a prompt may hold dollar signs
    "axes.facecolor": PANEL,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "figure.facecolor": PAGE,
    "savefig.facecolor": PAGE,
    "lines.solid_capstyle": "round",
}


def titled(axes: Axes, title: str, note: str = "") -> None:
    """Put a panel's title above its left edge, and a quiet note beyond its right."""
    axes.set_title(title, loc="left", fontsize=12, color=INK, pad=9, fontweight="medium")
    if note:
        axes.set_title(note, loc="right", fontsize=9.5, color=SOFT, pad=9)
