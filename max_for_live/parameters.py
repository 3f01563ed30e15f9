"""Every control of the device, once: Long Name, range, unit, how Live keeps it, and its info text.

Live finds a saved or automated value by the Long Name: **never rename one** (tests hold a golden list).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
LAYERS = ("drums", "percussion", "bass", "chords", "lead", "texture")  # as a request names them
KEYS = ("Set's scale", "Free", *(f"{note} {mode}" for note in NOTE_NAMES for mode in ("major", "minor")))


class Kept(IntEnum):
    """What Live does with a value (`parameter_invisible`)."""

    AUTOMATED = 0
    STORED = 1
    HIDDEN = 2  # never in the undo history: buttons and what the device itself moves


class Modulation(IntEnum):
    """How an LFO or a clip envelope may move a value beside its automation (`parameter_modmode`)."""

    NONE = 0
    BIPOLAR = 2
    ABSOLUTE = 4


class Unit(IntEnum):
    """How Live shows a value (`parameter_unitstyle`)."""

    WHOLE = 0
    DECIBEL = 4
    PERCENT = 5


Widget = Literal["live.dial", "live.numbox", "live.menu", "live.tab", "live.text"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A `live.*` control; `key` is the message by which it reaches the script."""

    key: str
    widget: Widget
    long_name: str
    short_name: str
    info: str
    kept: Kept = Kept.AUTOMATED
    low: float = 0
    high: float = 1
    initial: float = 0
    unit: Unit = Unit.WHOLE
    choices: tuple[str, ...] = ()  # of a menu, a tab or a toggle
    button: bool = False  # acts when pressed and has no value
    label: str = ""  # on a button or toggle, where its choices are not

    @property
    def whole(self) -> bool:
        """Whether Live can keep it as a whole number, which it does up to 255."""
        return self.unit is not Unit.DECIBEL and self.high <= 255

    @property
    def modulation(self) -> Modulation:
        """The mode that Ableton's guidelines ask for; what Live neither automates nor keeps has none."""
        if self.button or self.kept is not Kept.AUTOMATED:
            return Modulation.NONE
        return Modulation.ABSOLUTE if self.choices or self.whole else Modulation.BIPOLAR


def _button(
    key: str, long_name: str, short_name: str, info: str, kept: Kept = Kept.HIDDEN, *, label: str = ""
) -> Parameter:
    """A button: in a lane or on a controller it reads Off and its short name; `label` where it reads otherwise."""
    choices = ("Off", short_name)
    return Parameter(
        key, "live.text", long_name, short_name, info, kept, choices=choices, button=True, label=label or short_name
    )


def _strength(control: str, long_name: str, what: str) -> Parameter:
    return Parameter(
        f"{control}_strength", "live.numbox", long_name, "Strength",
        f"How much {what} counts against the others. 100 % is normal; at 0 % it is left out.",
        high=200, initial=100, unit=Unit.PERCENT,
    )  # fmt: skip


