"""The picture of the face is drawn from the device, and shows what the device has."""

import pytest
from PIL import Image, ImageChops

from max_for_live import container, face
from max_for_live.build import device_bytes
from max_for_live.checks import boxes_of
from max_for_live.face_picture import MARGIN, SHOWN, TITLE, draw_face


@pytest.fixture(scope="module")
def picture(node) -> Image.Image:
    return draw_face(device_bytes())


def part(picture: Image.Image, rect: face.Rect) -> Image.Image:
    x, y, width, height = rect
    left, top = (MARGIN + x) * SHOWN, (MARGIN + TITLE + y) * SHOWN
    return picture.crop((left, top, left + width * SHOWN, top + height * SHOWN))


def test_every_control_is_in_the_picture(picture):
    """Each rectangle of the face holds more than one colour: something is drawn there."""
    for key, box in boxes_of(container.read(device_bytes()).patcher()["patcher"]).items():
        if box.get("presentation") and box["maxclass"] != "panel":
            rect = tuple(int(value) for value in box["presentation_rect"])
            assert len(part(picture, rect).getcolors(100_000) or []) > 4, key


def test_the_committed_picture_is_of_this_device(picture, request):
    """`docs/device.png` shows the committed device (`build-device --picture docs/device.png` draws it)."""
    committed = Image.open(request.config.rootpath / "docs" / "device.png").convert("RGB")
    assert committed.size == picture.size
    difference = ImageChops.difference(committed, picture).convert("L").histogram()
    assert sum(difference[40:]) < 0.01 * picture.width * picture.height  # fonts may differ by a hair
