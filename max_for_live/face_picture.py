"""Draws the face as a PNG: rectangles and texts out of the built patcher, the display by its own script.

Nothing is placed here: where a control sits and what it is called comes from the device file. Colours and what the
controls show come from face_themes.
"""

import json
import math
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from PIL import Image, ImageDraw, ImageFont

from . import container, face
from .checks import boxes_of
from .container import Json
from .errors import DeviceCheckError
from .face_themes import MOMENTS, Color, Moment
from .parameters import Unit
from .script import FOLDER, display_script

SCALE = 4  # drawn this much larger ...
SHOWN = 2  # ... and shown twice as large as in Live, smooth
TITLE = 20  # Live's own title bar above the device
MARGIN = 10
HEIGHT = face.HEIGHT + TITLE + 2 * MARGIN  # of one face in the picture
Font = ImageFont.FreeTypeFont


@dataclass(frozen=True, slots=True)
class Pen:
    """A canvas in face coordinates, whole pixels of Live."""

    draw: ImageDraw.ImageDraw
    left: int
    top: int
    moment: Moment

    def ink(self, name: str) -> Color:
        """Return a colour of the theme."""
        return self.moment.palette[name]

    def live_ink(self, key: str) -> Color:
        """Return the colour of a control's text, greyed where it does nothing."""
        return self.ink("live_control_fg_zombie" if key in self.moment.greyed else "live_control_fg")

    def box(self, rect: Sequence[float], fill: Color, *, round: float = 0) -> None:
        """Fill a rectangle."""
        x, y, width, height = rect
        corners = self.point(x, y) + self.point(x + width, y + height)
        shape = (corners[0], corners[1], corners[2] - 1, corners[3] - 1)
        self.draw.rounded_rectangle(shape, round * SCALE, fill=fill)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return a place on the canvas."""
        return (self.left + x) * SCALE, (self.top + y) * SCALE

    def text(
        self, text: str, x: float, y: float, size: float, fill: Color, anchor: str = "lm", *, strong: bool = False
    ) -> None:
        """Write a line; `anchor` as Pillow has it."""
        stroke = SCALE * 0.12 if strong else 0
        self.draw.text(self.point(x, y), text, fill, font(size * SCALE), anchor, stroke_width=stroke, stroke_fill=fill)


def font(size: float) -> Font:
    """The typeface of the picture: Pillow's own Aileron, the nearest to Live's that every computer has."""
    return cast(Font, ImageFont.load_default(size))


def draw_face(device: bytes, moment: Moment) -> Image.Image:
    """Return the picture of a device's face at a moment."""
    patcher = cast(Json, container.read(device).patcher()["patcher"])
    width = face.WIDTH + 2 * MARGIN
    picture = Image.new("RGB", (width * SCALE, HEIGHT * SCALE), moment.palette["ground"])
    pen = Pen(ImageDraw.Draw(picture, "RGBA"), MARGIN, MARGIN + TITLE, moment)
    _frame(pen)
    for key, box in boxes_of(patcher).items():
        if box.get("presentation"):
            _WIDGETS[str(box["maxclass"])](pen, key.removeprefix("obj-"), box, _rect(box))
    return picture.resize((width * SHOWN, HEIGHT * SHOWN), Image.Resampling.LANCZOS)


def draw_faces(device: bytes) -> Image.Image:
    """Return the face at all moments, one below the other: a dark, a middle and a light theme."""
    faces = [draw_face(device, moment) for moment in MOMENTS]
    picture = Image.new("RGB", (faces[0].width, sum(each.height for each in faces)))
    for row, each in enumerate(faces):
        picture.paste(each, (0, row * each.height))
    return picture


def write_face(device: bytes, path: Path) -> None:
    """Draw the face into a PNG file, and beside it, as `...-themes.png`, the face in all themes."""
    for picture, place in ((draw_face(device, MOMENTS[0]), path), (draw_faces(device), themes_beside(path))):
        small = picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)  # keeps the light's colour
        small.save(place, optimize=True)


def themes_beside(path: Path) -> Path:
    """Return where the picture of all themes lies."""
    return path.with_stem(f"{path.stem}-themes")


def _frame(pen: Pen) -> None:
    pen.box((-1, -TITLE, face.WIDTH + 2, face.HEIGHT + TITLE + 1), pen.ink("title"), round=4)
    pen.box((0, 0, face.WIDTH, face.HEIGHT), pen.ink("live_surface_bg"), round=3)
    pen.box((0, 0, face.WIDTH, 6), pen.ink("live_surface_bg"))
    pen.box((7, -14, 8, 8), pen.ink("live_control_selection"), round=4)
    pen.text("Ditto Live", 22, -9.5, 10, pen.ink("dark"), strong=True)


