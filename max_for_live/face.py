"""Where everything sits on the face: whole pixels, 834 wide, 169 high as Live wants it.

Five columns, left to right as one works: what to make, how it moves, what it follows, its layers, where it goes.
"""

from dataclasses import dataclass
from typing import Literal

from .parameters import LAYERS

WIDTH = 834
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
    "The curve over the loop's bars, in dB, or in per cent for the brightness. Draw here with the mouse. Below: what "
    "the finished take reached."
)
PROMPT: Rect = (8, 21, 168, 40)
PROMPT_INFO = "What the loop should sound like, in words: genre, instruments, mood. Return takes it."
HINT: Rect = (8, 152, 168, 13)
# Put into the hint two seconds after loading, unless the script has spoken: a Live before 12.2 has no `v8`, and this
# sentence is all that works there.
HINT_WITHOUT_SCRIPT = "Ditto Live needs Live 12.2 or newer."

CONTROLS: dict[str, Rect] = {
    "bars": (8, 75, 32, 15),
    "key": (44, 75, 76, 15),
    "quality": (124, 75, 52, 15),
    "seed": (8, 104, 46, 15),
    "roll": (56, 104, 28, 15),
    "takes": (92, 104, 32, 15),
    "variation": (128, 104, 48, 15),
    "source": (184, 129, 256, 16),
    "learn": (184, 149, 48, 15),
    "redraw": (328, 149, 60, 15),
    "clear": (392, 149, 48, 15),
    "intensity": (448, 5, 56, 50),
    "intensity_strength": (524, 22, 48, 15),
    "melody_strength": (524, 58, 48, 15),
    "rhythm_strength": (524, 95, 48, 15),
    "drums": (536, 112, 36, 15),
    "warp": (520, 149, 52, 15),
    "generate": (718, 6, 70, 33),
    "stop": (792, 6, 34, 33),
    "listen": (772, 111, 54, 15),
    "land": (718, 149, 34, 15),
    "keep": (755, 149, 34, 15),
    "drop": (792, 149, 34, 15),
    **{
        key: rect
        for row, layer in enumerate(LAYERS)
        for key, rect in (
            (f"layer_{layer}", (586, 39 + 15 * row, 64, 14)),
            (f"mute_{layer}", (652, 39 + 15 * row, 20, 14)),
            (f"again_{layer}", (674, 39 + 15 * row, 32, 14)),
        )
    },
}

MENUS: tuple[Menu, ...] = (
    Menu("history", (104, 4, 72, 15), "History", "Prompts that you have used in this set."),
    Menu("audio", (8, 135, 82, 15), "Off", "An audio clip whose file the loop starts from, as the menu beside says."),
    Menu(
        "use", (94, 135, 82, 15), "Sounds like",
        "Take over the clip's sound, groove or form, continue it, keep its first bars and make the rest new, or make "
        "layers that fit under it: the bass, where no others are lit.",
    ),
    Menu(
        "drives", (236, 149, 88, 15), "Intensity",
        "What the curve moves: the intensity, the brightness, or how much intensity, melody or rhythm count.",
    ),
    Menu(
        "layers", (586, 21, 120, 15), "By the words",
        "What the loop is the sum of: layers that the words and the seed choose, one full mix, or those that are lit.",
    ),
    Menu("chords", (586, 149, 120, 15), "Off", "A MIDI clip whose chords the loop plays."),
    Menu("melody", (450, 75, 122, 15), "Off", "A MIDI clip whose melody the loop follows."),
    Menu("rhythm", (450, 112, 82, 15), "Off", "A MIDI clip, such as drums, whose strokes the loop follows."),
    Menu("level", (450, 149, 66, 15), "As it is", "Takes the clip gain over from a clip on this track."),
    Menu("target", (718, 60, 108, 15), "This track", "The track that the take lands on."),
    Menu(
        "place", (718, 79, 108, 15), "Selected scene",
        "Selected scene or the next free one below, next free slot from the top, a new audio track, the Arrangement at "
        "the loop brace, the track's Simpler or its selected drum pad (Live 12.4), or stems, each on a track of its "
        "own. Nothing is ever overwritten.",
    ),
    Menu("take", (718, 130, 108, 15), "No takes yet", "The finished takes, newest first."),
)  # fmt: skip

LABELS: tuple[Label, ...] = (
    Label("Prompt", (8, 5, 90, 14), strong=True),
    Label("Bars", (8, 61, 32, 13)),
    Label("Key", (44, 61, 76, 13)),
    Label("Quality", (124, 61, 52, 13)),
    Label("Seed", (8, 90, 76, 13)),
    Label("Make", (92, 90, 34, 13)),
    Label("Vary", (128, 90, 48, 13)),
    Label("Audio clip", (8, 120, 168, 14), strong=True),
    Label("Strength", (524, 8, 48, 13), align=1),
    Label("Melody", (450, 59, 38, 14), strong=True),
    Label("Strength", (488, 59, 34, 13), align=2),
    Label("Rhythm", (450, 96, 38, 14), strong=True),
    Label("Strength", (488, 96, 34, 13), align=2),
    Label("Level like", (450, 133, 66, 14), strong=True),
    Label("Warp", (520, 133, 52, 14), strong=True),
    Label("Layers", (586, 5, 120, 14), strong=True),
    Label("Chords", (586, 133, 120, 14), strong=True),
    Label("Lands in", (718, 45, 108, 14), strong=True),
    Label("Takes", (718, 112, 50, 14), strong=True),
)

DIVIDERS: tuple[Rect, ...] = ((444, 6, 1, 158), (578, 6, 1, 158), (712, 6, 1, 158))
