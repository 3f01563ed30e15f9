"""Layers and chords as producers write them: read, said, handed on by a take, or answered in one clear sentence."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.request import encode_request
from bridge.requests.fields import Frontend
from bridge.requests.layers import layer_names
from bridge.requests.reader import Reading, read_request
from bridge.requests.sent import Rows
from bridge.takes import delivery
from engine.audio.wav import write_loop
from engine.errors import BadRequestError, DittoError
from engine.events import Sound, Take
from engine.request import LAYERS, LoopRequest, Method
from midi.live.testing import midi_clip_xml, set_xml, track_xml
from midi.notes import DRUM_CHANNEL, Note
from midi.smf.score import ScoreTrack, score_of_notes
from midi.smf.write import write_midi
from midi.tempo import Meter

MELODY = Path(__file__).parents[3] / "docs" / "examples" / "melody.mid"
TRIADS = {"Am": (57, 60, 64), "F": (53, 57, 60), "C": (48, 52, 55), "G": (55, 59, 62)}


def read(**settings: str) -> Reading:
    """Return what is read of settings as they are typed."""
    return read_request({"seed": "1"} | settings, frontend=Frontend.COMMAND_LINE, request_id="r")


def played(*names: str, beats: int = 4) -> list[Note]:
    """Return a bar of block chords for each name."""
    return [
        Note(pitch=pitch, start=Fraction(beats * bar), duration=Fraction(beats))
        for bar, name in enumerate(names)
        for pitch in TRIADS[name]
    ]


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("drums,bass", ("drums", "bass")), ("bass drums", ("drums", "bass")), ("Lead & Drums", ("drums", "lead")),
        ("TEXTURE", ("texture",)), ("bass, bass and chords", ("bass", "chords")), ("drums+bass", ("drums", "bass")),
    ],
)  # fmt: skip
def test_layers_are_read_as_people_write_them(text: str, layers: tuple[str, ...]) -> None:
    """Any order, any case, with commas, blanks, plus or and: they are the layers in their own order."""
    assert read(layers=text).request.layers == layers


def test_an_error_offers_only_what_is_allowed() -> None:
    """A control moves some layer, so that none is not among what its error lists; where it is allowed, it is."""
    with pytest.raises(BadRequestError) as fault:
        read(melody=str(MELODY), **{"melody.on": "leed"})
    assert "Did you mean lead?" in fault.value.remedy
    assert "none" not in fault.value.remedy
    with pytest.raises(BadRequestError) as fault:
        read(mute="leed")
    assert "none stands alone" in fault.value.remedy


@pytest.mark.parametrize("settings", [{"bars": "many"}, {"melody": str(MELODY), "melody.within": "8"}])
def test_no_error_says_to_change_the_value_after_it_has_said_how(settings: dict[str, str]) -> None:
    """What is allowed stands in the sentence or in the remedy, once."""
    with pytest.raises(BadRequestError) as fault:
        read(**settings)
    assert "Change the value" not in fault.value.remedy


@pytest.mark.parametrize(
    ("settings", "words", "remedy"),
    [
        ({"layers": "drum,bass"}, "--layers names 'drum'", "Did you mean drums?"),
        ({"layers": "melody"}, "'melody', which is no layer", "Did you mean lead?"),
        ({"layers": "pads"}, "'pads'", "Did you mean chords?"),
        ({"layers": "none"}, "at least one layer", "words and seed decide"),
        ({"layers": "mix,bass"}, "one sound of everything", "mix alone"),
        ({"mute": "mix"}, "one sound of everything", "Name layers"),
        ({"mute": "bas"}, "--mute names 'bas'", "Did you mean bass?"),
        ({"layers": ","}, "names no layer", "drums, percussion"),
        ({"layers": "lead", "mute": "lead"}, "All layers are muted", "fewer"),
        ({"layers": "lead", "mute": "bass"}, "but the layers are lead", "Add bass"),
        ({"again": "bass"}, "--again needs the take", ""),
        ({"layers": "mix", "chords": "C |"}, "chords needs layers", "Leave out"),
        ({"melody.on": "lead"}, "'melody' is not among", ""),
        ({"chords": "Am Xyz | C"}, "Bar 1: 'Xyz' is not a chord", "Write bars"),
        ({"chords": "C | C/Q"}, "Bar 2: 'Q' after the slash", "note"),
        ({"chords": "i VI"}, "is a degree of a key", "--key F minor"),
        ({"chords": "C | F | G", "bars": "4"}, "3 bars, which a loop of 4 bars does not hold", "ask for 3 bars"),
        ({"chords": "C % G"}, "% repeats a whole bar", "alone between bar lines"),
        ({"melody": str(MELODY), "melody.on": "none"}, "is none, but a control moves some layer", "Leave out melody"),
        ({"chords": "nothing.mid#Keys"}, "nothing.mid", ""),
        ({"with": "nothing.wav"}, "nothing.wav", ""),
    ],
)
def test_each_fault_has_one_clear_sentence(settings: dict[str, str], words: str, remedy: str) -> None:
    """The sentence names what was written, the remedy what is near or what to do."""
    with pytest.raises(DittoError) as fault:
        read(**settings)
    assert words in fault.value.sentence
    assert remedy in fault.value.remedy


@given(st.text(max_size=30))
def test_any_text_is_layers_or_one_sentence(text: str) -> None:
    """Whatever is written, the answer is layers in their order, or a sentence that lists them."""
    try:
        found, remedy = layer_names(text, "layers", mix=True), ""
    except BadRequestError as error:
        found, remedy = (), error.remedy
    assert found == ("mix",) or tuple(layer for layer in LAYERS if layer in found) == found
    assert found or "drums" in remedy or "mix" in remedy


@pytest.mark.parametrize(
    ("settings", "chords", "said"),
    [
        ({"chords": "Am  F | C G/B"}, "Am F | C G/B", "The chords have 2 bars and are played 2 times."),
        ({"chords": "Am |"}, "Am |", "The chords have 1 bar and are played once for each bar."),
        ({"chords": "Am F C G"}, "Am F C G", ""),
        ({"chords": "Am | F | C | G | Em", "bars": "4"}, "Am | F | C | G |", "5 bars; the loop has the first 4"),
        ({"chords": "Am | F", "bars": "1"}, "Am |", "2 bars; the loop has only the first."),
        ({"chords": "i VI | III VII", "key": "A minor"}, "i VI | III VII", "The chords in A minor: Am F | C G."),
        ({"chords": "I", "prompt": "house in D major"}, "I", "The chords in D major: D."),
    ],
)
def test_chords_fill_the_loop_bar_by_bar(settings: dict[str, str], chords: str, said: str) -> None:
    """Fewer bars come again, more are cut, degrees are told by letters; each in one sentence."""
    reading = read(**settings)
    assert reading.request.chords == chords
    assert said in " ".join(reading.remarks)


@pytest.mark.parametrize(
    ("settings", "bars"),
    [
        ({"chords": "Am | F | C | G | Em"}, 5),
        ({"chords": "i | VI | III", "key": "A minor"}, 3),
        ({"chords": "Am | F"}, 4),
        ({"chords": "Am F C G C F G C"}, 4),  # one row that shares the loop, however long
        ({"chords": "Am | F | C", "prompt": "house, 6 bars"}, 6),
        ({"chords": "none"}, 4),
    ],
)
def test_without_a_number_of_bars_the_loop_has_those_of_its_chords(settings: dict[str, str], bars: int) -> None:
    """Unless they fill the usual length evenly; another length is said, and no chord is lost."""
    reading = read(**settings)
    assert reading.request.bars == bars
    typed = settings["chords"].count("|") + 1
    assert any(f"The chords have {bars} bars, and so has the loop." in one for one in reading.remarks) is (
        typed == bars
    )


def test_a_clips_chords_are_read_and_said(tmp_path: Path) -> None:
    """A track of a MIDI file, a track of a Live set and a clip that is sent are the same chords; drums do not count."""
    keys = played("Am", "F", "C", "G")
    drums = [Note(pitch=36, start=Fraction(beat), duration=Fraction(1), channel=DRUM_CHANNEL) for beat in range(16)]
    score = score_of_notes(keys, tempo_bpm=Fraction(120), meter=Meter())
    tracks = (ScoreTrack("Keys", tuple(keys), Fraction(16)), ScoreTrack("Drums", tuple(drums), Fraction(16)))
    (tmp_path / "song.mid").write_bytes(write_midi(replace(score, tracks=tracks)))
    from_file = read(chords=f"{tmp_path}/song.mid#Keys")
    assert from_file.request.chords == "Am | F | C | G"
    assert "The chords of song.mid: Am | F | C | G." in from_file.remarks
    assert read(chords=f"{tmp_path}/song.mid").request.chords == "Am | F | C | G"
    with pytest.raises(DittoError, match=r"song\.mid: There are no pitched notes"):
        read(chords=f"{tmp_path}/song.mid#Drums")
    rows = Rows(tuple((note.pitch, note.start, note.duration, 100) for note in keys))
    sent = read_request({"seed": "1"}, {("notes", "chords"): rows}, frontend=Frontend.OSC, request_id="r")
    assert sent.request == from_file.request
    with pytest.raises(DittoError, match="twice"):
        read_request({"chords": "Am"}, {("notes", "chords"): rows})


def test_a_live_sets_chords_are_read(tmp_path: Path) -> None:
    """`SET.als#Keys` gives the chords of that track's clip, which goes round in the loop."""
    notes = [(pitch, 4.0 * bar, 4.0, 100) for bar, name in enumerate(("Am", "F")) for pitch in TRIADS[name]]
    clip = midi_clip_xml(notes, name="Verse", length=8.0, loop=(0.0, 8.0))
    (tmp_path / "Song.als").write_bytes(set_xml(track_xml("Keys", session=clip)))
    assert read(chords=f"{tmp_path}/Song.als#Keys").request.chords == "Am | F | Am | F"


