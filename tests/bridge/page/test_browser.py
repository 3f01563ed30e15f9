"""Whole journeys in a real Chromium, as a new user: make, draw, drop, hear, compare, cancel, reload, come back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tabs import CARD, asked, drop, make, samples

from bridge.takes.library import stored_takes
from engine.audio.wav import read_audio
from engine.request import Curve, Notes
from midi.notes import Note
from midi.smf.score import Score, ScoreTrack, score_of_notes
from midi.smf.write import write_midi
from midi.tempo import Meter, MeterChange, TempoChange, exact

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

# Keeps all that sounds, from the player's own output, sample by sample.
TAPE_MODULE = """
registerProcessor("tape", class extends AudioWorkletProcessor {
  process([[left]]) {
    if (left) this.port.postMessage(left.slice());
    return true;
  }
});
"""
RECORD = """
async (module) => {
  await window.dittoPlayer.wake();
  const { output } = window.dittoPlayer;
  await output.context.audioWorklet.addModule(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const tape = new AudioWorkletNode(output.context, "tape");
  window.tape = [];
  tape.port.onmessage = ({ data }) => window.tape.push(...data);
  output.connect(tape).connect(output.context.destination);
}
"""


def test_the_first_loop_takes_three_actions(tab: "Tab", studio: Any) -> None:
    """Open, type, Enter: it plays, and it is a take like any other."""
    make(tab)
    tab.wait_for_function("() => window.dittoPlayer.take !== null")
    tab.wait_for_selector("#heard b")  # said a moment after the last letter
    assert tab.locator("#heard").inner_text() == "Heard: dusty, boom bap, electric piano"
    assert [request.prompt for request in asked(studio)] == ["dusty boom bap, rhodes"]
    assert "token" not in tab.url


def test_a_curve_drawn_with_the_mouse_arrives_to_a_tenth_of_a_decibel(tab: "Tab", studio: Any) -> None:
    """The request holds what the lane shows, at the beats that it snapped to."""
    box = tab.locator("#intensity canvas").bounding_box()
    assert box is not None
    inner = box["height"] - 20
    drawn = [(0.0, -40.0), (4.0, -30.0), (8.0, -12.0), (12.0, -24.0)]
    for beat, level_db in drawn:
        tab.mouse.click(box["x"] + beat / 16 * box["width"] + 0.5, box["y"] + 10 + (1 - (level_db + 48) / 42) * inner)
    shown = tab.evaluate("() => document.getElementById('intensity').groups")
    make(tab)
    target = asked(studio)[0].controls[0].target
    assert isinstance(target, Curve)
    found = [(float(point.beat), point.value) for point in target.points]
    assert [beat for beat, _ in found] == [beat for beat, _ in drawn]
    assert [value for _, value in found] == pytest.approx([value for _, value in shown], abs=0.1)
    assert [value for _, value in found] == pytest.approx([value for _, value in drawn], abs=0.2)  # a pixel is 0.28 dB


@pytest.mark.parametrize("bend", [0, 0.4])
def test_a_curve_of_a_loop_that_was_made_shorter_is_sent_as_it_is_seen(tab: "Tab", studio: Any, bend: float) -> None:
    """At the new end it has the value that is drawn there, not that of a point behind it; longer again, all is back."""
    tab.evaluate(
        """(bend) => {
          const lane = document.getElementById("intensity");
          lane.replace([[0, -40], [4, -40], [16, -10]]);
          lane.points[1][2] = bend;
          document.getElementById("melody").replace([[60, 12, 1, 100]]);
        }""",
        bend,
    )
    seen = tab.evaluate(
        """async (bend) => {
          const { bent } = await import("/static/js/curve.js");
          return -40 + 30 * bent(1 / 3, bend);
        }""",
        bend,
    )
    tab.select_option("[name=bars]", "2")
    make(tab)
    (control,) = asked(studio)[0].controls
    assert control.kind == "intensity", "a melody behind the loop is not asked for"
    points = [(float(point.beat), point.value) for point in control.target.points]
    assert points[:2] == [(0, -40), (4, -40)]
    assert points[-1] == (8, pytest.approx(seen, abs=0.01))
    assert [value for _, value in points] == sorted(value for _, value in points)
    tab.select_option("[name=bars]", "4")
    assert tab.evaluate("() => document.getElementById('intensity').groups").pop() == [16, -10]


def test_a_bent_line_is_sent_as_it_is_drawn(tab: "Tab", studio: Any) -> None:
    """Brackets bend the line after the chosen point; undo takes it back."""
    tab.focus("#intensity canvas")
    for key in ("Enter", "Enter", "ArrowLeft", "]", "]"):
        tab.keyboard.press(key)
    assert tab.evaluate("() => document.getElementById('intensity').points[0][2]") == pytest.approx(0.4)
    make(tab)
    assert len(asked(studio)[0].controls[0].target.points) > 4
    tab.focus("#intensity canvas")
    tab.keyboard.press("Control+z")
    assert tab.evaluate("() => document.getElementById('intensity').points[0][2]") == pytest.approx(0.2)


def test_a_dropped_midi_file_is_the_melody(tab: "Tab", studio: Any, tmp_path: Path) -> None:
    """Its notes stand in the roll, as often as the file fits into the loop, and the request holds the same."""
    notes = [Note(pitch=60 + step, start=exact(step), duration=exact("1/2"), velocity=90) for step in (0, 2, 4, 7)]
    file = tmp_path / "tune.mid"
    file.write_bytes(write_midi(score_of_notes(notes, tempo_bpm=exact(120), meter=Meter(4, 4), name="Lead")))
    drop(tab, file)
    tab.wait_for_function("() => document.getElementById('melody').notes.length === 8")
    make(tab)
    target = asked(studio)[0].controls[0].target
    assert isinstance(target, Notes)
    wanted = [(note.pitch, note.start + turn) for turn in (0, 8) for note in notes]
    assert [(note.pitch, note.start) for note in target.notes] == wanted


def test_a_passage_brings_its_tempo_and_signature(tab: "Tab", tmp_path: Path) -> None:
    """From bar 3 on the song is a slower waltz, and so is the loop; the roll has as many beats as that."""
    notes = tuple(Note(pitch=60, start=exact(beat), duration=exact(1)) for beat in range(40))
    score = Score(
        (ScoreTrack("Lead", notes),),
        tempos=(TempoChange(exact(0), exact(120)), TempoChange(exact(8), exact(90))),
        meters=(MeterChange(exact(0), Meter(4, 4)), MeterChange(exact(8), Meter(3, 4))),
    )
    file = tmp_path / "song.mid"
    file.write_bytes(write_midi(score))
    drop(tab, file)
    tab.wait_for_function("() => document.getElementById('melody').notes.length === 16")
    tab.fill("#set-start", "bar 3")
    tab.click("#set-melody")
    tab.wait_for_function("() => document.getElementById('melody').notes.length === 12")
    assert tab.input_value("[name=tempo_bpm]") == "90"
    assert tab.input_value("[name=time_signature]") == "3/4"


def test_a_drawn_point_makes_the_take_again_from_its_own_noise(tab: "Tab", studio: Any) -> None:
    """While a take plays, drawing asks for the same take with the new curve, and the page plays it."""
    make(tab)
    tab.wait_for_function("() => window.dittoPlayer.take !== null")
    first = tab.evaluate("() => window.dittoPlayer.take.id")
    tab.locator("#intensity canvas").click(position={"x": 300, "y": 60})
    tab.wait_for_function("(id) => window.dittoPlayer.take?.id !== id", arg=first)
    request = asked(studio)[0]
    assert request.start.take_id == first
    assert request.controls[0].kind == "intensity"


def test_the_next_take_comes_in_without_a_gap(free_tab: "Tab", studio: Any) -> None:
    """While a take plays another is made: to the sample, the old one sounds to a bar, and the new one from there."""
    tab = free_tab
    tab.evaluate(RECORD, TAPE_MODULE)
    tab.fill("[name=seed]", "1")
    make(tab, "toy: steps=1")
    tab.wait_for_function("() => window.dittoPlayer.take !== null")
    first = tab.evaluate("() => window.dittoPlayer.take.id")
    tab.fill("[name=seed]", "2")  # another sine of the toy's, so that the two can be told apart
    make(tab, "toy: steps=1")
    tab.wait_for_function("(id) => window.dittoPlayer.take?.id !== id", arg=first)
    wanted = tab.evaluate("() => window.tape.length") + 3 * 44_100  # a bar at 120 BPM lasts two seconds
    tab.wait_for_function("(n) => window.tape.length > n", arg=wanted)
    new, old = (
        read_audio(take.wav)[0][0] * 0.8 for take in stored_takes(studio.service.takes)
    )  # the page's own volume
    heard = samples(tab, "window.tape")
    begin = int(np.flatnonzero(np.abs(heard) > 1e-6)[0]) - int(np.flatnonzero(np.abs(old) > 1e-6)[0])
    sound = heard[begun(begin, heard, old) :]
    place = np.arange(len(sound)) % len(old)
    is_old, is_new = (np.abs(sound - take[place]) < 1e-4 for take in (old, new))
    change = int(np.flatnonzero(~is_old)[0])
    assert is_new[change:].all(), "a sample is neither the old take's nor the new one's in its place"
    bar = len(old) // 4
    last_bar = change - change % bar
    assert is_new[last_bar:].all(), f"the new take begins {change % bar} samples after the bar"


def begun(guess: int, heard: "np.ndarray[Any, Any]", take: "np.ndarray[Any, Any]") -> int:
    """Return where in `heard` the take begins, near a guess: its first samples may be too quiet to see."""
    count = 4_000
    near = range(max(guess - 8, 0), guess + 9)
    return min(near, key=lambda at: float(np.abs(heard[at : at + count] - take[:count]).max()))


def test_a_search_can_be_stopped(tab: "Tab", studio: Any) -> None:
    """Its best so far is kept."""
    tab.fill("#prompt", "toy: steps=400 pause=0.05")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".job progress[value]")
    tab.click("text=Stop here")
    tab.wait_for_selector(CARD)
    tab.wait_for_selector(".job", state="detached")
    assert len(asked(studio)) == 1


def test_a_reload_in_the_middle_loses_nothing(tab: "Tab", studio: Any) -> None:
    """The draft, the running search and its progress are there again; its take lands in the list."""
    tab.focus("#intensity canvas")
    tab.keyboard.press("Enter")
    tab.fill("#prompt", "toy: steps=30 pause=0.05")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".job progress[value]")
    tab.reload()
    tab.wait_for_selector(".job progress[value]")
    assert tab.input_value("#prompt") == "toy: steps=30 pause=0.05"
    assert tab.evaluate("() => document.getElementById('intensity').points.length") == 1
    tab.wait_for_selector(CARD)


def test_the_engine_may_go_and_come_back(own_tab: "Tab", own_studio: Any) -> None:
    """The page says that it is gone, waits, and what was asked meanwhile is made."""
    own_studio.service.stop_engine(kill=True)
    own_tab.wait_for_selector("#engine[data-alive=no]")
    own_tab.fill("#prompt", "techno")
    own_tab.keyboard.press("Enter")
    own_studio.restart_engine()
    own_tab.wait_for_selector("#engine[data-alive=yes]")
    own_tab.wait_for_selector(CARD)


def test_two_tabs_show_the_same_takes(tab: "Tab", studio: Any) -> None:
    """What one makes the other lists; only the one that asked plays it."""
    other = tab.context.new_page()
    other.goto(studio.address)
    other.wait_for_selector("#engine[data-alive=yes]")
    make(tab)
    other.wait_for_selector(CARD)
    tab.wait_for_function("() => window.dittoPlayer.take !== null")
    assert other.evaluate("() => window.dittoPlayer.take") is None


def test_a_take_is_kept_found_and_used_again(tab: "Tab", studio: Any) -> None:
    """Favourite, search, details with pictures, its settings back in the form, its sound as a file."""
    make(tab, "warm house")
    make(tab, "dark techno")
    card = tab.locator(CARD, has_text="warm house")
    card.get_by_label("Favourite").click()
    tab.fill("#find", "house")
    tab.wait_for_function("() => document.querySelectorAll('#cards .card').length === 1")
    tab.locator(CARD).get_by_text("Details").click()
    tab.wait_for_selector(f"{CARD} canvas.spectrum")
    with tab.expect_download() as download:
        tab.locator(CARD).get_by_text("Save WAV").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"RIFF"
    tab.fill("#prompt", "something else")
    tab.locator(CARD).get_by_text("Use its settings").click()
    assert tab.input_value("#prompt") == "warm house"
    assert [take.prompt for take in stored_takes(studio.service.takes) if take.favourite] == ["warm house"]


def test_takes_are_compared_at_the_bar_and_at_one_loudness(tab: "Tab", studio: Any) -> None:
    """A/B goes to and fro between the last two that played."""
    make(tab, "one")
    tab.wait_for_function("() => window.dittoPlayer.take?.prompt === 'one'")
    make(tab, "two")
    tab.wait_for_function("() => window.dittoPlayer.take?.prompt === 'two'")
    tab.click("#ab")
    assert tab.evaluate("() => window.dittoPlayer.take.prompt") == "one"
    tab.click("#ab")
    assert tab.evaluate("() => window.dittoPlayer.take.prompt") == "two"


def test_words_from_elsewhere_never_become_markup(tab: "Tab", studio: Any) -> None:
    """A prompt with a script in it is shown as it was typed."""
    evil = "<img src=x onerror=\"document.title='owned'\">"
    make(tab, evil)
    assert tab.locator(f"{CARD} h2").first.inner_text() == evil
    assert tab.title() == "Ditto Live"


def test_nothing_is_cut_off_at_any_width(tab: "Tab") -> None:
    """On a phone, a tablet and a desk nothing needs sideways scrolling, in both themes, with a take open."""
    make(tab)
    tab.locator(CARD).get_by_text("Details").click()
    tab.wait_for_selector(f"{CARD} canvas.spectrum")
    for width in (390, 768, 1440):
        tab.set_viewport_size({"width": width, "height": 800})
        for _theme in ("light", "dark"):
            tab.click("#theme")
            assert tab.evaluate("() => document.documentElement.scrollWidth") <= width


def test_all_that_the_page_needs_is_small() -> None:
    """Every file of it together is under 300 kB."""
    from bridge.page.files import STATIC

    files = [path for path in STATIC.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 300_000
