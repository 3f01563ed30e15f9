"""Every field of a request, once: options of the command line, settings of OSC, the reader and the docs use this table.

A request is asked for as settings, text by name (`{"prompt": "dub", "bars": "4"}`), whoever asks. A field that is
not given, or is empty, is left open: its default counts, or a reader that knows better (the prompt, a take, a melody).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from engine.request import LAYERS, MAX_BARS, MAX_COUNT, Method, Quality
from engine.service.messages import Priority
from midi.tempo import Meter

MUSIC, STEER, MAKE = "The music", "What it follows", "How it is made"


class Frontend(StrEnum):
    """A way in; sentences call a field by the name that it has there."""

    COMMAND_LINE = "command line"
    OSC = "osc"
    PYTHON = "python"


class IntensitySource(StrEnum):
    """Where an intensity comes from that the device does not send as text."""

    CURVE = "curve"
    LANE = "lane"
    VELOCITIES = "velocities"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field: its name as a setting, the type that its text is read as, and what it means.

    `default` is the text that counts where the field is left open, `left_open` says in words what happens where there
    is no such text. `option` is its name on the command line, empty where there is none; `metavar` what it takes.
    `panel` is the heading under which help lists it, `repeats` says whether the option may be given several times,
    `is_osc` whether OSC has it, `names_file` whether the bridge opens files for it.
    """

    name: str
    kind: Any = str
    sentence: str
    example: str
    default: str = ""
    left_open: str = ""
    panel: str = MUSIC
    option: str = ""
    metavar: str | None = None
    repeats: bool = False
    is_osc: bool = True
    names_file: bool = False

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return f"--{self.option.rstrip('_').replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """The value where the field is left open, in words."""
        return self.default or self.left_open

    def called(self, frontend: Frontend) -> str:
        """Return the field's name as this way in has it."""
        return self.flag if frontend is Frontend.COMMAND_LINE and self.option else self.name


def _music(name: str, example: str, sentence: str, **more: Any) -> Field:
    return Field(name=name, example=example, sentence=sentence, **{"option": name, **more})


def _steer(name: str, example: str, sentence: str, **more: Any) -> Field:
    shared = {"option": name, "panel": STEER, "left_open": "free"}
    return Field(name=name, example=example, sentence=sentence, **{**shared, **more})


def _make(name: str, example: str, sentence: str, **more: Any) -> Field:
    return Field(name=name, example=example, sentence=sentence, **{"option": name, "panel": MAKE, **more})


_CURVE = (
    "beat:value pairs, FILE.json, or a lane of a Live set: SET.als#Track/Device/Parameter, from a bar on with @bar 33."
)

