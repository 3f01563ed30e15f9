"""Layers on the page: chosen, understood, heard one by one, made anew, saved."""

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
from tabs import CARD, ask, asked, drop, make, own, samples

from bridge.page.readings import reading_of_chords
from bridge.page.talk import Talk
from bridge.takes.delivery import stems_of
from bridge.takes.library import stored_takes
from engine.audio.wav import read_audio
from engine.errors import DittoError
from midi.smf.read import read_midi

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

LANE = "ditto-layers"
PANEL = f"{CARD} .panel"
TAPE = """
async () => {
  const { output } = window.dittoPlayer;
  const module = `registerProcessor("tape", class extends AudioWorkletProcessor {
    process([[left]]) { if (left) this.port.postMessage(left.slice()); return true; }
  });`;
  await output.context.audioWorklet.addModule(URL.createObjectURL(new Blob([module], { type: "text/javascript" })));
  const tape = new AudioWorkletNode(output.context, "tape");
  window.tape = [];
  tape.port.onmessage = ({ data }) => window.tape.push(...data);
  output.connect(tape).connect(output.context.destination);
}
"""


def lane(tab: "Tab") -> Any:
    tab.evaluate("() => (document.getElementById('layers').closest('details').open = true)")
    return tab.locator(LANE)


def open_card(tab: "Tab") -> Any:
    tab.locator(CARD).first.get_by_text("Details").click()
    tab.wait_for_selector(PANEL)
    return tab.locator(PANEL).first


def loudness(tab: "Tab", level: float) -> float:
    """Wait until what sounds is as loud as this, and return it."""
    read = "() => Math.max(...window.tape.slice(-8000))"
    tab.wait_for_function(f"(level) => Math.abs(({read})() - level) < 0.002", arg=level)
    return float(samples(tab, "window.tape.slice(-8000)").max())


def test_lit_layers_mutes_and_chords_are_in_the_request(tab: "Tab", studio: Any) -> None:
    """What is lit, muted and typed is asked for, and is there again after a reload."""
    shown = lane(tab)
    for layer in ("drums", "bass", "lead"):
        shown.get_by_role("button", name=layer, exact=True).click()
    shown.locator(".mute[data-layer=lead]").click()
    shown.locator(".mute[data-layer=texture]").click()  # is not lit, so nothing of it is said
    tab.fill(f"{LANE} .chords", "Am F | C G/B")
    tab.reload()
    tab.wait_for_selector("#engine[data-alive=yes]")
    make(tab)
    (request,) = asked(studio)
    assert (request.layers, request.mute) == (("drums", "bass", "lead"), ("lead",))
    assert request.chords.startswith("Am F | C G/B")


def test_a_full_mix_is_one_press(tab: "Tab", studio: Any) -> None:
    """It takes the place of lit layers, and a layer takes its place."""
    shown = lane(tab)
    shown.get_by_role("button", name="bass", exact=True).click()
    shown.get_by_text("one full mix").click()
    make(tab)
    assert asked(studio)[0].layers == ("mix",)
    shown.get_by_role("button", name="drums", exact=True).click()
    make(tab, "another")
    assert asked(studio)[0].layers == ("drums",)


def test_chords_say_how_they_are_understood(tab: "Tab") -> None:
    """Numerals in their key, too many bars, and what is no chord, with a remedy."""
    shown = lane(tab)
    said = shown.locator(".chords-said")
    tab.fill("[name=key]", "A minor")
    tab.fill(f"{LANE} .chords", "i VI | III VII")
    said.get_by_text("Heard: Am F | C G").wait_for()
    tab.fill(f"{LANE} .chords", "Am | Hm7")
    tab.wait_for_selector(".chords-said[data-wrong=yes]")
    assert "Hm7" in said.inner_text()
    tab.fill(f"{LANE} .chords", "")
    tab.wait_for_function("() => document.querySelector('.chords-said').textContent === ''")


@pytest.mark.parametrize(
    "text", ["/etc/passwd", "/home/me/secret.mid", "Song.als#Keys", "N.C.mid", "../x.mid#Lead", "C:\\x.mid", "a.MID"]
)
def test_chords_on_the_page_never_name_a_file(studio: Any, text: str) -> None:
    """Whatever looks like a path is refused before anything is opened."""
    talk: Talk = studio.page._talk
    with pytest.raises(DittoError):
        reading_of_chords(talk._checked("chords", text), "", 4, "4/4")


@pytest.mark.parametrize(
    "text", ["Am F | C G/B", "N.C. | C#m7b5", "i VI | III . VII", "E♭maj7 B♭ø", "C % | %", "F(add9)"]
)
def test_chords_as_they_are_written_pass(studio: Any, text: str) -> None:
    """Letters, numerals, accidentals, no chord, repeats and held parts are no paths."""
    assert studio.page._talk._checked("chords", text) == text