def recording(path: Path, beats: float, tempo_bpm: int = 90, *, loop: bool = True) -> Path:
    """Write a recording of so many beats; with `loop` the file tells its tempo."""
    samples = np.full((2, round(beats * 60 / tempo_bpm * 8_000)), 0.1, np.float32)
    samples[:, 0] = 0.9
    if loop:
        meter = Meter()
        write_loop(path, samples, 8_000, tempo_bpm=Fraction(tempo_bpm), beats=Fraction(round(beats)), meter=meter)
    else:
        soundfile.write(path, samples.T, 8_000)
    return path


def beside(reading: Reading) -> np.ndarray:
    """Return the recording that is heard beside a loop."""
    assert reading.request.beside is not None
    return np.frombuffer(reading.request.beside.samples, "<f4").reshape(-1, 2)[:, 0]


def test_a_recording_brings_its_tempo_and_length(tmp_path: Path) -> None:
    """Where neither is given they are the file's, and that is said; what is given counts, and that is said, too."""
    file = str(recording(tmp_path / "drums.wav", 8))
    own = read(**{"with": file, "layers": "bass"})
    assert (own.request.tempo_bpm, own.request.bars) == (90, 2)
    assert [remark for remark in own.remarks if "drums.wav" in remark] == [
        "drums.wav says 90 BPM, and so the loop is made.",
        "drums.wav has 2 bars, and so the loop has.",
    ]
    other = read(**{"with": file, "tempo_bpm": "120", "bars": "1"})
    assert (other.request.tempo_bpm, other.request.bars) == (120, 1)
    assert any("says 90 BPM; the loop is made at 120 BPM" in remark for remark in other.remarks)
    plain = read(**{"with": str(recording(tmp_path / "plain.wav", 16, 120, loop=False))})
    assert any("does not tell its tempo; it is heard at 120 BPM" in remark for remark in plain.remarks)


