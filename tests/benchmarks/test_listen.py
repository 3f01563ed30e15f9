"""The listening page works from a file, without a server: loops without a gap, changes at the bar, a hidden start."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tabs import samples

from benchmarks.listen.make import HERE, OPUS_RATE, PAD_SECONDS, asked, loop, needed, read_back, written
from engine.audio.resample import resampled
from engine.events import Sound, Stems, Take
from engine.request import Control, Curve, LoopRequest, Notes, Point
from midi.notes import Note

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

RATE_HZ, BARS, TEMPO_BPM = 44_100, 2, Fraction(480)  # two bars of half a second
VOLUME = 0.8  # of the page

TAPE = """
async () => {
  const { output } = window.listening;
  const module = `registerProcessor("tape", class extends AudioWorkletProcessor {
    process([[left]]) { if (left) this.port.postMessage(left.slice()); return true; }
  });`;
  await output.context.audioWorklet.addModule(`data:text/javascript,${encodeURIComponent(module)}`);
  const tape = new AudioWorkletNode(output.context, "tape");
  window.tape = [];
  tape.port.onmessage = ({ data }) => window.tape.push(...data);
  output.connect(tape).connect(output.context.destination);
}
"""
BUFFER = "window.listening.bufferOf(window.listening.pairs[0].loops[{side}]).then((one) => one.getChannelData(0))"


def tone(frequency_hz: float) -> "np.ndarray[Any, Any]":
    """Return a chord that goes round without a seam, a second of stereo."""
    seconds = np.arange(RATE_HZ) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * frequency_hz * n * seconds) / n for n in (1, 2, 3)) * 0.2
    return np.stack([wave, wave]).astype("<f4")


def made(samples: "np.ndarray[Any, Any]", *controls: Control) -> tuple[LoopRequest, Take]:
    request = LoopRequest(prompt="two tones", tempo_bpm=TEMPO_BPM, bars=BARS, seed=1, controls=controls)
    sound = Sound(samples=samples.T.tobytes(), sample_rate=RATE_HZ)
    return request, Take(request_id="x", take=0, sound=sound, scores={}, noise=b"", record={})


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with one pair of tones."""
    curve = Control(kind="intensity", target=Curve(points=(Point(Fraction(0), -20.0), Point(Fraction(8), -12.0))))
    tune = Control(
        kind="melody", target=Notes(notes=(Note(60, Fraction(0), Fraction(2)), Note(67, Fraction(4), Fraction(1))))
    )
    loops = [loop(*made(tone(220))), loop(*made(tone(330), curve, tune))]
    pair = {"name": "tones", "title": "Tones </script>", "text": "Two.", "labels": ["low", "high"], "loops": loops}
    file = tmp_path_factory.mktemp("listen") / "index.html"
    file.write_text(written([pair]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def listening(page: Path, browser: "Browser") -> "Iterator[Tab]":
    """Return the page, opened from its file in a real Chromium."""
    tab = browser.new_page(viewport={"width": 1180, "height": 900})
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto(page.as_uri())
    yield tab
    tab.close()
    assert complaints == []


@pytest.fixture
def layered(tmp_path: Path, browser: "Browser") -> "Iterator[Tab]":
    """Return a page with a loop that has two stems, which are halves of it."""
    request, take = made(tone(220))
    half = (tone(220) / 2).astype("<f4").T.tobytes()
    stems = Stems(request_id="x", take=0, layers=("drums", "bass"), samples=half * 2, sample_rate=RATE_HZ)
    loops = [loop(*made(tone(330))), loop(request, take, stems)]
    file = tmp_path / "index.html"
    pair = {"name": "stems", "title": "Stems", "text": "Two.", "labels": ["mix", "layers"], "loops": loops}
    file.write_text(written([pair]), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(file.as_uri())
    yield tab
    tab.close()


def test_loops_go_round_and_change_at_the_bar_to_the_sample(listening: "Tab") -> None:
    """All that sounds is the first loop, round and round, up to a bar, and from there the second one in its place."""
    tab = listening
    tab.evaluate("() => window.listening.play(0, 0).then(() => window.listening.stop())")  # there is an output now
    low, high = (samples(tab, BUFFER.format(side=side)) * VOLUME for side in (0, 1))
    tab.evaluate(TAPE)
    tab.evaluate("() => window.listening.play(0, 0)")
    tab.wait_for_function("() => window.tape.length > 1.4 * 48000")
    tab.evaluate("() => window.listening.play(0, 1)")
    tab.wait_for_function("() => window.tape.length > 3 * 48000")
    heard = samples(tab, "window.tape")
    tab.evaluate("() => window.listening.stop()")
    frames, pad = OPUS_RATE, round(PAD_SECONDS * OPUS_RATE)
    before, after = (sound[pad : pad + frames] for sound in (low, high))
    begin = begun(heard, before)
    sound = heard[begin:]
    place = np.arange(len(sound)) % frames
    is_before, is_after = (np.abs(sound - one[place]) < 1e-4 for one in (before, after))
    change = int(np.flatnonzero(~is_before)[0])
    assert change > frames, "the first loop has gone round"
    assert is_after[change:].all(), "a sample is neither loop's in its place"
    assert is_after[change - change % (OPUS_RATE // 2) :].all(), (
        f"the change is {change % (OPUS_RATE // 2)} samples after the bar"
    )


def begun(heard: "np.ndarray[Any, Any]", loop_samples: "np.ndarray[Any, Any]") -> int:
    """Return where in `heard` the loop begins for the last time after silence."""
    silent = np.abs(heard[:OPUS_RATE]) < 1e-7
    guess = int(np.flatnonzero(~silent)[0])
    near = range(max(guess - 400, 0), guess + 400)
    return min(near, key=lambda at: float(np.abs(heard[at : at + 4_000] - loop_samples[:4_000]).max()))


def test_the_codec_leaves_no_seam(listening: "Tab") -> None:
    """At the loop points the decoded sound goes on as smoothly as anywhere else, and is the sound that was given."""
    tab = listening
    tab.evaluate("() => window.listening.play(0, 0).then(() => window.listening.stop())")
    decoded = samples(tab, BUFFER.format(side=0))
    frames, pad = OPUS_RATE, round(PAD_SECONDS * OPUS_RATE)
    once = decoded[pad : pad + frames].astype(np.float64)
    bend = np.abs(np.diff(np.concatenate([once, once]), 3))
    assert bend[frames - 4 : frames + 2].max() <= 1.5 * bend[: frames - 4].max()
    wanted = resampled(tone(220).astype(np.float64), frames, circular=True)[0]
    assert np.sqrt(np.mean((once - wanted) ** 2)) < 0.05 * np.sqrt(np.mean(wanted**2))


def test_the_playhead_moves_and_the_button_says_so(listening: "Tab") -> None:
    """The side that plays is marked, and its picture changes from frame to frame."""
    tab = listening
    tab.click("article .side:nth-child(2) button")
    tab.wait_for_selector("article[data-playing=yes] button[aria-pressed=true]")
    picture = "() => document.querySelectorAll('article canvas')[1].toDataURL()"
    first = tab.evaluate(picture)
    tab.wait_for_function(f"(first) => ({picture})() !== first", arg=first)
    tab.click("#stop")
    assert tab.evaluate("() => window.listening.position()") is None


def test_the_start_of_a_loop_is_hidden_in_the_seam_test(listening: "Tab") -> None:
    """While it plays nothing on the page shows where it is; a press is answered with how far off it was."""
    tab = listening
    tab.click("#seam-play")
    tab.wait_for_function("() => window.listening.position() !== null")
    assert tab.locator("article[data-playing=yes], article [aria-pressed=true]").count() == 0
    tab.click("#seam-here")
    assert "of 1 within a tenth" in tab.locator("#seam-said").inner_text()
    tab.click("#stop")


def test_the_page_asks_for_at_least_ten_pairs_a_redraw_and_an_inpaint() -> None:
    """Each item of the requests is a request; ten stand beside their uncontrolled twin."""
    items = json.loads((HERE / "requests.json").read_text(encoding="utf-8"))
    plain = [item for item in items if "from" not in item]
    assert len(plain) >= 10
    assert {"redraw", "inpaint"} <= {item["name"] for item in items}
    assert all(asked(item, {}).controls or asked(item, {}).stems for item in plain)
    assert sum(bool(item["request"].get("stems")) for item in items) >= 2


def test_layers_are_switched_while_they_play(layered: "Tab") -> None:
    """Together the stems are what sounds; one that is switched off is not heard, and the others go on."""
    tab = layered
    tab.evaluate("() => window.listening.play(0, 1).then(() => window.listening.stop())")
    tab.evaluate(TAPE)
    tab.click("article .side:nth-child(2) button")
    loudest = "() => Math.max(...window.tape.slice(-9600))"
    whole = 0.8 * float(tone(220)[0].max())
    tab.wait_for_function(f"(level) => Math.abs(({loudest})() - level) < 0.03", arg=whole)
    tab.click("article .layers button:has-text('bass')")
    tab.wait_for_function(f"(level) => Math.abs(({loudest})() - level) < 0.03", arg=whole / 2)
    assert tab.locator("article .layers button[aria-pressed=true]").all_inner_texts() == ["drums"]
    tab.click("article .layers button:has-text('bass')")
    tab.wait_for_function(f"(level) => Math.abs(({loudest})() - level) < 0.03", arg=whole)
    tab.click("#stop")


def test_what_is_not_made_again_stays_on_the_page(tmp_path: Path) -> None:
    """Items are read back from a page as they were written into it."""
    page = tmp_path / "index.html"
    items = [{"name": "one", "title": "</script><b>", "loops": []}, {"name": "two", "title": "ä", "loops": [1]}]
    page.write_text(written(items), encoding="utf-8")
    assert read_back(page) == {"one": items[0], "two": items[1]}


def test_items_bring_those_that_they_begin_at() -> None:
    """A redraw of a redraw needs both, and nothing else."""
    items = [{"name": "a"}, {"name": "b", "from": "a"}, {"name": "c", "from": "b"}, {"name": "d"}]
    assert needed(items, ["c"]) == {"a", "b", "c"}
