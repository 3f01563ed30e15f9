"""What a device names becomes values: settings, chunks, files, lanes, takes; and faults become sentences."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.osc.assembly import Assembly
from bridge.osc.codec import decode
from bridge.osc.request import encode_request
from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from bridge.takes.delivery import write_take
from engine.audio.wav import write_loop
from engine.errors import BadRequestError, DittoError
from engine.events import Sound, Take
from engine.request import Audio, Budget, Control, Curve, LoopRequest, Method, Notes, Onsets, Point, Quality, Words
from midi.grooves.rhythm import Onset
from midi.notes import Note
from midi.tempo import Meter, snapped


def _assembly(request: LoopRequest) -> Assembly:
    assembly = Assembly(0.0)
    for data in encode_request(request, "n1").parts.values():
        for message in decode(data):
            if message.path == "/ditto/loop/set":
                assembly.set(str(message.values[1]), str(message.values[2]))
            elif message.path != "/ditto/loop/begin":
                assembly.add(message)
    return assembly


def _read(assembly: Assembly, takes: Path) -> Reading:
    return read_request(
        assembly.settings, assembly.rows, frontend=Frontend.OSC, takes=takes, request_id="r1", instance="live"
    )


def _set(tmp_path: Path, **settings: str) -> Reading:
    assembly = Assembly(0.0)
    for name, value in settings.items():
        assembly.set(name.replace("__", "."), value)
    return _read(assembly, tmp_path)


def test_a_request_over_osc_is_the_request(tmp_path: Path) -> None:
    """Every field and every kind of target that OSC carries arrives as it was."""
    request = LoopRequest(
        prompt="dusty boom bap, Rhodes, 100 % Müsli",
        negative_prompt="vocals",
        tempo_bpm=Fraction(13337, 100),
        meter=Meter(7, 8),
        bars=3,
        key="F minor",
        seed=2**53 - 1,
        count=3,
        method=Method.DITTO,
        quality=Quality.DRAFT,
        budget=Budget(steps=40, seconds=2.5, until_tolerance=False, plain_start=True),
        sample_rate=48_000,
        loop=False,
        request_id="r1",
        controls=(
            Control(
                kind="intensity",
                weight=2.5,
                within=(Fraction(1), Fraction(5)),
                target=Curve(points=(Point(Fraction(0), -30.0), Point(Fraction(10, 3), -12.5)), low=-40.0, high=-10.0),
            ),
            Control(
                kind="melody",
                target=Notes(
                    notes=(Note(60, Fraction(0), Fraction(1, 3)), Note(64, Fraction(1, 3), Fraction(2, 7), 80))
                ),
            ),
            Control(
                kind="rhythm",
                target=Onsets(onsets=(Onset(Fraction(0), 1.0, "kick"), Onset(Fraction(6, 5), 0.5, "snare"))),
            ),
            Control(kind="structure", target=Words(text="AABA")),
            Control(kind="text", target=Words(text="warm")),
        ),
    )
    made = _read(_assembly(request), tmp_path)
    assert made.request == request
    assert all(remark.startswith(("Heard: ", "Negative prompt: ")) for remark in made.remarks)


@given(st.fractions(0, 256, max_denominator=9))
def test_beats_survive_32_bit_floats(beat: Fraction) -> None:
    """Every tuplet up to nine is exact although a float on the wire has 24 bits."""
    assert snapped(float(np.float32(float(beat)))) == beat


def test_the_slot_belongs_to_the_instance(tmp_path: Path) -> None:
    """Slots of two devices with one name do not replace each other."""
    assert _set(tmp_path, slot="A").request.slot == "live/A"


def test_a_drum_clip_becomes_onsets_and_a_chord_one_voice(tmp_path: Path) -> None:
    """Notes for the rhythm are strokes; notes for the melody are one line."""
    chord = tuple(Note(pitch, Fraction(0), Fraction(1)) for pitch in (60, 64, 67))
    request = LoopRequest(
        controls=(Control(kind="melody", target=Notes(notes=chord)), Control(kind="rhythm", target=Notes(notes=chord)))
    )
    melody, rhythm = _read(_assembly(request), tmp_path).request.controls
    assert isinstance(melody.target, Notes)
    assert len(melody.target.notes) == 1
    assert isinstance(rhythm.target, Onsets)


def test_velocities_are_an_intensity(tmp_path: Path) -> None:
    """A clip's velocities, held from note to note, are a curve of 0..1."""
    notes = (Note(60, Fraction(0), Fraction(1), 127), Note(60, Fraction(2), Fraction(1), 64))
    assembly = _assembly(LoopRequest(controls=(Control(kind="melody", target=Notes(notes=notes)),)))
    assembly.set("intensity_source", "velocities")
    curve = next(c.target for c in _read(assembly, tmp_path).request.controls if c.kind == "intensity")
    assert isinstance(curve, Curve)
    assert [(p.beat, round(p.value, 2)) for p in curve.points] == [(0, 1.0), (2, 1.0), (2, 0.5)]
    assert curve.unit == "unit"