def _rect(box: Json) -> face.Rect:
    return cast(face.Rect, tuple(cast(list[float], box["presentation_rect"])))


def _valueof(box: Json) -> Json:
    return cast(dict[str, Json], box["saved_attribute_attributes"])["valueof"]


def _choice(pen: Pen, key: str, box: Json) -> str:
    choices = cast(list[str], _valueof(box)["parameter_enum"])
    return pen.moment.text(key) or choices[int(pen.moment.value(key))]


def _number(pen: Pen, key: str, box: Json) -> str:
    value = pen.moment.value(key)
    style = cast(int, _valueof(box).get("parameter_unitstyle", 0))
    return {Unit.DECIBEL: f"{value:.1f} dB", Unit.PERCENT: f"{value:.0f} %"}.get(Unit(style), f"{value:.0f}")


# ---- widgets


def _panel(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    pen.box(rect, pen.ink("live_contrast_frame"))


def _comment(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, width, height = rect
    if key == "hint":
        pen.text("Collect All and Save keeps loops.", x, y + height / 2, 8.5, pen.ink("dim"))
        return
    text = str(box["text"])
    align = cast(int, box.get("textjustification", 0))
    at, anchor = ((x, "lm"), (x + width / 2, "mm"), (x + width - 1, "rm"))[align]
    pen.text(text, at, y + height / 2, 9, pen.ink("live_control_fg"), anchor, strong="Bold" in str(box.get("fontname")))


def _text_edit(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, *_ = rect
    pen.box(rect, pen.ink("live_lcd_bg"), round=2)
    for row, line in enumerate(pen.moment.text("prompt").split("\n")):
        pen.text(line, x + 6, y + 11 + 13 * row, 10, pen.ink("live_lcd_title"))


def _menu(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, width, height = rect
    pen.box(rect, pen.ink("live_control_bg"), round=2)
    first = str(cast(list[str], box.get("items", [""]))[0])
    text = _choice(pen, key, box) if box["maxclass"] == "live.menu" else pen.moment.text(key) or first
    pen.text(fitted(text, 9, width - 17), x + 5, y + height / 2, 9, pen.ink("live_control_fg"))
    middle, right = y + height / 2, x + width - 5
    triangle = [pen.point(right - 5, middle - 1.6), pen.point(right, middle - 1.6), pen.point(right - 2.5, middle + 2)]
    pen.draw.polygon(triangle, fill=pen.ink("live_control_fg"))


def _numbox(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, width, height = rect
    pen.box(rect, pen.ink("live_control_bg"), round=2)
    pen.text(_number(pen, key, box), x + width / 2, y + height / 2, 9, pen.live_ink(key), "mm")


def _button(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, width, height = rect
    on = bool(box["mode"]) and pen.moment.value(key) == 1 and key not in pen.moment.greyed
    pen.box(rect, pen.ink("live_control_selection" if on else "live_control_bg"), round=2)
    ink = pen.ink("dark") if on else pen.live_ink(key)
    size = cast(float, box.get("fontsize", 9.0))
    strong = "Bold" in str(box.get("fontname"))
    pen.text(str(box["texton" if on else "text"]), x + width / 2, y + height / 2, size, ink, "mm", strong=strong)


def _tab(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, width, height = rect
    choices = cast(list[str], _valueof(box)["parameter_enum"])
    each = width / len(choices)
    for index, choice in enumerate(choices):
        on = index == pen.moment.value(key)
        cell = (x + each * index, y, each - 1, height)
        pen.box(cell, pen.ink("live_control_selection" if on else "live_control_bg"), round=2)
        ink = pen.ink("dark") if on else pen.live_ink(key)
        pen.text(choice, cell[0] + cell[2] / 2, y + height / 2, 9, ink, "mm")


def _dial(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    x, y, width, height = rect
    value = _valueof(box)
    low, high = cast(float, value["parameter_mmin"]), cast(float, value["parameter_mmax"])
    pen.text(str(value["parameter_shortname"]), x + width / 2, y + 6, 9, pen.ink("live_control_fg"), "mm", strong=True)
    middle, radius = (x + width / 2, y + 27), 12
    corners = (*pen.point(middle[0] - radius, middle[1] - radius), *pen.point(middle[0] + radius, middle[1] + radius))
    end = 135 + 270 * (pen.moment.value(key) - low) / (high - low)
    pen.draw.arc(corners, 135, 405, fill=pen.ink("live_control_bg"), width=3 * SCALE)
    lit = pen.ink("live_control_fg_zombie" if key in pen.moment.greyed else "live_control_selection")
    pen.draw.arc(corners, 135, end, fill=lit, width=3 * SCALE)
    turn = math.radians(end)
    tip = pen.point(middle[0] + radius * math.cos(turn), middle[1] + radius * math.sin(turn))
    pen.draw.line((pen.point(*middle), tip), fill=pen.live_ink(key), width=2 * SCALE)
    pen.text(_number(pen, key, box), x + width / 2, y + height - 5, 9, pen.live_ink(key), "mm")


def _display(pen: Pen, key: str, box: Json, rect: face.Rect) -> None:
    shifted = Pen(pen.draw, pen.left + int(rect[0]), pen.top + int(rect[1]), pen.moment)
    for operation in recorded(rect, pen.moment):
        _OPERATIONS[str(operation["kind"])](shifted, operation)


_WIDGETS: dict[str, Callable[[Pen, str, Json, face.Rect], None]] = {
    "panel": _panel, "live.comment": _comment, "textedit": _text_edit, "umenu": _menu, "live.menu": _menu,
    "live.numbox": _numbox, "live.text": _button, "live.tab": _tab, "live.dial": _dial, "v8ui": _display,
}  # fmt: skip


def fitted(text: str, size: float, width: float) -> str:
    """Shorten a text with dots until it fits, as Live's menus do."""
    if font(size * SCALE).getlength(text) <= width * SCALE:
        return text
    while text and font(size * SCALE).getlength(f"{text}…") > width * SCALE:
        text = text[:-1]
    return f"{text.rstrip()}…"


# ---- the display


def recorded(rect: face.Rect, moment: Moment) -> list[Json]:
    """What the display's script draws at a moment; needs Node."""
    node = shutil.which("node")
    if node is None:
        raise DeviceCheckError("The face is drawn by the display's own script in Node.", remedy="Install Node 20.")
    letters = {chr(code) for code in range(32, 127)} | set("‘’…·×é")
    given = {
        "script": display_script(), "size": [rect[2], rect[3]], "messages": moment.messages,
        "colors": {name: [*(part / 255 for part in color), 1] for name, color in moment.palette.items()},
        "widths": {letter: font(100).getlength(letter) / 100 for letter in letters},
    }  # fmt: skip
    command = [node, str(FOLDER / "record_display.mjs")]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, encoding="utf-8", check=True)
    return cast(list[Json], json.loads(done.stdout))


def _ink(operation: Mapping[str, object]) -> tuple[int, int, int, int]:
    red, green, blue, alpha = (round(part * 255) for part in cast(list[float], operation["ink"]))
    return red, green, blue, alpha


def _fill(pen: Pen, operation: Json) -> None:
    ink = _ink(operation)
    corners: list[tuple[float, float]] = []
    for step in cast(list[dict[str, float | str]], operation["path"]):
        if step["kind"] in ("move", "line"):
            corners.append(pen.point(float(step["x"]), float(step["y"])))
        elif step["kind"] in ("rectangle", "ellipse"):
            x, y, width, height = (float(step[name]) for name in ("x", "y", "w", "h"))
            shape = (*pen.point(x, y), *(place - 1 for place in pen.point(x + width, y + height)))
            if width > 0 and height > 0:
                radius = width / 2 if step["kind"] == "ellipse" else float(step["round"])
                pen.draw.rounded_rectangle(shape, radius * SCALE, fill=ink)
    if len(corners) > 2:
        pen.draw.polygon(corners, fill=ink)


def _stroke(pen: Pen, operation: Json) -> None:
    steps = cast(list[dict[str, float]], operation["path"])
    points = [pen.point(step["x"], step["y"]) for step in steps]
    pen.draw.line(points, _ink(operation), round(cast(float, operation["width"]) * SCALE), joint="curve")


def _write(pen: Pen, operation: Json) -> None:
    at = pen.point(cast(float, operation["x"]), cast(float, operation["y"]))
    *ink, alpha = _ink(operation)
    ground = pen.ink("live_lcd_bg")  # Pillow does not blend text, so it is done here
    blended = tuple(round(a * alpha / 255 + b * (1 - alpha / 255)) for a, b in zip(ink, ground, strict=True))
    pen.draw.text(at, str(operation["text"]), blended, font(cast(float, operation["size"]) * SCALE), "ls")


_OPERATIONS: dict[str, Callable[[Pen, Json], None]] = {"fill": _fill, "stroke": _stroke, "text": _write}