FIELDS: tuple[Field, ...] = (
    _music("prompt", "dusty boom bap, Rhodes", "What it should sound like, at most 2,000 characters."),
    _music("negative_prompt", "vocals", "What it should not sound like."),
    _music(
        "tempo_bpm", "133.37",
        "Quarter notes a minute, 20 to 999; else what the prompt says (90 bpm), else that of the song it follows.",
        kind=Fraction, default="120", option="tempo", metavar="BPM",
    ),
    _music("bars", "4", f"Length, 1 to {MAX_BARS} bars; else what the prompt says (8 bars).", kind=int, default="4"),
    _music(
        "time_signature", "7/8",
        "Such as 4/4, 6/8 or 7/8; else what the prompt says (in 3/4), else that of the song it follows.",
        kind=Meter, default="4/4", metavar="N/D",
    ),
    _music(
        "key", "F minor", "Such as F minor, C# dorian or Am; else what the prompt says, else the melody's.",
        left_open="the melody's, or the seed chooses",
    ),
    _music(
        "layers", "drums,bass", f"What the loop is the sum of: {', '.join(LAYERS)}; or mix, one sound of everything.",
        left_open="words and seed decide", metavar="NAMES", repeats=True,
    ),
    _music(
        "chords", "Am F | C G/B", "Letters, or Roman numerals with a key, bars apart by |, N.C. for none; or "
        "FILE.mid#Track or SET.als#Track that plays them.",
        left_open="the seed chooses", metavar="CHORDS", names_file=True,
    ),
    _music("loop", "1", "Let the end run into the start; 0 leaves both ends open.", kind=bool, default="1"),
    _steer("intensity", "0:-30 8:-9 16:-30", f"The level in dBFS RMS: {_CURVE}", metavar="CURVE", names_file=True),
    _steer("brightness", "0:400 16:4000", f"The spectral centroid in Hz: {_CURVE}", metavar="CURVE", names_file=True),
    _steer("melody", "tune.mid#Lead",
           "FILE.mid, FILE.mid#Track or FILE.mid#Track@bar 33; of chords the highest voice; rests are free.",
           metavar="MIDI", names_file=True),
    _steer("rhythm", "drums.mid", "FILE.mid or FILE.mid#Track with drums, or a recorded loop for its groove.",
           metavar="FILE", names_file=True),
    _steer("structure", "AABA", "A form in equal parts, or reference audio.", names_file=True),
    _steer("timbre", "sound.wav", "Reference audio to sound like.", metavar="AUDIO", names_file=True),
    _steer("inpaint", "loop.wav", "Audio of which the beats in keep are kept; the rest is made anew.",
           metavar="AUDIO", names_file=True),
    _steer("keep", "0:4,12:16", "Beats of the inpaint audio to keep; more ranges with commas.", metavar="FROM:TO",
           repeats=True),
    _steer("outpaint", "2", "Keep all of the inpaint audio and add so many bars.", kind=int, metavar="BARS"),
    _steer("with", "drums.wav", "A recording that the layers are made to fit; it is not in the loop.", option="with_",
           metavar="AUDIO", names_file=True),
    _steer("text", "warm and close", "A text of its own for the text control; its weight alone takes the prompt.",
           option=""),
    _steer("CONTROL.target", "bass-share.target 0.1", "What any other control follows.", option="control",
           metavar="NAME=VALUE", repeats=True, names_file=True),
    _steer("controls", "bass.py", "Python file that adds controls.", metavar="FILE.py", repeats=True, is_osc=False),
    _steer("CONTROL.weight", "melody.weight 2", "How much a control counts, above 0 up to 1,000; or beat:weight pairs, "
           "such as 0:1 8:0.2.", default="1", kind=float, option="weight", metavar="NAME=2", repeats=True),
    _steer("CONTROL.within", "intensity.within 8:16", "Beats within which a control holds.", option="only",
           metavar="NAME=FROM:TO", repeats=True, left_open="the whole loop"),
    _steer("CONTROL.on", "melody.on lead", "Layers that a control hears and moves.", option="on",
           metavar="NAME=LAYERS", repeats=True, left_open="a melody's lead, a rhythm's drums, else all"),
    _steer("CONTROL.low", "intensity.low -36", "What 0 means in a curve of unit `unit`, in the control's own unit.",
           kind=float, option="", default="-36"),
    _steer("CONTROL.high", "intensity.high -14", "What 1 means in a curve of unit `unit`, in the control's own unit.",
           kind=float, option="", default="-14"),
    _steer("intensity_source", "lane",
           "curve (as sent), lane, velocities (of the melody's notes) or none.",
           kind=IntensitySource, option="", default=IntensitySource.CURVE.value),
    _steer("lane", "/Users/me/Song.als#1-Audio/Ditto Live/Intensity",
           "With intensity_source lane: a saved set and the lane in it.", option="", names_file=True),
    _steer("lane_beats", "16:32", "The lane's range in beats of the set; its start is the loop's start.", option="",
           left_open="from beat 0"),
    _make("seed", "9007199254740991", "Whole number below 2^53. The same seed is the same noise everywhere, and "
          "decides what the prompt leaves open.", kind=int, left_open="a new one, which the answer names"),
    _make("count", "4", f"How many takes, 1 to {MAX_COUNT}, the best first.", kind=int, default="1"),
    _make("from_take", "20260131-3f9a1c2b", "Start from a take: its file, its id, or latest of the takes folder. "
          "What is not given is as in that take, and listed; without a change it is the same loop.", metavar="TAKE",
          left_open="from the seed", names_file=True),
    _make("variation", "0.3", "How far to leave that take, 0 to 1; from 0.8 on the words are chosen anew, too.",
          kind=float, default="0"),
    _make("again", "bass", "Layers of that take that are made anew; the others stay as they are.", metavar="NAMES",
          repeats=True, left_open="none"),
    _make("mute", "lead", "Layers that the others hear, but that are not in the mix.", metavar="NAMES", repeats=True,
          left_open="none"),
    _make("stems", "1", "Each layer as a file of its own, too; they add up to the loop.", kind=bool, default="0"),
    _make("model", "pocket", "A model's name or folder; `ditto-live models` lists them.", default="pocket"),
    _make("method", Method.DITTO2.value, f"How the noise is found: {', '.join(Method)}.", kind=Method,
          default=Method.DITTO2.value),
    _make("quality", Quality.NORMAL.value, f"How long to search: {', '.join(Quality)}.", kind=Quality,
          default=Quality.NORMAL.value),
    _make("seconds", "20", "Search for so many seconds at most, up to 3,600.", kind=float, left_open="by quality"),
    _make("steps", "70", "Search for so many steps at most, 0 to 10,000.", kind=int, left_open="by quality"),
    _make("until_tolerance", "1", "1 stops when each control is within its tolerance, 0 uses the whole budget.",
          kind=bool, default="1", option=""),
    _make("plain_start", "1", "1 begins the search at the seed's own noise and shows the model no tune, whatever it "
          "has learnt of such searches: slower, and for comparison.", kind=bool, default="0"),
    _make("sample_rate", "48000", "Of the file, 8,000 to 192,000 Hz; use your set's.", kind=int, default="44100"),
    _make("slot", "track 3", "A newer request of this instance in the same slot replaces the one in progress.",
          option="", left_open="none"),
    _make("priority", "batch", "interactive or batch; a redraw passes a batch.", kind=Priority, option="",
          default="interactive"),
)  # fmt: skip

