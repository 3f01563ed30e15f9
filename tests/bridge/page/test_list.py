"""The list of takes in a real Chromium: hundreds of them, names, files to drag, lines to copy, and one loudness."""

import shlex
import shutil
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from tabs import CARD, asked, drop, make

from bridge.cli.main import parse
from bridge.cli.options import typed_settings
from bridge.requests.fields import Frontend
from bridge.requests.reader import read_request
from bridge.takes.library import stored_takes
from midi.live.testing import midi_clip_xml, set_xml, track_xml
from midi.notes import Note
from midi.smf.read import Score, ScoreTrack, write_midi
from midi.tempo import Meter, MeterChange, TempoChange

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

TAKES = 220


def multiply(studio: Any, count: int) -> None:
    """Put copies of the one take beside it, each with an id and a prompt of its own."""
    (take,) = stored_takes(studio.service.takes)
    record = msgspec.json.decode(take.wav.with_suffix(".json").read_bytes())
    for number in range(count - 1):
        wav = take.wav.with_name(f"copy-{number:010x}.wav")
        shutil.copy(take.wav, wav)
        copy = {**record, "take_id": f"{number:010x}", "request": {**record["request"], "prompt": f"copy {number}"}}
        wav.with_suffix(".json").write_bytes(msgspec.json.encode(copy))


def test_two_hundred_takes_are_listed_and_searched(tab: "Tab", studio: Any) -> None:
    """All are counted, more come as one scrolls, and any is found by its words."""
    make(tab)
    multiply(studio, TAKES)
    tab.reload()
    tab.wait_for_function("() => document.querySelectorAll('#cards .card').length >= 200")
    assert tab.locator("#count").inner_text() == f"{TAKES} takes"
    tab.locator("#more").scroll_into_view_if_needed()
    tab.wait_for_function("(all) => document.querySelectorAll('#cards .card').length === all", arg=TAKES)
    tab.fill("#find", "copy 217")
    tab.wait_for_function("() => document.querySelectorAll('#cards .card').length === 1")
    assert tab.locator(f"{CARD} h2").inner_text() == "copy 217"


def test_a_take_has_a_name_that_search_finds(tab: "Tab", studio: Any) -> None:
    """Enter keeps it in the sidecar, Escape the old one, an empty one shows the prompt again."""
    make(tab, "warm house")
    for typed, key, shown in (("Sunset <b>", "Enter", "Sunset <b>"), ("other", "Escape", "Sunset <b>")):
        tab.locator(CARD).get_by_text("Name", exact=True).click()
        tab.keyboard.type(typed)
        tab.keyboard.press(key)
        tab.wait_for_function("(text) => document.querySelector('#cards h2')?.textContent === text", arg=shown)
    assert [take.title for take in stored_takes(studio.service.takes)] == ["Sunset <b>"]
    make(tab, "dark techno")
    tab.fill("#find", "sunset house")
    tab.wait_for_function("() => document.querySelectorAll('#cards .card').length === 1")
    tab.locator(CARD).get_by_text("Name", exact=True).click()
    tab.keyboard.press("Delete")
    tab.keyboard.press("Enter")
    tab.wait_for_function("() => document.querySelector('#cards h2')?.textContent === 'warm house'")


def test_the_line_on_a_card_asks_for_the_same_loop(tab: "Tab", studio: Any) -> None:
    """A curve and a tune that were drawn: copied into a terminal, it is the same request."""
    tab.evaluate("""() => {
        document.getElementById('intensity').replace([[0, -30], [7.25, -12.345], [16, -30]]);
        document.getElementById('melody').replace([[60, 0, 1, 100], [67, 2.5, 0.5, 80]]);
    }""")
    make(tab, "it's 'dub' & more")
    tab.locator(CARD).get_by_text("Details").click()
    line = tab.locator(f"{CARD} code").first.inner_text()
    typed = typed_settings(parse("render", shlex.split(line)[2:]))  # type: ignore[arg-type]  # render's dataclass
    (request,) = asked(studio)
    assert read_request(typed, frontend=Frontend.COMMAND_LINE, request_id=request.request_id).request == request


def test_a_take_is_dragged_out_as_a_file(tab: "Tab", studio: Any) -> None:
    """What is dragged names the file itself, by its real path and by its sound."""
    make(tab)
    tab.locator(CARD).get_by_text("Details").click()
    tab.hover(f"{CARD} a.drag")
    (take,) = stored_takes(studio.service.takes)
    read = """(link) => {
        const data = new DataTransfer();
        link.dispatchEvent(new DragEvent('dragstart', { dataTransfer: data, bubbles: true }));
        const types = ['text/uri-list', 'text/plain', 'DownloadURL'];
        return Object.fromEntries(types.map((type) => [type, data.getData(type)]));
    }"""
    tab.wait_for_function(f"() => ({read})(document.querySelector('{CARD} a.drag')).DownloadURL")
    found = tab.locator(f"{CARD} a.drag").evaluate(read)
    assert found["text/plain"] == str(take.wav.absolute())
    assert found["text/uri-list"] == take.wav.absolute().as_uri()
    assert found["DownloadURL"].startswith("audio/wav:")


