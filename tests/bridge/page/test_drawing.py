"""Drawing in a real Chromium: while a point is dragged only a strip is drawn, and nothing shows it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# What was drawn while the point moved, against all of it drawn again: how many values differ by more than two ways of
# smoothing one edge do.
DIFFERENT = """
async (shade) => {
  const lane = document.getElementById("intensity");
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const pixels = () => lane.canvas.getContext("2d").getImageData(0, 0, lane.canvas.width, lane.canvas.height).data;
  const moved = pixels();
  lane.setLength(lane.beats, lane.beatsPerBar);
  await frame();
  return pixels().filter((value, i) => Math.abs(value - moved[i]) > shade).length;
}
"""
SHADE = 24  # of 255
MOST = 120  # values; what is left of an old line or point is hundreds
FILL = """
([count, bend]) => {
  const lane = document.getElementById("intensity");
  lane.replace(Array.from({ length: count }, (_, i) => [i * 16 / count, -24 + 8 * Math.sin(i / 9)]));
  lane.points.forEach((point) => (point[2] = bend));
  lane.showHeard(Array.from({ length: 200 }, (_, i) => -26 + 6 * Math.cos(i / 7)));
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
    counts = []
    for share in (0.01, 0.5, 0.99):
        if keys:
            tab.keyboard.down(keys)
        tab.mouse.move(box["x"] + share * box["width"], box["y"] + 80)
        tab.mouse.down()
        for step in range(4):
            tab.mouse.move(box["x"] + share * box["width"] + 3 * step, box["y"] + 40 + 20 * step)
            tab.evaluate(FRAME)
        counts.append(tab.evaluate(DIFFERENT, SHADE))
        tab.mouse.up()
        if keys:
            tab.keyboard.up(keys)
    assert max(counts) <= MOST, counts