def test_reference_audio_is_read(tmp_path: Path) -> None:
    """A file that is named arrives as samples, with the beats to keep; its folder may be Japanese."""
    path = tmp_path / "ループ" / "a b.wav"
    path.parent.mkdir()
    write_loop(
        path, np.full((2, 44_100), 0.1, np.float32), 44_100, tempo_bpm=Fraction(120), beats=Fraction(2), meter=Meter()
    )
    made = _set(tmp_path, inpaint=str(path), keep="0:2,4:8", timbre=str(path))
    timbre, inpaint = made.request.controls
    assert isinstance(inpaint.target, Audio)
    assert inpaint.target.keep == ((0, 2), (4, 8))
    assert isinstance(timbre.target, Audio)


def test_a_take_is_a_start(tmp_path: Path) -> None:
    """`from_take` brings the noise of a kept take."""
    sound = Sound(samples=bytes(8 * 100), sample_rate=44_100)
    take = Take(request_id="r0", take=0, sound=sound, scores={}, noise=b"noise", record={})
    kept = write_take(tmp_path, LoopRequest(request_id="r0"), take)
    start = _set(tmp_path, from_take=kept.take_id, variation="0.25").request.start
    assert start is not None
    assert (start.noise, start.variation) == (b"noise", 0.25)


@pytest.mark.parametrize("part", ["weight", "within", "target"])
def test_what_is_set_for_a_control_that_is_not_there_is_refused(part: str, tmp_path: Path) -> None:
    """A slip of the pen is heard of, by every way in, and not after a minute of work."""
    if part == "target":
        assert _set(tmp_path, density__target="dense").request.controls[0].kind == "density"
        return
    with pytest.raises(BadRequestError, match="'melody' is not among this loop's controls"):
        _set(tmp_path, **{f"melody__{part}": "2:3" if part == "within" else "2"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"melody_file": "MIDI", "rhythm_file": "MIDI"}, {"melody": "MIDI", "rhythm": "MIDI"}),
        ({"timbre_file": "WAV", "structure_file": "WAV"}, {"timbre": "WAV", "structure": "WAV"}),
        ({"inpaint_file": "WAV", "inpaint_keep": "0:2,4:8"}, {"inpaint": "WAV", "keep": "0:2,4:8"}),
        ({"outpaint_file": "WAV", "bars": "4"}, {"inpaint": "WAV", "outpaint": "2"}),
    ],
)
def test_names_of_an_earlier_version_are_read_and_said(
    old: dict[str, str], new: dict[str, str], tmp_path: Path
) -> None:
    """A script of an earlier version makes the same request, and hears once how each setting is called now."""
    write_loop(
        tmp_path / "a.wav", np.ones((2, 176_400), np.float32), 44_100, tempo_bpm=120, beats=Fraction(8), meter=Meter()
    )
    midi = Path(__file__).parents[3] / "docs" / "examples" / "melody.mid"
    files = {"WAV": str(tmp_path / "a.wav"), "MIDI": str(midi)}

    def read(settings: dict[str, str]) -> Reading:
        return _set(tmp_path, seed="1", **{name: files.get(value, value) for name, value in settings.items()})

    assert read(old).request == read(new).request
    for name in old.keys() - {"bars"}:
        assert sum(name in remark for remark in read(old).remarks) == 1