def test_a_comparison_is_at_one_loudness(tab: "Tab") -> None:
    """The gain makes one sound as loud as what plays, up or down, and never clips."""
    found = tab.evaluate("""async () => {
        const { matchingGain, rms } = await import('/static/js/player.js');
        const context = new OfflineAudioContext(2, 1000, 44100);
        const buffer = (level, peak = level) => {
            const made = context.createBuffer(2, 1000, 44100);
            for (const channel of [0, 1]) made.getChannelData(channel).fill(level).fill(peak, 0, 1);
            return made;
        };
        const playing = rms(buffer(0.2));
        const others = [buffer(0.2), buffer(0.8), buffer(0.05), buffer(0.05, 0.5), buffer(0)];
        return others.map((one) => matchingGain(one, playing));
    }""")
    assert found[:3] == pytest.approx([1.0, 0.25, 4.0])
    assert found[3] == pytest.approx(2.0)  # its peak is at full scale then
    assert found[4] < 1e10


def test_the_settings_of_a_take_can_be_undone(tab: "Tab") -> None:
    """The form as it was is one press away."""
    make(tab, "warm house")
    tab.fill("#prompt", "my own words")
    tab.locator(CARD).get_by_text("Details").click()
    tab.locator(CARD).get_by_text("Use its settings").click()
    assert tab.input_value("#prompt") == "warm house"
    tab.click("#toast >> text=Undo")
    assert tab.input_value("#prompt") == "my own words"


def test_the_tempo_of_the_prompt_fills_the_form(tab: "Tab") -> None:
    """Words that name a tempo or a key are taken, until somebody fills these fields by hand."""
    tab.fill("#prompt", "techno 133 bpm in F minor")
    tab.wait_for_function("() => document.querySelector('[name=tempo_bpm]').value === '133'")
    assert tab.input_value("[name=key]") == "F minor"
    tab.fill("[name=tempo_bpm]", "90")
    tab.fill("#prompt", "techno 140 bpm")
    tab.wait_for_selector("#heard:has-text('140')")
    assert tab.input_value("[name=tempo_bpm]") == "90"


def test_metre_and_bars_among_the_words_fill_their_fields(tab: "Tab", studio: Any) -> None:
    """What is heard under the prompt is what is made; a field that was filled by hand stays."""
    tab.fill("#prompt", "waltz in 3/4, 8 bars")
    tab.wait_for_function("() => document.querySelector('[name=bars]').value === '8'")
    assert tab.input_value("[name=time_signature]") == "3/4"
    make(tab, "toy: steps=1")
    assert (asked(studio)[0].bars, str(asked(studio)[0].meter)) == (8, "3/4")
    tab.select_option("[name=bars]", "2")
    tab.fill("#prompt", "waltz, 4 bars")
    tab.wait_for_selector("#heard:has-text('4 bars')")
    assert tab.input_value("[name=bars]") == "2"


@pytest.mark.parametrize(("metre", "beats"), [("6:8", 12), ("3/4", 12), (" 7 / 8 ", 14), ("3/64", 0.75)])
def test_lanes_are_as_long_as_the_loop(tab: "Tab", studio: Any, metre: str, beats: float) -> None:
    """However a time signature may be typed: what is drawn falls where it is seen."""
    tab.fill("[name=time_signature]", metre)
    assert tab.evaluate("() => document.getElementById('intensity').beats") == beats
    make(tab, "toy: steps=1")
    assert float(asked(studio)[0].beats) == beats


def test_a_bar_of_a_dropped_song_is_the_melody(tab: "Tab", tmp_path: Path) -> None:
    """Its first track is there at once; the card offers the others, and where in the song to begin."""
    tracks = tuple(
        ScoreTrack(name, tuple(Note(low + beat, Fraction(beat), Fraction(1)) for beat in range(40)))
        for name, low in (("Riff", 40), ("", 50))
    )
    file = tmp_path / "song.mid"
    meters, tempos = (MeterChange(Fraction(0), Meter(3, 4)),), (TempoChange(Fraction(0), Fraction(95)),)
    file.write_bytes(write_midi(Score(tracks, meters=meters, tempos=tempos)))
    drop(tab, file)
    tab.wait_for_function("() => document.getElementById('melody').notes[0]?.[0] === 40")
    assert tab.eval_on_selector_all("#set-clip option", "all => all.map(one => one.text)") == [
        "1 Riff (40 notes)",
        "2 (40 notes)",
    ]
    assert tab.is_hidden("#set-lanes")
    assert (tab.input_value("[name=tempo_bpm]"), tab.input_value("[name=time_signature]")) == ("95", "3/4")
    tab.select_option("#set-clip", label="2 (40 notes)")
    tab.fill("#set-start", "bar 3")
    tab.click("#set-melody")
    tab.wait_for_function("() => document.getElementById('melody').notes[0]?.[0] === 56")
    tab.fill("#set-start", "chorus")
    tab.click("#set-melody")
    tab.wait_for_selector("#toast:has-text('is no position')")


def test_a_clip_of_a_dropped_set_is_the_melody(tab: "Tab", studio: Any, tmp_path: Path) -> None:
    """The set's clips are listed by track, and the chosen one's notes stand in the roll, repeated to the loop."""
    clips = midi_clip_xml([(60, 0, 1, 100)], name="Verse") + midi_clip_xml(
        [(64, 1, 0.5, 90), (67, 2, 1, 80)], name="Hook", time=4
    )
    file = tmp_path / "song.als"
    file.write_bytes(set_xml(track_xml("Lead", arrangement=clips)))
    drop(tab, file)
    tab.select_option("#set-clip", label="Lead: Hook (2 notes)")
    tab.click("#set-melody")
    tab.wait_for_function("() => document.getElementById('melody').notes.length > 0")
    repeated = [note for bar in (0, 4, 8, 12) for note in ([64, 1 + bar, 0.5, 90], [67, 2 + bar, 1, 80])]
    assert tab.evaluate("() => document.getElementById('melody').notes") == repeated