@pytest.mark.parametrize(
    ("beats", "strikes", "said"), [(4, 4, "heard 4 times"), (5.5, 1, "lasts 5.5 beats"), (20, 1, "longer"), (16, 1, "")]
)
def test_a_recording_is_as_long_as_the_loop(tmp_path: Path, beats: float, strikes: int, said: str) -> None:
    """Whole beats that fit go round, others are cut or have silence after them; the rest of the request is as asked."""
    file = recording(tmp_path / "drums.wav", beats, 120, loop=False)
    reading = read(**{"with": str(file), "tempo_bpm": "120", "bars": "4"})
    heard = beside(reading)
    assert len(heard) == 8 * 8_000
    assert (heard > 0.5).sum() == strikes
    assert said in " ".join(reading.remarks)
    with pytest.raises(BadRequestError, match="only be a file"):
        encode_request(reading.request, "n")


def test_a_recording_shorter_than_a_beat_is_refused(tmp_path: Path) -> None:
    """One sentence with its name; nothing can fit half a beat."""
    with pytest.raises(DittoError, match=r"hit\.wav is shorter than a beat"):
        read(**{"with": str(recording(tmp_path / "hit.wav", 0.4, loop=False)), "tempo_bpm": "90", "bars": "1"})


def kept(folder: Path, request: LoopRequest, record: dict[str, object]) -> str:
    """Put a take of this request into the folder and return its id."""
    sound = Sound(samples=np.zeros((request.samples, 2), "<f4").tobytes(), sample_rate=request.sample_rate)
    take = Take(request_id="r", take=0, sound=sound, scores={}, noise=b"noise", record=record)
    return delivery.write_take(folder, request, take).take_id