def _layer(layer: str) -> tuple[Parameter, Parameter, Parameter]:
    """What the face has of one layer: whether the loop has it, whether it is mute, and a button that makes it anew."""
    name = layer.capitalize()
    return (
        Parameter(
            f"layer_{layer}", "live.text", f"Layer {name}", name,
            f"Lit: the loop has a layer of {layer}. That counts where Layers says As lit.",
            choices=("Off", "On"), label=name,
        ),
        Parameter(
            f"mute_{layer}", "live.text", f"Mute {name}", f"M {name}",
            f"Leaves the {layer} out of the mix. The other layers still hear and fit them.",
            choices=("Heard", "Mute"), label="M",
        ),
        _button(
            f"again_{layer}", f"Again {name}", f"A {name}",
            f"Makes the {layer} of the last take anew; all other layers stay as they are.", label="Again",
        ),
    )  # fmt: skip


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "intensity", "live.dial", "Intensity", "Intensity",
        "How loud and dense the loop is, in dB. Automate it, then press Learn, or choose Saved set, below the display, "
        "and the loop follows the lane.",
        low=-40, high=-10, initial=-20, unit=Unit.DECIBEL,
    ),
    _strength("intensity", "Intensity Strength", "the intensity curve"),
    _strength("melody", "Melody Strength", "the melody clip"),
    _strength("rhythm", "Rhythm Strength", "the rhythm clip"),
    Parameter(
        "variation", "live.numbox", "Variation", "Vary",
        "How far a redraw may move away from the last take. 0 % keeps all but what you changed.",
        high=100, initial=30, unit=Unit.PERCENT,
    ),
    Parameter(
        "bars", "live.numbox", "Bars", "Bars", "Length of the loop in bars of the set.", low=1, high=16, initial=4
    ),
    Parameter(
        "key", "live.menu", "Key", "Key",
        "Key of the loop. Set's scale follows the scale chosen in Live's control bar.",
        choices=KEYS,
    ),
    Parameter(
        "quality", "live.menu", "Quality", "Quality", "Draft is quickest; Best takes several times as long.",
        initial=1, choices=("Draft", "Normal", "Best"),
    ),
    Parameter(
        "seed", "live.numbox", "Seed", "Seed", "The same seed, prompt and settings make the same loop again.",
        high=99_999, initial=1,
    ),
    Parameter(
        "takes", "live.numbox", "Takes", "Takes", "How many takes to make, best first.", low=1, high=8, initial=1
    ),
    Parameter(
        "source", "live.tab", "Intensity Source", "Source",
        "Where the intensity comes from: the dial as it stands, a lane that was learned, the lane in the saved set, "
        "the velocities of the melody clip, or what you draw in the display.",
        choices=("Dial", "Learned", "Saved set", "Velocity", "Draw"),
    ),
    Parameter(
        "warp", "live.menu", "Warp Mode", "Warp", "Warp mode of the new clip. Loops are made at the set's tempo.",
        choices=("Beats", "Re-Pitch", "Complex"),
    ),
    Parameter(
        "learn", "live.text", "Learn Pass", "Learn",
        "Learns the automation of the parameter that you clicked last, in any device: at once while Live is stopped, "
        "else while the loop region plays once.",
        kept=Kept.HIDDEN, choices=("Learn", "Listening"),
    ),
    Parameter(
        "redraw", "live.text", "Redraw", "Redraw",
        "While on, an edit of the curve makes a new take by itself, at most one in each pass of the loop. Map a pedal "
        "to it.",
        choices=("Redraw", "Redraw on"),
    ),
    Parameter(
        "listen", "live.text", "Listen", "Listen",
        "Plays the chosen take, or the loop while it is made, in time with Live and before it lands.",
        kept=Kept.HIDDEN, choices=("Listen", "Listening"),
    ),
    Parameter(
        "drums", "live.text", "Rhythm by Drum", "Drums",
        "Tells kick, snare, hat and toms of a clip on a Drum Rack apart by their pitch. Off: all strokes are alike.",
        initial=1, choices=("All alike", "By drum"), label="Drums",
    ),
    _button(
        "generate", "Generate", "Generate",
        "Makes the loop and puts it into a clip. Map a key or a pad to it.", Kept.AUTOMATED,
    ),
    _button("stop", "Stop", "Stop", "Stops the work. The best take so far is kept.", Kept.AUTOMATED),
    _button("roll", "Roll Seed", "Roll", "Chooses another seed."),
    _button("clear", "Clear Lane", "Clear", "Forgets the learned lane or the drawing."),
    _button("land", "Land Take", "Land", "Puts the chosen take where Lands in says.", Kept.AUTOMATED),
    _button(
        "keep", "Keep Take", "Keep", "Marks the chosen take as a favourite; Redraw never replaces it.", Kept.AUTOMATED
    ),
    _button("drop", "Drop Take", "Drop", "Removes the clip of the chosen take. The file stays in the takes folder."),
    *(row for layer in LAYERS for row in _layer(layer)),
)  # fmt: skip

KEPT_STATE = "Ditto State"  # the stored-only value behind prompt, history, picks and takes
KEPT_DRAWING = "Ditto Drawing"  # the same for the drawing, as numbers


@dataclass(frozen=True, slots=True)
class Bank:
    """What Push shows at once: eight encoders and the eight buttons over them."""

    name: str
    encoders: tuple[str, ...]
    buttons: tuple[str, ...]


PUSH_BANKS: tuple[Bank, ...] = (
    Bank(
        "Loop",
        ("Intensity", "Intensity Strength", "Melody Strength", "Rhythm Strength", "Variation", "Bars", "Takes", "Seed"),
        ("Generate", "Stop", "Land Take", "Keep Take", "Redraw", "-", "-", "-"),
    ),
    Bank(
        "Make",
        ("Key", "Quality", "Intensity Source", "Warp Mode", "-", "-", "-", "-"),
        ("Generate", "Stop", "Land Take", "Keep Take", "Redraw", "Rhythm by Drum", "-", "-"),
    ),
    Bank(
        "Layers",
        ("Intensity", "Intensity Strength", "Melody Strength", "Rhythm Strength", "Variation", "Bars", "Takes", "Seed"),
        ("Generate", "Redraw", *(f"Mute {layer.capitalize()}" for layer in LAYERS)),
    ),
)  # fmt: skip


def defaults() -> dict[str, float]:
    """What the script assumes until a control has spoken; buttons have no value."""
    return {row.key: row.initial for row in PARAMETERS if not row.button}


def ranges() -> dict[str, list[float]]:
    """Lowest and highest value of what has a range."""
    return {row.key: [row.low, row.high] for row in PARAMETERS if not row.choices}
