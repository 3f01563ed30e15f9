"""The page's head: the prompt, what was made, and the scores in large figures."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes

from engine.events import Scores
from engine.metrics.seam import CLEAN
from engine.metrics.verdict import Grade, Verdict
from engine.request import LoopRequest

from .style import HEARD, INK, SOFT, TARGET, WRONG


class Tile(NamedTuple):
    """One score as it is shown: a figure, what it is, and whether it is good."""

    figure: str
    name: str
    good: bool


LARGE, SMALL = 23, 16  # points, of the title
LETTERS_A_LINE = 52  # large ones, over the whole width
LETTERS_OF_FACTS = 140  # of a line below the title
TILE_WIDTH = 0.118  # of the whole width
MAX_TILES = 4  # more would push the title off its own page

VERDICT_INCHES = 0.3  # a line
_GRADE_COLOURS = {Grade.GOOD: HEARD, Grade.NEAR: TARGET, Grade.MISS: WRONG}

# Score, words, format, limit of what is shown as good (the papers' own figures), and whether more is better.
_WANTED = (
    ("intensity_mse", "dB² off the curve", ".2f", 3.3, False),
    ("intensity_rho", "ρ with its shape", ".3f", 0.94, True),
    ("melody_accuracy", "melody in tune", ".0%", 0.8, True),
    ("rhythm_f1", "hits on the beat", ".0%", 0.7, True),
    ("chords_recognised", "chords heard", ".0%", 0.8, True),
    ("structure_mse", "off the structure", ".3f", 0.024, False),
    ("brightness_error_octaves", "octaves off", ".2f", 0.5, False),
    ("seam_ratio", f"seam, clean to {CLEAN:g}", ".2f", CLEAN, False),
)


def draw(axes: Axes, request: LoopRequest, scores: Scores, record: Mapping[str, object]) -> None:
    """Write the head over the whole width."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    tiles = tiles_of(scores)
    room = round(LETTERS_A_LINE * (1 - TILE_WIDTH * len(tiles)))
    prompt = request.prompt or "A loop"
    size = LARGE if width(prompt) <= room else SMALL
    line = title(prompt, int(room * LARGE / size))
    axes.text(0, 0.93, line, fontsize=size, color=INK, va="top", fontweight="semibold")
    below = layer_facts(record)
    axes.text(0, 0.26 if below else 0.2, facts(request), fontsize=11, color=SOFT, va="baseline")
    axes.text(0, 0.0, title(below, LETTERS_OF_FACTS), fontsize=11, color=SOFT, va="baseline")
    for place, tile in enumerate(reversed(tiles)):
        right = 1 - TILE_WIDTH * place
        axes.text(right, 0.93, tile.figure, fontsize=LARGE, color=INK if tile.good else WRONG, va="top", ha="right")
        axes.text(right, 0.2, tile.name, fontsize=10, color=SOFT, va="baseline", ha="right")
    axes.plot([0, 1], [-0.1, -0.1], color=TARGET, linewidth=1.2, clip_on=False)


def draw_verdicts(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    """Write a line for each control: how closely it was followed, and where it was missed."""
    axes.set_axis_off()
    axes.set_ylim(max(len(verdicts), 1), 0)
    for line, verdict in enumerate(verdicts):
        colour = _GRADE_COLOURS[verdict.grade]
        axes.plot([0.004], [line + 0.5], "o", color=colour, markersize=6, clip_on=False)
        axes.text(0.016, line + 0.5, verdict.sentence, fontsize=12, color=INK, va="center")
    axes.set_xlim(0, 1)


def title(prompt: str, room: int) -> str:
    """Return the prompt in one line that is at most `room` letters wide; Chinese and Japanese ones count twice."""
    line = " ".join(prompt.split())
    if width(line) <= room:
        return line
    while width(line) > room - 1:
        line = line[:-1]
    return line.rstrip(" ,") + "…"


def width(text: str) -> int:
    """Return how many letters wide a text is."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def facts(request: LoopRequest) -> str:
    """Return what was made in one line."""
    bars = f"{request.bars} bar" + ("s" if request.bars > 1 else "")
    words = (
        bars,
        str(request.meter),
        f"{float(request.tempo_bpm):g} BPM",
        request.key or "",
        f"seed {request.seed}",
        request.model,
        request.method,
    )
    return "  ·  ".join(word for word in words if word)


def layer_facts(record: Mapping[str, object]) -> str:
    """Return in one line which layers and chords a take has, and how closely chords were followed; empty for a mix."""
    names, muted, verdicts = (_items(record.get(name)) for name in ("layers", "muted", "verdicts"))
    if not names:
        return ""
    layers = ", ".join(f"({name})" if name in muted else str(name) for name in names)
    chords = str(record.get("chords") or "").removesuffix(" |")
    judged = [str(one["sentence"]) for one in verdicts if isinstance(one, dict) and "sentence" in one]
    verdict = next((one.removeprefix("chords: ").rstrip(".") for one in judged if one.startswith("chords:")), "")
    return "  ·  ".join(word for word in (layers, chords, verdict) if word)


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []


def tiles_of(scores: Scores) -> list[Tile]:
    """Return the scores worth a large figure: three of what was asked for and the seam; others are left out."""
    found = []
    for name, words, form, limit, high_is_good in _WANTED:
        value = scores.get(name)
        if value is not None:
            good = value >= limit if high_is_good else value <= limit
            found.append(Tile(format(value, form), words, good))
    return found if len(found) <= MAX_TILES else [*found[: MAX_TILES - 1], found[-1]]
