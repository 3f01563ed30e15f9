"""The report: it shows what the file holds, for every kind of request, and never fails for a strange prompt."""

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from bridge.report import measure
from bridge.report.head import facts, layer_facts, tiles_of, title, width
from bridge.report.page import write_report
from bridge.report.record import Record
from bridge.report.style import HEARD, WRONG
from engine.audio.wav import write_loop
from engine.errors import BadInputError
from engine.request import Control, Curve, LoopRequest, Notes, Onsets, Point, Words
from midi.grooves.rhythm import Onset
from midi.notes import Note

RATE = 22_050


def sine(hz: float, seconds: float = 2.0) -> np.ndarray:
    """Return a sine that closes round the loop."""
    samples = round(seconds * RATE)
    turns = round(hz * seconds)
    return 0.25 * np.sin(2 * np.pi * turns * np.arange(samples) / samples)


def curve(unit: str, *values: float) -> Curve:
    """Return a curve over four beats."""
    points = tuple(Point(Fraction(4 * i, len(values)), value) for i, value in enumerate(values))
    return Curve(points=points, unit=unit)  # type: ignore[arg-type]


def request(*controls: Control, **given: object) -> LoopRequest:
    """Return a request for one bar at 120 BPM: two seconds."""
    return LoopRequest(bars=1, sample_rate=RATE, controls=controls, **given)  # type: ignore[arg-type]


INTENSITY = Control(kind="intensity", target=curve("db", -30, -9))
EVERYTHING = (
    INTENSITY,
    Control(kind="melody", target=Notes(notes=(Note(69, Fraction(0), Fraction(2)),))),
    Control(kind="rhythm", target=Onsets(onsets=(Onset(Fraction(1), 1.0),))),
    Control(kind="brightness", target=curve("hz", 400, 4_000)),
    Control(kind="structure", target=Words(text="AABA")),
)


def drawn(tmp_path: Path, asked: LoopRequest, audio: np.ndarray, **given: object) -> np.ndarray:
    """Return the page about `audio` as pixels."""
    wav, png = tmp_path / "loop.wav", tmp_path / "loop.png"
    write_loop(wav, audio.astype(np.float32), RATE, tempo_bpm=asked.tempo_bpm, beats=asked.beats, meter=asked.meter)
    arguments = {"scores": {}, "record": {}} | given
    write_report(png, wav, asked, **arguments)  # type: ignore[arg-type]
    return np.asarray(imread(png))


@pytest.mark.parametrize("hz", [55.0, 220.0, 880.0, 3_520.0])
def test_a_tone_stands_in_its_own_row(hz: float) -> None:
    """The loudest band of the spectrogram is the tone's, all the way round the loop."""
    picture = measure.spectrogram(sine(hz), RATE, circular=True, frames=40)
    loudest = picture.rows[picture.values.argmax(0)]
    assert np.abs(12 * np.log2(loudest / hz)).max() < 0.6, "within a quarter tone"


