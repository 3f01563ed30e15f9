"""The picture of the face is drawn from the device, in three themes, and shows what the device has, readably."""

from collections.abc import Sequence

import pytest
from PIL import Image, ImageChops

from max_for_live import container, face
from max_for_live.build import device_bytes
from max_for_live.checks import boxes_of
from max_for_live.face_picture import MARGIN, SHOWN, TITLE, draw_face, draw_faces, recorded
from max_for_live.face_themes import MOMENTS, Moment

MIN_CONTRAST = 4.5  # WCAG 2.1, 1.4.3
moments = pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)


def part(picture: Image.Image, rect: face.Rect) -> Image.Image:
    x, y, width, height = rect
    left, top = (MARGIN + x) * SHOWN, (MARGIN + TITLE + y) * SHOWN
    return picture.crop((left, top, left + width * SHOWN, top + height * SHOWN))


@moments
def test_every_control_is_in_the_picture(node, moment):
    """Each rectangle of the face holds more than one colour: something is drawn there."""
    picture = draw_face(device_bytes(), moment)
    for key, box in boxes_of(container.read(device_bytes()).patcher()["patcher"]).items():
        if box.get("presentation") and box["maxclass"] != "panel":
            rect = tuple(int(value) for value in box["presentation_rect"])
            assert len(part(picture, rect).getcolors(100_000) or []) > 4, key


@moments
def test_every_text_of_the_display_can_be_read(node, moment):
    """Status, scale, source and scores stand out from the display's ground in a dark, a middle and a light theme."""
    for operation in recorded(face.DISPLAY, moment):
        if operation["kind"] == "text":
            assert contrast(operation["ink"], moment) >= MIN_CONTRAST, operation["text"]


def contrast(ink: Sequence[float], moment: Moment) -> float:
    ground = [value / 255 for value in moment.palette["live_lcd_bg"]]
    shown = [a * ink[3] + b * (1 - ink[3]) for a, b in zip(ink, ground, strict=False)]
    light, dark = sorted((luminance(shown), luminance(ground)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: Sequence[float]) -> float:
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in color[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", ["device.png", "device-themes.png"])
def test_the_committed_pictures_are_of_this_device(node, request, name):
    """The pictures in `docs` show the committed device (`build-device --picture docs/device.png` draws them)."""
    committed = Image.open(request.config.rootpath / "docs" / name).convert("RGB")
    device = device_bytes()
    picture = draw_faces(device) if "themes" in name else draw_face(device, MOMENTS[0])
    assert committed.size == picture.size
    difference = ImageChops.difference(committed, picture).convert("L").histogram()
    assert sum(difference[40:]) < 0.01 * picture.width * picture.height  # fonts may differ by a hair