def child(folder: Path, take: str, **settings: str) -> Reading:
    """Return the request that starts from a take."""
    return read_request({"from_take": take, **settings}, takes=folder, frontend=Frontend.COMMAND_LINE)


LAYERED: dict[str, Any] = {"layers": ("drums", "bass", "lead"), "chords": "Am F | C G", "mute": ("lead",)}
RECORD: dict[str, object] = {"layers": ["drums", "bass", "lead"], "chords": "Am F | C G", "muted": ["lead"]}


def test_layers_and_chords_are_handed_on_and_listed(tmp_path: Path) -> None:
    """A take's layers, chords and what is muted stay where they are not given, and one sentence lists them."""
    take = kept(tmp_path, LoopRequest(bars=2, prompt="dub", method=Method.NONE, **LAYERED), RECORD)
    same = child(tmp_path, take)
    assert (same.request.layers, same.request.chords, same.request.mute) == tuple(LAYERED.values())
    assert "layers drums, bass, lead, chords Am F | C G, lead muted" in same.remarks[0]
    assert "Nothing is changed" in same.remarks[-1]
    other = child(tmp_path, take, chords="Dm | Bb", mute="none")
    assert (other.request.chords, other.request.mute) == ("Dm | Bb", ())
    assert "chords" not in other.remarks[0]
    free = child(tmp_path, take, chords="None")
    assert free.request.chords == ""
    assert "chords" not in free.remarks[0]
    muted = child(tmp_path, take, mute="drums")
    assert muted.request.budget.steps == 0
    assert muted.request.seed == same.request.seed
    assert "only what is muted" in muted.remarks[-1]
    stems = child(tmp_path, take, stems="1")
    assert stems.request.stems
    assert "Nothing is changed" in stems.remarks[-1]


