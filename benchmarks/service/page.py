"""The studio page in Chromium: first paint, all bytes, and frames a second while a curve of 2,000 points is drawn.

    python -m benchmarks page [--picture docs/page.png]

Needs Chromium and Playwright. The engine is the toy; nothing of a model is measured. `--picture` measures nothing: it
makes a loop with the model in the repository, and a picture of the page with it.
"""

import json
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.command import add_rows, open_rows, parser
from benchmarks.markdown import Bar, Table, cell
from benchmarks.service.toy import find, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BARS = {
    "first paint": Bar(0.3, unit=" s"),
    "all files": Bar(300, unit=" kB"),
    "drawing 2,000 points": Bar(59, least=True, unit=" frames/s"),  # a display of 60 Hz, less one missed frame
}
BAR = "Bars: first paint on loopback within 0.3 s, at most 300 kB, 60 frames a second. The project's own, set before."
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
REAL = ("--jobs", "", "--model", "pocket")  # in place of the toy
VISITS = 7
START_SECONDS = 60.0
PATIENCE_MS = 480_000

FIRST_PAINT = """
() => new Promise((answer) => new PerformanceObserver((list) => {
  const paint = list.getEntriesByName("first-contentful-paint")[0];
  if (paint) answer(paint.startTime / 1000);
}).observe({ type: "paint", buffered: true }))
"""
BYTES = """
() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((entry) => !entry.name.includes("/takes"))
  .reduce((sum, entry) => sum + entry.transferSize, 0) / 1000
"""
DRAFT = """
() => {
  document.getElementById("intensity").replace([[0, -26], [4, -21], [8, -15], [11, -17], [14, -24], [16, -26]]);
  const roll = document.getElementById("melody");
  roll.closest("details").open = true;
  document.querySelector("[name=seed]").value = "7";
  const layers = document.getElementById("layers");
  layers.closest("details").open = true;
  layers.fill({ layers: "drums,bass,chords,lead", chords: "Am | F | C | G", stems: "1" });
  roll.replace([[69, 0, 1], [72, 1, 1], [76, 2, 2], [74, 4, 1], [72, 5, 1], [69, 6, 2], [67, 8, 1], [69, 9, 1],
    [72, 10, 2], [71, 12, 2], [69, 14, 2]].map((note) => [...note, 100]));
}
"""
DRAWN = """
async () => {
  const lane = document.getElementById("intensity");
  lane.replace(Array.from({ length: 2000 }, (_, i) => [i / 125, -24 + 8 * Math.sin(i / 9)]));
  const box = lane.canvas.getBoundingClientRect();
  const point = (type, x, y) => lane.canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, clientX: box.left + x * box.width, clientY: box.top + y * box.height,
  }));
  lane.canvas.setPointerCapture = () => {};
  const frame = () => new Promise(requestAnimationFrame);
  point("pointerdown", 0.5, 0.5);
  await frame();
  const [begin, frames] = [performance.now(), 180];
  for (let i = 0; i < frames; i++) {
    point("pointermove", 0.5 + 0.3 * Math.sin(i / 20), 0.5 + 0.4 * Math.cos(i / 13));
    await frame();
  }
  const seconds = (performance.now() - begin) / 1000;
  point("pointerup", 0.5, 0.5);
  return frames / seconds;
}
"""


def main() -> None:
    """Start the page at toy size, measure it, and print the table."""
    options = parser(__doc__)
    add_rows(options, "page")
    options.add_argument("--picture", type=Path, help="make a picture of the page, and measure nothing")
    chosen = options.parse_args()
    rows = open_rows(chosen)
    chromium = next((path for name in NAMES if (path := shutil.which(name))), None)
    if chromium is None:
        raise SystemExit("No Chromium is installed here.")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process = serve(Path(folder), *(REAL if chosen.picture else ()))
        try:
            find(Path(folder), START_SECONDS)
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            if chosen.picture:
                photograph(browser, page_address(Path(folder)), chosen.picture)
                return
            for name, value in measured(browser, page_address(Path(folder))).items():
                rows.put(name, {"value": value})
        finally:
            process.terminate()
            process.wait()
    print(table({name: rows[name] for name in BARS}).markdown())


def page_address(home: Path) -> str:
    """Return the address of the page of a running service, token included."""
    found = json.loads((home / "page.json").read_text(encoding="utf-8"))
    return f"http://127.0.0.1:{found['port']}/#token={found['token']}"


def measured(browser: "Browser", address: str) -> dict[str, float]:
    """Return the figures: of first paint the median of several visits, each with an empty cache."""
    paints, size, frames = [], 0.0, 0.0
    for _ in range(VISITS):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        tab = context.new_page()
        tab.goto(address)
        paints.append(float(tab.evaluate(FIRST_PAINT)))
        tab.wait_for_selector("#engine[data-alive=yes]")
        size = float(tab.evaluate(BYTES))
        frames = float(tab.evaluate(DRAWN))
        context.close()
    return dict(zip(BARS, (statistics.median(paints), size, frames), strict=True))


def photograph(browser: "Browser", address: str, picture: Path) -> None:
    """Make a loop as a newcomer would, open its card, and write a picture of the page."""
    context = browser.new_context(viewport={"width": 1440, "height": 1100}, color_scheme="dark")
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(address)
    tab.wait_for_selector("#engine[data-alive=yes]")
    tab.evaluate(DRAFT)
    tab.fill("#prompt", "dusty boom bap, rhodes, 88 bpm, A minor")
    tab.wait_for_selector("#heard b")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#cards .card")
    tab.wait_for_function("() => window.dittoPlayer.position > 0.3")
    tab.get_by_text("Details").first.click()
    tab.wait_for_selector(".card canvas.lines")
    tab.evaluate("() => (document.activeElement.blur(), scrollTo(0, 0))")
    tab.screenshot(path=picture)
    context.close()


def table(rows: dict[str, Any]) -> Table:
    """Return each figure beside its bar; one that misses it is bold."""
    body = [(name, cell(row["value"], 3, BARS[name]), str(BARS[name])) for name, row in rows.items()]
    return Table(head=("measurement", "figure", "bar"), body=body, bar=BAR)


if __name__ == "__main__":
    main()