BY_NAME: dict[str, Field] = {field.name: field for field in FIELDS}
INHERITED = (
    "prompt", "negative_prompt", "tempo_bpm", "time_signature", "bars", "key", "layers", "chords", "loop", "with",
    "mute", "model", "sample_rate",
)  # fmt: skip
"""The fields that a request takes from the take that it starts from, where they are not given."""

ATTRIBUTES = {"time_signature": "meter", "with": "beside"}
"""The names in `LoopRequest` of fields that a setting calls otherwise."""

RENAMED = {
    "melody_file": "melody",
    "rhythm_file": "rhythm",
    "structure_file": "structure",
    "timbre_file": "timbre",
    "inpaint_file": "inpaint",
    "inpaint_keep": "keep",
}
"""Names of an earlier version, which are still read."""
OUTPAINT_FILE = "outpaint_file"  # of an earlier version: audio that is continued to the loop's length


def field_of(setting: str) -> Field | None:
    """Return the field that a setting's name means, `melody.weight` being `CONTROL.weight`; None for no field."""
    control, dot, part = setting.partition(".")
    if dot and control:
        return BY_NAME.get(f"CONTROL.{part}")
    return BY_NAME.get(setting) if not setting.startswith("CONTROL.") else None


def is_known(setting: str) -> bool:
    """Whether a setting has this name, or had it in an earlier version."""
    field = field_of(setting)
    return (field is not None and field.is_osc) or setting in RENAMED or setting == OUTPAINT_FILE


def unknown(setting: str) -> tuple[str, str]:
    """Return a sentence about a name that no setting has, and a remedy: the nearest, if one is near."""
    from difflib import get_close_matches  # here, because hardly anybody needs it

    near = get_close_matches(setting, (*BY_NAME, *RENAMED), 1)
    options = {field.option.replace("-", "_"): name for name, field in BY_NAME.items() if field.option}
    meant = options.get(setting) or (near[0] if near else "")
    return f"There is no setting {setting[:60]!r}.", f"Did you mean {meant}?" if meant else "See docs/osc.md."


def names_file(setting: str) -> bool:
    """Whether reading this setting may open files."""
    field = field_of(RENAMED.get(setting, setting))
    return setting == OUTPAINT_FILE or (field is not None and field.names_file)


def options() -> Iterator[Field]:
    """Yield the fields that the command line has."""
    return (field for field in FIELDS if field.option)
