"""Drawing in a real Chromium: while a point is dragged only a strip is drawn, and nothing shows it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
PIXELS = """
() => {
  const { canvas } = document.getElementById("intensity");
  return Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
}
"""
FILL = """
([count, bend]) => {
  const lane = document.getElementById("intensity");
  lane.replace(Array.from({ length: count }, (_, i) => [i * 16 / count, -24 + 8 * Math.sin(i / 9)]));
  lane.points.forEach((point) => (point[2] = bend));
  lane.showHeard(Array.from({ length: 200 }, (_, i) => -26 + 6 * Math.cos(i / 7)));
}
"""
WHOLE = """
() => {
  const lane = document.getElementById("intensity");
  lane.setLength(lane.beats, lane.beatsPerBar);
}
"""


@pytest.mark.parametrize(
    ("count", "bend", "keys"), [(12, 0.5, ""), (300, 0, ""), (2_000, 0, ""), (12, 0, "Alt"), (1, 0, "")]
)
def test_a_dragged_point_looks_as_if_all_was_drawn_again(tab: "Tab", count: int, bend: float, keys: str) -> None:
    """To the pixel, with bends and with what was heard under it, also at the curve's ends."""
    tab.evaluate(FILL, [count, bend])
    tab.evaluate(FRAME)
    box = tab.locator("#intensity canvas").bounding_box()
    assert box is not None
    for share in (0.01, 0.5, 0.99):
        if keys:
            tab.keyboard.down(keys)
        tab.mouse.move(box["x"] + share * box["width"], box["y"] + 80)
        tab.mouse.down()
        for step in range(4):
            tab.mouse.move(box["x"] + share * box["width"] + 3 * step, box["y"] + 40 + 20 * step)
            tab.evaluate(FRAME)
        moved = tab.evaluate(PIXELS)
        tab.evaluate(WHOLE)
        tab.evaluate(FRAME)
        whole = tab.evaluate(PIXELS)
        tab.mouse.up()
        if keys:
            tab.keyboard.up(keys)
        worst = max(abs(one - other) for one, other in zip(moved, whole, strict=True))
        assert worst == 0