def test_again_has_a_new_seed_and_names_layers_of_the_take(tmp_path: Path) -> None:
    """The layers that are made anew get other noise; one that the take does not have is said with those that it has."""
    request = LoopRequest(bars=2, prompt="dub", seed=9, layers=("drums", "bass", "lead"))
    take = kept(tmp_path, request, RECORD)
    again = child(tmp_path, take, again="bass")
    assert again.request.again == ("bass",)
    assert again.request.seed != 9
    assert any("was chosen" in remark for remark in again.remarks)
    grandchild = child(tmp_path, kept(tmp_path, again.request, RECORD))
    assert grandchild.request.again == ()
    with pytest.raises(BadRequestError, match=r"the layers of take .* are drums, bass, lead"):
        child(tmp_path, take, again="texture")


def test_a_take_of_before_layers_goes_on_as_one_full_mix(tmp_path: Path) -> None:
    """Its record tells no layers: that is said, nothing is asked of layers, and layers cannot be made anew."""
    old = kept(tmp_path, LoopRequest(bars=2, prompt="dub"), {"model": "pocket"})
    same = child(tmp_path, old)
    assert any("before loops had layers" in remark for remark in same.remarks)
    assert (same.request.layers, same.request.chords) == ((), "")
    assert "Nothing is changed" in same.remarks[-1]
    with pytest.raises(BadRequestError, match="one full mix"):
        child(tmp_path, old, again="bass")
    mix = kept(tmp_path, LoopRequest(bars=2, prompt="dub", layers=("mix",)), {"layers": []})
    assert any("one full mix" in remark for remark in child(tmp_path, mix).remarks)
    sidecar = delivery.read_sidecar(next(tmp_path.glob(f"*/*{old}.json")))
    assert sidecar.as_made == msgspec.structs.replace(sidecar.request, layers=("mix",))


def test_chords_for_other_bars_are_fitted(tmp_path: Path) -> None:
    """Chords that a take hands on to a loop of other bars are cut bar by bar, and that is said."""
    request = LoopRequest(bars=3, tempo_bpm=Fraction(120), prompt="dub", chords="Am | F | C", layers=("bass",))
    take = kept(tmp_path, request, {"layers": ["bass"]})
    faster = child(tmp_path, take, bars="4", tempo_bpm="160")
    assert faster.request.chords == "Am | F | C | Am |"
    assert any("begin again from bar 4 on" in remark for remark in faster.remarks)
    slower = child(tmp_path, take, bars="2", tempo_bpm="80")
    assert slower.request.chords == "Am | F |"


def test_a_stem_is_a_name_of_its_take(tmp_path: Path) -> None:
    """Who names the file of a stem means the take that it belongs to."""
    request = LoopRequest(bars=1, prompt="dub", layers=("drums", "bass"))
    name = kept(tmp_path, request, {"layers": ["drums", "bass"]})
    wav = next(tmp_path.glob(f"*/*{name}.wav"))
    stem = wav.with_stem(f"{wav.stem}-bass")
    stem.write_bytes(wav.read_bytes())
    start = child(tmp_path, str(stem)).request.start
    assert start is not None
    assert start.take_id == name


def test_a_take_hands_on_what_the_asked_layers_leave_room_for(tmp_path: Path) -> None:
    """A full mix takes over no chords and no mute, layers no mute of one they lack; nothing is refused."""
    asked = read(layers="drums,bass,lead", chords="Am | F", mute="bass,lead", bars="2").request
    name = kept(tmp_path, asked, {"layers": ["drums", "bass", "lead"], "chords": "Am | F", "key": "A minor"})
    mix = child(tmp_path, name, layers="mix")
    assert (mix.request.layers, mix.request.chords, mix.request.mute) == (("mix",), "", ())
    assert mix.request.key == "A minor"
    fewer = child(tmp_path, name, layers="drums,lead")
    assert (fewer.request.chords, fewer.request.mute) == ("Am | F", ("lead",))
    assert any("lead muted" in remark and "bass" not in remark for remark in fewer.remarks)
    with pytest.raises(BadRequestError, match="chords needs layers"):
        child(tmp_path, name, layers="mix", chords="C | G")