@pytest.mark.parametrize(
    ("prompt", "given_settings", "fields", "said"),
    [
        ("hip hop in F minor at 90 bpm", {}, (90, "F minor", "4/4", 4), "says 90 BPM, F minor, and so"),
        ("house at 90 bpm", {"tempo_bpm": "120"}, (120, None, "4/4", 4), "says 90 BPM, but the request has 120 BPM"),
        ("house at 120 bpm", {"tempo_bpm": "120"}, (120, None, "4/4", 4), ""),
        ("waltz in 3/4, 8 bars", {}, (120, None, "3/4", 8), "says 3/4, 8 bars, and so"),
        ("funk in Bb minor", {"key": "A# minor"}, (120, "A# minor", "4/4", 4), ""),
        ("techno, a fill every 2 bars, 1/16 hats, 7 bpm", {}, (120, None, "4/4", 4), ""),
    ],
)
def test_what_the_prompt_says_counts_where_nothing_else_is_said(
    prompt: str,
    given_settings: dict[str, str],
    fields: tuple[int, str | None, str, int],
    said: str,
    tmp_path: Path,
) -> None:
    """Tempo, key, metre and bars of the prompt are used and said, or said to be overruled; equal ones are no news."""
    made = _set(tmp_path, prompt=prompt, seed="1", **given_settings)
    request = made.request
    assert (request.tempo_bpm, request.key, str(request.meter), request.bars) == fields
    first, *more = made.remarks
    assert (said in first and len(more) == 1) if said else (first.startswith("Heard: ") and not more)


def test_a_prompts_key_counts_before_a_guess(tmp_path: Path) -> None:
    """The melody's key is guessed where neither a setting nor the prompt names one, and said."""
    midi = str(Path(__file__).parents[3] / "docs" / "examples" / "melody.mid")
    guessed = _set(tmp_path, melody=midi, seed="1")
    assert guessed.request.key == "A minor"
    assert any("the notes suggest A minor" in remark for remark in guessed.remarks)
    assert _set(tmp_path, melody=midi, prompt="house in C major").request.key == "C major"


def test_without_a_seed_two_loops_differ_and_the_seed_is_said(tmp_path: Path) -> None:
    """Who asks again wants something else, by every way; who liked it can name its seed."""
    one, other = (_set(tmp_path, prompt="house") for _ in range(2))
    assert one.request.seed != other.request.seed
    assert one.remarks == (f"Seed {one.request.seed} was chosen.", "Heard: house.")
    assert LoopRequest().seed != LoopRequest().seed


def test_an_unknown_setting_is_answered_with_the_nearest(tmp_path: Path) -> None:
    """Over OSC and in Python alike."""
    with pytest.raises(BadRequestError) as fault:
        read_request({"promt": "house"})
    assert "prompt" in fault.value.remedy


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tempo_bpm": "5"}, "20"),
        ({"tempo_bpm": "fast"}, "number"),
        ({"bars": "0"}, "Bars may be 1 to 16"),
        ({"bars": "1.5"}, "whole number"),
        ({"time_signature": "4/5"}, "time signature"),
        ({"key": "H flat"}, "H flat"),
        ({"seed": str(2**53)}, "Seed"),
        ({"method": "magic"}, "ditto-paper"),
        ({"quality": "superb"}, "draft"),
        ({"loop": "perhaps"}, "1 and 0"),
        ({"priority": "mine"}, "batch"),
        ({"intensity_source": "lane"}, "no set"),
        ({"intensity_source": "lane", "lane": "/none.als#a/b/c"}, "none.als"),
        ({"intensity_source": "moon"}, "velocities"),
        ({"intensity_source": "velocities"}, "no notes"),
        ({"melody": "/no/such.mid"}, "such.mid"),
        ({"timbre": "/no/such.wav"}, "such.wav"),
        ({"inpaint": "x.wav"}, "keep"),
        ({"keep": "0:8"}, "inpaint"),
        ({"outpaint": "2"}, "inpaint"),
        ({"inpaint": "x.wav", "outpaint": "0"}, "1 bar or more"),
        ({"melody.low": "x", "melody": "y.mid"}, "y.mid"),
        ({"from_take": "0123456789"}, "no take"),
        ({"from_take": "../../etc/passwd"}, "no take"),
        ({"from_take": "/etc/passwd.wav"}, "no file"),
        ({"variation": "2", "from_take": "x"}, "no take"),
        ({"variation": "0.3"}, "from_take"),
        ({"steps": "-1"}, "Steps"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    """Each fault is one sentence of our own that names it."""
    with pytest.raises(DittoError) as fault:
        _set(tmp_path, **settings)
    assert words in fault.value.sentence
