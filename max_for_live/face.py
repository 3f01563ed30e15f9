"""Where everything sits on the face: whole pixels, 700 wide, 169 high as Live wants it.

Four columns, left to right as one works: what to make, how it moves, what it follows, where it goes.
"""

from dataclasses import dataclass
from typing import Literal

WIDTH = 700
HEIGHT = 169

Rect = tuple[int, int, int, int]  # x, y, width, height


@dataclass(frozen=True, slots=True)
class Label:
    """A word above a control (`strong`: of a section)."""

    text: str
    rect: Rect
    strong: bool = False
    align: Literal[0, 1, 2] = 0  # left, centre, right


@dataclass(frozen=True, slots=True)
class Menu:
    """A menu whose items the script fills; `first` is what it shows before that."""

    key: str
    rect: Rect
    first: str
    info: str


DISPLAY: Rect = (184, 6, 256, 118)
DISPLAY_INFO = (
    "The intensity over the loop's bars. With Draw as the source, draw the curve here. Below: what the finished take "
    "reached."
)
PROMPT: Rect = (8, 22, 168, 46)
PROMPT_INFO = "What the loop should sound like, in words: genre, instruments, mood. Return takes it."
HINT: Rect = (8, 140, 168, 24)
# Shown as long as no script answers: a Live before 12.2 has no `v8`, and this sentence is all that works there.
HINT_WITHOUT_SCRIPT = "Ditto Live needs Live 12.2 or newer."

CONTROLS: dict[str, Rect] = {
    "bars": (8, 85, 32, 15),
    "key": (44, 85, 76, 15),
    "quality": (124, 85, 52, 15),
    "seed": (8, 118, 46, 15),
    "roll": (56, 118, 28, 15),
    "takes": (92, 118, 30, 15),
    "variation": (128, 118, 48, 15),
    "source": (184, 129, 256, 16),
    "learn": (184, 149, 88, 15),
    "redraw": (276, 149, 88, 15),
    "clear": (368, 149, 72, 15),
    "intensity": (448, 5, 56, 50),
    "intensity_strength": (524, 22, 48, 15),
    "melody_strength": (524, 58, 48, 15),
    "rhythm_strength": (524, 95, 48, 15),
    "generate": (584, 6, 72, 33),
    "stop": (660, 6, 34, 33),
    "warp": (642, 79, 52, 15),
    "land": (584, 149, 34, 15),
    "keep": (622, 149, 34, 15),
    "drop": (660, 149, 34, 15),
}

MENUS: tuple[Menu, ...] = (
    Menu("history", (104, 4, 72, 15), "History", "Prompts that you have used in this set."),
    Menu("melody", (450, 75, 122, 15), "Off", "A MIDI clip whose melody the loop follows."),
    Menu("rhythm", (450, 112, 122, 15), "Off", "A MIDI clip, such as drums, whose strokes the loop follows."),
    Menu("level", (450, 149, 122, 15), "As rendered", "Takes the clip gain over from a clip on this track."),
    Menu("target", (584, 60, 110, 15), "This track", "The audio track that the clip lands on."),
    Menu(
        "place", (584, 79, 54, 15), "Next slot",
        "Next empty slot, the Arrangement at the loop brace, or the Simpler on the track (Live 12.4 or newer).",
    ),
    Menu("take", (584, 128, 110, 15), "No takes yet", "The finished takes, newest first."),
)  # fmt: skip

LABELS: tuple[Label, ...] = (
    Label("Prompt", (8, 5, 90, 14), strong=True),
    Label("Bars", (8, 71, 32, 13)),
    Label("Key", (44, 71, 76, 13)),
    Label("Quality", (124, 71, 52, 13)),
    Label("Seed", (8, 104, 76, 13)),
    Label("Takes", (92, 104, 34, 13)),
    Label("Vary", (128, 104, 48, 13)),
    Label("Strength", (524, 8, 48, 13)),
    Label("Melody", (450, 59, 70, 14), strong=True),
    Label("Rhythm", (450, 96, 70, 14), strong=True),
    Label("Level like", (450, 133, 122, 14), strong=True),
    Label("Lands in", (584, 45, 110, 14), strong=True),
    Label("Takes", (584, 113, 110, 14), strong=True),
)

DIVIDERS: tuple[Rect, ...] = ((445, 6, 1, 158), (578, 6, 1, 158))