def test_stems_are_heard_one_by_one(free_tab: "Tab", studio: Any) -> None:
    """Together they are the mix; solo and mute change what sounds, in time, and the mix comes back."""
    tab = free_tab
    shown = lane(tab)
    shown.get_by_text("Stems, too").click()
    make(tab, "toy: steps=1")
    tab.wait_for_function("() => window.dittoPlayer.take !== null")
    (take,) = stored_takes(studio.service.takes)
    assert len(stems_of(take.wav)) == 2
    tab.evaluate(TAPE)
    panel = open_card(tab)
    whole = float(np.abs(read_audio(take.wav)[0]).max()) * 0.8  # the page's own volume
    assert loudness(tab, whole) == pytest.approx(whole, abs=0.002)
    panel.get_by_label("Solo bass").click()
    tab.wait_for_function("() => window.dittoPlayer.stemsOf !== null")
    assert loudness(tab, whole / 2) == pytest.approx(whole / 2, abs=0.002)
    panel.get_by_label("Solo bass").click()
    assert loudness(tab, whole) == pytest.approx(whole, abs=0.002)
    panel.get_by_label("Mute drums").click()
    assert loudness(tab, whole / 2) == pytest.approx(whole / 2, abs=0.002)


def test_stems_and_midi_are_saved(tab: "Tab", studio: Any) -> None:
    """Each layer as a WAV, all in one ZIP, and what is heard as MIDI."""
    lane(tab).get_by_text("Stems, too").click()
    make(tab)
    panel = open_card(tab)

    def saved(locator: Any) -> tuple[str, bytes]:
        with tab.expect_download() as download:
            locator.click()
        return download.value.suggested_filename, Path(download.value.path()).read_bytes()

    (take,) = stored_takes(studio.service.takes)
    drums, bass = stems_of(take.wav)
    name, data = saved(panel.get_by_label("Save bass"))
    assert name.endswith("-bass.wav")
    assert data == bass.read_bytes()
    name, data = saved(panel.get_by_text("Save all stems"))
    assert name.endswith("-stems.zip")
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.namelist() == [drums.name, bass.name]
        assert file.read(bass.name) == bass.read_bytes()
    name, data = saved(tab.locator(CARD).get_by_text("Save MIDI"))
    assert name.endswith("-heard.mid")
    assert read_midi(data).tracks


def test_stems_of_a_take_that_has_none_are_made(tab: "Tab", studio: Any) -> None:
    """One press asks for the same take with its stems, by its id."""
    make(tab)
    open_card(tab).get_by_text("Get stems").click()
    tab.wait_for_function("() => document.querySelectorAll('#cards .card').length === 2")
    newest, first = stored_takes(studio.service.takes)
    assert len(stems_of(newest.wav)) == 2
    assert asked(studio)[0].start.take_id == first.take_id


def test_a_layer_is_made_anew(tab: "Tab", studio: Any) -> None:
    """The request names that layer, the take, and a seed of its own; nothing else is changed."""
    make(tab)
    open_card(tab).get_by_label("Again bass").click()
    tab.wait_for_function("() => document.querySelectorAll('#cards .card').length === 2")
    again, first = asked(studio)
    assert again.again == ("bass",)
    assert (again.prompt, again.tempo_bpm, again.bars) == (first.prompt, first.tempo_bpm, first.bars)
    assert again.seed != first.seed


def test_a_stem_is_a_layer_and_never_a_path(studio: Any, tab: "Tab") -> None:
    """Whatever is no layer of the take is not there, and without the token none is."""
    lane(tab).get_by_text("Stems, too").click()
    make(tab)
    (take,) = stored_takes(studio.service.takes)
    for layer in ("lead", "mix", "..", "%2e%2e", "drums/../bass", "drums.wav", "", "%00"):
        assert ask(studio, "GET", f"/takes/{take.take_id}/stems/{layer}", **own(studio))[0] in (400, 404), layer
    assert ask(studio, "GET", f"/takes/{take.take_id}/stems/bass", **own(studio))[0] == 200
    for path in ("stems/bass", "stems.zip", "midi"):
        assert ask(studio, "GET", f"/takes/{take.take_id}/{path}")[0] == 403


def test_a_recording_that_layers_are_to_fit_is_sent(tab: "Tab", studio: Any, tmp_path: Path) -> None:
    """A dropped sound, used that way, lies beside the loop in the request and is in no control."""
    path = tmp_path / "drums.wav"
    soundfile.write(path, 0.1 * np.ones((8 * 44_100, 2)), 44_100)
    drop(tab, path)
    tab.wait_for_selector("#audio-said button")
    tab.select_option("#audio-use", "with")
    make(tab)
    (request,) = asked(studio)
    assert request.beside is not None
    assert request.controls == ()
