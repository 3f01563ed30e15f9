"""Everybody can use the page: axe-core finds no serious fault, and everything works with the keyboard alone."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tabs import CARD, asked, drop, make

from bridge.page.files import STATIC
from engine.audio.wav import write_loop
from midi.tempo import Meter, exact

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

SERIOUS = ("serious", "critical")
NEWER_THAN_JWEB = (  # than Chromium 110, in which Live's jweb may run the page
    "color-mix(", "light-dark(", "text-wrap", "@scope", "@starting-style", "popover", "startViewTransition",
    "Object.groupBy", "Map.groupBy", "Promise.withResolvers", "Array.fromAsync", "Promise.try", ".isWellFormed(",
    ".intersection(", ".union(", "URL.canParse", "URL.parse", "CSS.highlights", "showPopover",
)  # fmt: skip


@pytest.fixture(scope="session")
def axe() -> str:
    """Return axe-core's script."""
    folder = os.environ.get("DITTO_NODE_MODULES", "node_modules")
    script = Path(folder) / "axe-core" / "axe.min.js"
    if not script.exists():
        pytest.skip("axe-core is not installed here (npm install axe-core, DITTO_NODE_MODULES=...); CI installs it")
    return script.read_text(encoding="utf-8")


def faults(tab: "Tab", axe: str) -> list[str]:
    """Return the serious and critical faults of the page as it stands, each with where it is."""
    tab.evaluate(axe)
    found = tab.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['target']}" for one in found if one["impact"] in SERIOUS]


@pytest.fixture
def break_wav(tmp_path: Path) -> Path:
    """Return a sound of two bars at 120 BPM."""
    path = tmp_path / "break.wav"
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (1, 4 * 8_000))
    write_loop(path, noise.astype(np.float32), 8_000, tempo_bpm=exact(120), beats=exact(8), meter=Meter(4, 4))
    return path


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_serious(free_tab: "Tab", axe: str, break_wav: Path, theme: Any) -> None:
    """With every lane open, with a take open while another is made, and on a phone, in both themes."""
    tab = free_tab
    tab.emulate_media(color_scheme=theme)
    tab.reload()
    tab.wait_for_selector("#engine[data-alive=yes]")
    drop(tab, break_wav)
    tab.wait_for_selector("#reference:not([hidden])")
    tab.select_option("#audio-use", "inpaint")
    tab.evaluate("() => document.querySelectorAll('details').forEach((one) => (one.open = true))")
    tab.fill("#structure", "AABA")
    assert faults(tab, axe) == []
    tab.click("#audio-said button")
    make(tab)
    tab.locator(CARD).get_by_text("Details").click()
    tab.wait_for_selector(f"{CARD} canvas.spectrum")
    tab.fill("#prompt", "toy: steps=400 pause=0.05")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".job progress[value]")
    assert faults(tab, axe) == []
    tab.set_viewport_size({"width": 390, "height": 800})
    assert faults(tab, axe) == []
    tab.click("text=Stop here")


def walk(tab: "Tab", selector: str) -> None:
    """Press Tab until an element is reached."""
    for _ in range(150):
        if tab.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
        tab.keyboard.press("Tab")
    raise AssertionError(f"{selector} cannot be reached with the Tab key")


def press(tab: "Tab", *keys: str) -> None:
    for key in keys:
        tab.keyboard.press(key)


def test_all_of_it_works_with_the_keyboard_alone(tab: "Tab", studio: Any) -> None:
    """From the address bar: words, a curve, notes, hits, a take; named and in the bin, without a mouse."""
    press(tab, "Tab", "Enter")  # skip to the prompt
    tab.keyboard.type("house")
    walk(tab, "#intensity canvas")
    press(tab, "Enter", "ArrowUp", "Enter", "PageDown")
    walk(tab, "details:has(#melody) > summary")
    press(tab, "Enter")
    walk(tab, "#melody canvas")
    press(tab, "ArrowUp", "Enter", "+", "ArrowRight", "ArrowRight", "Enter")
    walk(tab, "details:has(#rhythm) > summary")
    press(tab, "Enter")
    walk(tab, "#rhythm td button")
    press(tab, "Space", "ArrowRight", "ArrowRight", "ArrowDown", "Space")
    press(tab, "Control+z", "Control+Shift+z")
    tab.focus("#prompt")
    press(tab, "Enter")
    tab.wait_for_selector(CARD)
    controls = {control.kind: control.target for control in asked(studio)[0].controls}
    assert [point.value for point in controls["intensity"].points] == [-26.5, -29.5]
    assert [(note.pitch, float(note.start), float(note.duration)) for note in controls["melody"].notes] == [
        (61, 0.0, 1.0),
        (61, 1.0, 0.5),
    ]
    assert [(float(onset.beat), onset.group) for onset in controls["rhythm"].onsets] == [(0.0, "kick"), (0.5, "snare")]
    walk(tab, f"{CARD} .more button:nth-child(3)")
    press(tab, "Enter")
    tab.keyboard.type("First one")
    press(tab, "Enter")
    tab.wait_for_selector(f"{CARD} h2:text-is('First one')")
    walk(tab, f"{CARD} .more button[aria-expanded]")
    press(tab, "Enter")
    tab.wait_for_selector(f"{CARD} .details .more")
    walk(tab, f"{CARD} .details .more button:last-child")
    press(tab, "Enter", "Enter")
    tab.wait_for_selector(CARD, state="detached")


def test_the_beats_to_keep_are_chosen_on_the_wave(tab: "Tab", studio: Any, break_wav: Path) -> None:
    """Dragged with the mouse or pressed on the keyboard, undone, and sent as ranges of beats."""
    drop(tab, break_wav)
    tab.wait_for_selector("#reference:not([hidden])")
    tab.select_option("#audio-use", "inpaint")
    canvas = tab.locator("#reference canvas")
    canvas.scroll_into_view_if_needed()
    tab.evaluate("() => scrollBy(0, 200)")  # from under the transport
    box = canvas.bounding_box()
    assert box is not None
    tab.mouse.move(box["x"] + 4, box["y"] + 40)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 3.5 / 16 * box["width"], box["y"] + 40)
    tab.mouse.up()
    assert tab.input_value("#audio-keep") == "0:4"
    press(tab, "ArrowRight", "ArrowRight", "Enter")
    assert tab.input_value("#audio-keep") == "0:4,5:6"
    press(tab, "Control+z", "Control+z")
    assert tab.input_value("#audio-keep") == ""
    press(tab, "Control+y", "Control+y")
    make(tab)
    (control,) = asked(studio)[0].controls
    assert [(float(start), float(end)) for start, end in control.target.keep] == [(0.0, 4.0), (5.0, 6.0)]


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.*")), ids=lambda path: path.name)
def test_nothing_is_newer_than_the_browser_in_live(path: Path) -> None:
    """Live's jweb is an older Chromium: no file of the page uses a later feature."""
    text = path.read_text(encoding="utf-8")
    assert [feature for feature in NEWER_THAN_JWEB if feature in text] == []