def test_silence_stays_dark_in_the_melody() -> None:
    """A note and then hiss 60 dB below: the hiss does not shine as twelve notes."""
    mono = sine(880) * (np.arange(2 * RATE) < RATE) + np.random.default_rng(0).normal(0, 2e-4, 2 * RATE)
    picture = measure.chroma(mono, RATE, circular=True)
    half = picture.values.shape[1] // 2
    assert picture.values[9, half // 2] == 1.0, "A"
    assert picture.values[:, half + half // 4 : -half // 4].max() < 0.2


def test_the_wrap_is_shown_with_its_past_before_its_future() -> None:
    """The last sample stands left of the first."""
    audio = np.arange(100, dtype=np.float32)[None]
    times, samples = measure.around_the_wrap(audio, 1_000, 0.005)
    assert samples[0].tolist() == [95, 96, 97, 98, 99, 0, 1, 2, 3, 4]
    assert times.tolist() == [-5, -4, -3, -2, -1, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(("controls", "channels"), [((), 1), (EVERYTHING, 2)], ids=["nothing", "everything"])
def test_a_page_is_drawn_for_any_request(controls: tuple[Control, ...], channels: int, tmp_path: Path) -> None:
    """With no control or all of them, mono or stereo, open or circular: a page that is not empty."""
    audio = np.stack([sine(220)] * channels)
    scores = {"intensity_mse": 0.4, "intensity_rho": None, "melody_accuracy": 0.96, "seam_ratio": 1.4}
    losses = {"intensity": [1.0, 0.1], "melody": [2.0, float("nan")]} if controls else {}
    record = {"loss_curves": losses}
    pixels = drawn(tmp_path, request(*controls, loop=channels == 2), audio, scores=scores, record=record)
    assert pixels.shape[0] > 1500
    assert pixels.std() > 0.05


@given(st.text(min_size=1, max_size=200), st.integers(10, 60))
def test_any_prompt_makes_a_title_that_fits(prompt: str, room: int) -> None:
    """One line, never wider than its room, and whole where it fits."""
    line = title(prompt, room)
    assert width(line) <= room
    assert "\n" not in line
    assert line == " ".join(prompt.split()) or line.endswith("…")


def test_silence_and_a_strange_prompt_can_be_drawn(tmp_path: Path) -> None:
    """No formula is set, no warning raised for a script without a font, and nothing runs off the page."""
    asked = request(INTENSITY, prompt="$dollar_{signs}$ ^_^ 夜のループ " * 9)
    pixels = drawn(tmp_path, asked, np.zeros((2, 2 * RATE)))
    assert np.ptp(pixels[:, -8:, :3], axis=(0, 1)).max() < 0.01, "the right margin is empty"


def test_what_was_asked_changes_the_picture(tmp_path: Path) -> None:
    """The same sound with another curve is another page."""
    audio = np.stack([sine(220)] * 2)
    pages = [
        drawn(tmp_path / name, request(Control(kind="intensity", target=curve("db", *levels))), audio)
        for name, levels in (("a", (-30.0, -9.0)), ("b", (-9.0, -30.0)))
        if not (tmp_path / name).mkdir()
    ]
    assert np.abs(pages[0] - pages[1]).max() > 0.3


def test_a_control_of_ones_own_is_drawn_where_its_metric_says(tmp_path: Path) -> None:
    """Not its name but its panel decides: a level asked for under another name is drawn as a level."""
    audio, target = np.stack([sine(220)] * 2), curve("db", -30, -9)
    swell = Control(kind="swell", target=target)
    pages = [
        drawn(tmp_path / name, request(swell), audio, record={"panels": panels})
        for name, panels in (("shown", {"swell": "level"}), ("not", {}))
        if not (tmp_path / name).mkdir()
    ]
    assert np.abs(pages[0] - pages[1]).max() > 0.3


def test_verdicts_stand_on_the_page(tmp_path: Path) -> None:
    """Each has a line, in the colour of its grade; a record that is damaged costs them, not the page."""
    audio = np.stack([sine(220)] * 2)
    said = [
        {"grade": "good", "sentence": "melody: followed, 97 % of its time sounds as asked."},
        {"grade": "miss", "sentence": "intensity: missed by 4.5 dB between bars 2 and 3."},
    ]
    (tmp_path / "plain").mkdir()
    plain = drawn(tmp_path / "plain", request(INTENSITY), audio, record={"verdicts": [{"grade": "odd"}]})
    pixels = drawn(tmp_path, request(INTENSITY), audio, record={"verdicts": said})
    assert pixels.shape[0] > plain.shape[0]
    dots = pixels[: pixels.shape[0] // 6, :, :3].reshape(-1, 3)
    for colour in (HEARD, WRONG):
        assert np.abs(dots - to_rgb(colour)).max(1).min() < 0.02, colour


def test_scores_are_tiles_and_missing_ones_leave_no_gap() -> None:
    """A tile says the figure, what it is, and whether it is good; of many, three and the seam."""
    tiles = tiles_of({"intensity_mse": 5.0, "melody_accuracy": 0.962, "seam_ratio": None})
    assert [(tile.figure, tile.good) for tile in tiles] == [("5.00", False), ("96%", True)]
    names = ("intensity_mse", "intensity_rho", "melody_accuracy", "rhythm_f1", "structure_mse", "seam_ratio")
    many = tiles_of(dict.fromkeys(names, 0.5))
    assert [tile.name for tile in many][-1] == "seam, clean to 1"
    assert len(many) == 4


def test_the_facts_say_what_was_made() -> None:
    """One bar is not one bars."""
    assert facts(request(seed=7, key="A minor")).split("  ·  ")[:5] == [
        "1 bar",
        "4/4",
        "120 BPM",
        "A minor",
        "seed 7",
    ]


@pytest.mark.parametrize(
    ("key", "name"), [("F minor", "Db"), ("A major", "C#"), (None, "C#"), ("none", "C#"), (3, "C#")]
)
def test_pitch_classes_are_spelt_as_the_takes_key_is(key: object, name: str) -> None:
    """Where the record names none, black keys have their usual names."""
    assert Record.of({"key": key}).note_names[1] == name


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """And says which file it was."""
    audio = np.zeros((2, 2 * RATE), np.float32)
    asked = request()
    write_loop(tmp_path / "a.wav", audio, RATE, tempo_bpm=asked.tempo_bpm, beats=asked.beats, meter=asked.meter)
    with pytest.raises(BadInputError, match=r"page\.png cannot be written"):
        write_report(tmp_path / "missing" / "page.png", tmp_path / "a.wav", asked, {}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_the_head_tells_layers_chords_and_how_they_were_followed() -> None:
    """One line has all that a take's record tells of them; of a full mix, or a record of before, there is none."""
    verdicts = [{"grade": "good", "sentence": "chords: followed, 90 % of its chords are recognised."}]
    record = {"layers": ["drums", "bass"], "muted": ["bass"], "chords": "Am | F", "verdicts": verdicts}
    line = layer_facts(record)
    assert line == "drums, (bass)  ·  Am | F  ·  followed, 90 % of its chords are recognised"
    assert layer_facts({}) == layer_facts({"layers": [], "chords": ""}) == ""
    assert layer_facts({"layers": ["lead"], "chords": "C |", "verdicts": None}) == "lead  ·  C"


@pytest.mark.parametrize("named", ["data", "", "own"])
def test_a_home_that_cannot_be_written_is_no_word_on_the_terminal(tmp_path: Path, named: str) -> None:
    """The list of fonts goes to the data folder, else to a folder that is gone afterwards, or where the user says."""
    nowhere = tmp_path / "file" / "home"
    (tmp_path / "file").touch()
    home = tmp_path / "data" if named == "data" else nowhere
    places = {"HOME": str(nowhere), "DITTO_HOME": str(home), "TMPDIR": str(tmp_path)}
    own = {"MPLCONFIGDIR": str(tmp_path / "own")} if named == "own" else {}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "MPL"))}
    ran = subprocess.run(
        [sys.executable, "-c", "import bridge.report.page, os; print(os.environ['MPLCONFIGDIR'])"],
        env=kept | places | own, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert ran.stderr == ""
    folder = Path(ran.stdout.strip())
    assert folder.is_dir() == (named != "")
    if named:
        assert folder == (tmp_path / "own" if named == "own" else home / "matplotlib")
        assert list(folder.glob("fontlist*"))
