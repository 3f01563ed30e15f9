"""The palettes and the moments in which the face is drawn: Live itself gives the device the colours of its theme.

The colours are near to three of Live's themes, not taken from them; what counts is dark on light and light on dark.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from .parameters import LAYERS

Color = tuple[int, int, int]
Palette = Mapping[str, Color]

DARK: Palette = {
    "live_surface_bg": (54, 54, 54), "live_control_bg": (30, 30, 30), "live_control_fg": (181, 181, 181),
    "live_control_fg_zombie": (96, 96, 96), "live_control_selection": (255, 173, 86),
    "live_contrast_frame": (38, 38, 38), "live_lcd_bg": (24, 24, 24), "live_lcd_title": (205, 205, 205),
    "live_lcd_control_fg": (255, 173, 86), "live_lcd_control_fg_alt": (3, 195, 213), "live_lcd_frame": (84, 84, 84),
    "title": (92, 92, 92), "ground": (20, 20, 20), "dark": (20, 20, 20), "dim": (128, 128, 128),
}  # fmt: skip
MIDDLE: Palette = {
    **DARK,
    "live_surface_bg": (134, 134, 134), "live_control_bg": (96, 96, 96), "live_control_fg": (12, 12, 12),
    "live_control_fg_zombie": (80, 80, 80), "live_contrast_frame": (108, 108, 108), "live_lcd_bg": (50, 50, 50),
    "live_lcd_title": (220, 220, 220), "live_lcd_frame": (110, 110, 110), "title": (164, 164, 164),
    "ground": (90, 90, 90), "dim": (40, 40, 40),
}  # fmt: skip
LIGHT: Palette = {
    **DARK,
    "live_surface_bg": (214, 214, 214), "live_control_bg": (240, 240, 240), "live_control_fg": (25, 25, 25),
    "live_control_fg_zombie": (150, 150, 150), "live_contrast_frame": (190, 190, 190), "live_lcd_bg": (246, 246, 246),
    "live_lcd_title": (30, 30, 30), "live_lcd_control_fg": (214, 110, 0), "live_lcd_control_fg_alt": (0, 125, 150),
    "live_lcd_frame": (176, 176, 176), "title": (196, 196, 196), "ground": (170, 170, 170), "dim": (90, 90, 90),
}  # fmt: skip

_GRID = 128  # as many values as the script sends
_LANE = tuple(-23 - 6 * math.cos(4 * math.pi * i / _GRID) - 3 * math.sin(2 * math.pi * i / _GRID) for i in range(_GRID))
_SWELL = tuple(-36 + 24 * (i / _GRID) ** 2 for i in range(_GRID))
_TEXTS: Mapping[str, str] = {
    "prompt": "dusty boom bap, warm Rhodes,\nupright bass, vinyl crackle", "melody": "Keys: verse hook",
    "rhythm": "Drums: break 2", "take": "3 kept · melody nearly", "key": "F minor", "audio": "Off",
    "layers": "As lit", "chords": "Keys: pads",
}  # fmt: skip
_VALUES: Mapping[str, float] = {
    "intensity": -17.5, "intensity_strength": 100, "melody_strength": 120, "rhythm_strength": 60, "variation": 30,
    "bars": 4, "seed": 4711, "takes": 3, "source": 1, "redraw": 1, "quality": 1, "warp": 0, "drums": 1,
    "layer_drums": 1, "layer_bass": 1, "layer_chords": 1, "layer_lead": 1,
}  # fmt: skip
Messages = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """A session in the middle, so that the picture shows what each control is for."""

    name: str
    palette: Palette
    messages: Messages  # to the display
    texts: Mapping[str, str] = field(default_factory=dict)  # of menus and prompt
    values: Mapping[str, float] = field(default_factory=dict)
    greyed: frozenset[str] = frozenset()

    def text(self, key: str) -> str:
        """Return what a menu or the prompt shows, "" for what the device file says."""
        return {**_TEXTS, **self.texts}.get(key, "")

    def value(self, key: str) -> float:
        """Return where a control stands."""
        return {**_VALUES, **self.values}.get(key, 0.0)


MOMENTS: tuple[Moment, ...] = (
    Moment(
        "dark", DARK,
        (
            ("source", "learn", 4, 4, "Auto Filter: Frequency"), ("curve", *_LANE),
            ("status", "ready", "Landed on ‘Sampler’."),
            ("verdicts", "melody", "near", "nearly", "intensity", "good", "followed"),
        ),
        greyed=frozenset({"intensity"}),
    ),
    Moment(
        "middle", MIDDLE,
        (
            ("source", "saved", 4, 4, ""), ("curve",),
            (
                "status", "error",
                "Two devices of one name are on tracks of one name, and Live does not tell their lanes apart while "
                "Session clips play. Press Back to Arrangement, or rename one of the tracks and save.",
            ),
            ("verdicts", "intensity", "miss", "missed by 3.1 dB", "rhythm", "good", "followed"),
        ),
        {"melody": "Off", "audio": "Guitar: riff", "use": "Under this loop", "place": "Stems on tracks",
         "take": "2 · intensity missed"},
        {"source": 2, "redraw": 0, "listen": 1, "layer_chords": 0, "layer_lead": 0, "mute_bass": 1},
        frozenset({"intensity", "clear", "melody_strength"}),
    ),
    Moment(
        "light", LIGHT,
        (
            ("source", "drawn", 4, 4, "", 1), ("curve", *_SWELL), ("status", "working", "Searching"),
            ("progress", 22, 70, 9.4, "intensity", 1.31, "rhythm", 0.42),
        ),
        {"melody": "Off", "place": "Arrangement", "drives": "Rhythm strength", "layers": "Full mix", "chords": "Off"},
        {"source": 4, "redraw": 0, "layer_drums": 0, "layer_bass": 0, "layer_chords": 0, "layer_lead": 0},
        frozenset(
            {"intensity", "melody_strength", *(f"{part}_{layer}" for layer in LAYERS for part in ("mute", "again"))}
        ),
    ),
)  # fmt: skip
