"""The committed device, its cords and its script, over real UDP to the real bridge and a real engine at toy size."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from midi.live.testing import envelope_xml, max_device_xml, set_xml, track_xml


def request_of(clip: dict[str, Any]) -> dict[str, Any]:
    """Return the request in the sidecar of a clip's file."""
    return dict(json.loads(Path(clip["file"]).with_suffix(".json").read_text("utf-8"))["request"])


def control(request: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(row for row in request["controls"] if row["kind"] == kind)


def assert_is_a_loop(clip: dict[str, Any], *, beats: float, tempo_bpm: float = 133.37) -> None:
    """The clip's markers, loop and warp say exactly what the file is."""
    assert (clip["looping"], clip["warping"]) == (1, 1)
    assert (clip["loop_start"], clip["loop_end"]) == pytest.approx((0, beats))
    assert (clip["start_marker"], clip["end_marker"]) == pytest.approx((0, beats))
    seconds = beats * 60 / tempo_bpm
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        assert beat_at(clip["markers"], share * seconds) == pytest.approx(share * beats, abs=1e-3)


def beat_at(markers: list[list[float]], seconds: float) -> float:
    """Return the beat that Live would play at a time of the file."""
    after = next((i for i, marker in enumerate(markers) if i and marker[0] >= seconds - 1e-9), len(markers) - 1)
    (left, left_beat), (right, right_beat) = markers[after - 1], markers[after]
    return left_beat + (right_beat - left_beat) * (seconds - left) / (right - left)


def assert_clean(result: dict[str, Any]) -> None:
    """No message went where nothing takes it, and Live had nothing to complain about."""
    assert result["problems"] == []
    assert result["console"] == []


def test_a_press_ends_with_a_clip_that_follows_lane_and_clip(play, shared_service):
    """Generate, with a learned lane and a MIDI clip: clip, file and request are all right, and the face has spoken."""
    result = play("generate")
    assert_clean(result)
    assert result["answer"] not in (
        "Ready. Press Generate.",
        "Learned 4 bars. Press Generate.",
    )  # 40 ms after the press
    assert result["status"] == "Landed on ‘Bass & Co’."
    assert "Collect All and Save" in result["hint"]
    assert result["learn"] == 0  # off by itself after its pass
    (clip,) = result["clips"]
    assert_is_a_loop(clip, beats=16)
    assert Path(clip["file"]).parents[1] == shared_service.settings.takes
    assert clip["name"] == "dusty boom bap, Rhodes 1"
    assert clip["warp_mode"] == 0
    assert clip["fired"] == 0

    request = request_of(clip)
    assert Fraction(request["tempo_bpm"]) == Fraction("133.37")
    assert request["prompt"] == "dusty boom bap, Rhodes"
    points = [(float(Fraction(beat)), value) for beat, value in control(request, "intensity")["target"]["points"]]
    assert points[0] == pytest.approx((0, -30))
    assert points[-1][0] == 16
    for beat, value in points[:-1]:
        assert value == pytest.approx(-30 + beat, abs=0.1)
    notes = control(request, "melody")["target"]["notes"]
    starts = [float(Fraction(note["start"])) for note in notes]
    assert starts == list(range(16))  # a clip of four beats, played four times
    assert [note["pitch"] for note in notes[:4]] == [60, 62, 64, 67]


@pytest.mark.parametrize(
    "guess",
    [
        {"beats": 8},
        {"beats": 32},
        {"shift": 0.031, "beats": 15.7},
        {"beats": 17.3, "extra": [[1.0, 2.9], [3.0, 7.1]]},
        {"beats": 16, "extra": [[2.0, 4.9]]},
    ],
)
def test_a_wrong_guess_of_lives_is_put_right(play, guess):
    """Live's own warping guesses another tempo, a late first beat or more markers: the clip ends up straight."""
    result = play("simple", guess=guess)
    assert_clean(result)
    assert_is_a_loop(result["clips"][0], beats=16)


def test_other_metres_and_lengths(play):
    """Three bars of 7/8 are 10.5 beats in the request and in the clip."""
    result = play("simple", signature=[7, 8], tempo=97.5, moves={"bars": 3})
    assert_is_a_loop(result["clips"][0], beats=10.5, tempo_bpm=97.5)
    assert request_of(result["clips"][0])["meter"] == {"numerator": 7, "denominator": 8}


def test_lost_datagrams_change_nothing(play):
    """A quarter of all datagrams vanish, in both directions: one clip, and the request is whole."""
    result = play("simple", loss=0.25, picks={"melody": "Keys: hook", "rhythm": "Keys: beat"})
    (clip,) = result["clips"]
    assert_is_a_loop(clip, beats=16)
    kinds = [row["kind"] for row in request_of(clip)["controls"]]
    assert sorted(kinds) == ["intensity", "melody", "rhythm"]
    assert len(control(request_of(clip), "rhythm")["target"]["onsets"]) == 16


def test_a_long_clip_travels_in_chunks(play):
    """Six hundred notes are more than a datagram holds; all arrive, and no datagram is longer than Max sends."""
    result = play("simple", busy=600, moves={"bars": 16}, picks={"rhythm": "Keys: busy"}, loss=0.1)
    sent = [args for path, *args in result["sent"] if path == "/ditto/loop/onsets"]
    assert {args[3] for args in sent} == {4}
    assert result["problems"] == []
    assert len(control(request_of(result["clips"][0]), "rhythm")["target"]["onsets"]) == 600


def test_settings_reach_the_request(play):
    """Every control of the face that is part of a request is in it."""
    result = play(
        "simple",
        moves={
            "bars": 2,
            "seed": 4711,
            "quality": 0,
            "key": 13,
            "intensity": -25,
            "intensity_strength": 150,
            "melody_strength": 0,
        },
        picks={"melody": "Keys: hook"},
        prompt="café, 東京 100 %",
    )
    request = request_of(result["clips"][0])
    assert request["prompt"] == "café, 東京 100 %"
    assert (request["bars"], request["seed"], request["quality"], request["key"]) == (2, 4711, "draft", "F minor")
    assert [row["kind"] for row in request["controls"]] == ["intensity"]
    assert control(request, "intensity")["weight"] == pytest.approx(1.5)
    assert {value for _, value in control(request, "intensity")["target"]["points"]} == {-25.0}


def test_the_sets_scale_is_the_key(play):
    """With Set's scale chosen and a scale on in Live, the request has its key."""
    result = play("simple", song={"scale_mode": 1, "root_note": 5, "scale_name": "Minor"})
    assert request_of(result["clips"][0])["key"] == "F minor"


def test_velocities_are_an_intensity(play):
    """With Velocity as the source the curve follows the clip's velocities, also with the melody left out."""
    result = play("simple", moves={"source": 3, "melody_strength": 0}, picks={"melody": "Keys: hook"})
    request = request_of(result["clips"][0])
    assert [row["kind"] for row in request["controls"]] == ["intensity"]
    values = [value for _, value in control(request, "intensity")["target"]["points"]]
    assert max(values) > min(values)


def test_a_drawn_curve_is_sent_and_kept(play):
    """What the mouse draws in the display is the intensity, and is stored with the set."""
    result = play("drawing")
    assert "Nothing is drawn yet" in result["empty"]
    points = control(request_of(result["clips"][0]), "intensity")["target"]["points"]
    values = [value for _, value in points]
    assert max(values) > min(values) + 5
    assert values[0] == pytest.approx(values[-1])  # closed at the wrap
    assert result["kept"][0] == "ditto1"


@pytest.mark.parametrize(("track", "twin"), [("Bass & Co", False), ('AC/DC "live" #2', False), ("低音", True)])
def test_the_lane_of_the_saved_set_is_the_intensity(play, tmp_path, track, twin):
    """The lane of our own Intensity is read from the saved set at the loop brace, whatever the track is called."""
    events = [(-63072000, -30.0), (16, -30.0), (24, -12.0), (32, -24.0)]
    other = [(-63072000, -20.0), (16, -39.0)]
    lanes = (envelope_xml(8001, other) if twin else "") + envelope_xml(8002, events)
    devices = "".join(max_device_xml("Ditto Live.amxd", "Intensity", number, -40, -10) for number in (8001, 8002))
    live_set = tmp_path / "曲 #1.als"
    live_set.write_bytes(set_xml(track_xml(track, lanes=lanes, devices=devices)))
    song = {"loop_start": 16, "file_path": str(live_set)}
    result = play("simple", moves={"source": 2}, song=song, track=track, twin=twin)
    points = control(request_of(result["clips"][0]), "intensity")["target"]["points"]
    assert [(float(Fraction(beat)), value) for beat, value in points] == [(0, -30), (8, -12), (16, -24)]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"frozen": True}, "‘Bass & Co’ is frozen"),
        ({"onMidi": True}, "holds no audio clips"),
        ({"onGroup": True}, "is a group"),
        ({"prompt": " "}, "Type a prompt first"),
        ({"moves": {"source": 1}}, "No lane is learned"),
        ({"moves": {"source": 2}}, "The set is not saved yet"),
        ({"moves": {"source": 3}}, "Velocities come from the melody clip"),
        ({"picks": {"melody": "Clip in Detail View"}}, "is not there"),
        ({"moves": {"source": 2}, "file": "/nowhere/gone.als"}, "gone.als"),
        ({"picks": {"place": "Simpler"}, "version": [12, 4, 0]}, "There is no Simpler on ‘Bass & Co’"),
    ],
)
def test_every_refusal_is_a_sentence(play, parameters, words):
    """What cannot be done is said in words on the face, and nothing lands."""
    result = play("simple", words=words, **parameters)
    assert result["clips"] == []
    assert words in result["status"]


def test_a_full_track_is_said_and_the_take_lands_elsewhere(play, wav):
    """Without a slot or a scene nothing is replaced; another track is picked and Land puts the same take there."""
    result = play("fullThenElsewhere", wav=str(wav))
    assert result["problems"] == []
    assert result["console"] == ["RuntimeError: The number of scenes is limited"]
    assert "Every slot of ‘Bass & Co’ holds a clip" in result["full"]
    assert [clip["file"] for clip in result["clips"]] == [str(wav)] * 3
    assert_is_a_loop(result["spare"][0], beats=16)


@pytest.mark.parametrize("what", ["bridge", "engine", "both"])
def test_a_restart_in_the_middle_loses_nothing(play, service, what):
    """Bridge, engine or both are stopped and started while the loop is made: the clip comes, once."""
    parts = ("bridge", "engine") if what == "both" else (what,)

    def restart() -> None:
        service.stop(*parts)
        service.start(*reversed(parts))

    service.start()
    result = play("restart", steps=12, what="restart", orders={"restart": restart})
    assert len(result["clips"]) == 1
    assert_is_a_loop(result["clips"][0], beats=16)


def test_without_an_engine_the_press_waits(play, service):
    """No engine: the face says how to start one, and what was asked is made when it comes."""
    result = play("noEngine", orders={"start": service.start})
    assert "Looking for the engine" in result["before"]
    assert "ditto-live install-service" in result["pressed"]
    assert len(result["clips"]) == 1


def test_a_copy_of_the_device_has_a_line_of_its_own(play):
    """Two devices with the same stored id work at once: each gets its own loop, on its own port."""
    result = play("twoInstances")
    assert len(set(result["ports"])) == 2
    (first,), (second,) = result["clips"], result["copy"]
    assert request_of(first)["prompt"] == "first pad"
    assert request_of(second)["prompt"] == "second pad"


@pytest.mark.parametrize("folder", ["音楽 フォルダ", "Größe & 100 %"])
def test_folder_names_in_any_language(play, service, folder):
    """Takes lie in a folder with a Japanese name, spaces or a per cent sign; Live gets the real path."""
    service.move_takes(folder)
    service.start()
    (clip,) = play("simple")["clips"]
    assert folder in clip["file"]
    assert Path(clip["file"]).is_file()


def test_several_takes_go_into_successive_slots(play):
    """Three takes, three slots, three files; keep marks one and drop removes a clip, never a file."""
    result = play("takes")
    assert len(set(result["files"])) == 3
    assert len(result["clips"]) == 2
    assert all(Path(file).is_file() for file in result["files"])
    assert len(result["after"]) == 2
    assert any(path == "/ditto/take/favourite" for path, *_ in result["sent"])


def test_into_the_arrangement(play):
    """The clip is copied to the loop brace, with its loop, and the slot is empty again."""
    result = play("simple", picks={"place": "Arrangement"}, song={"loop_start": 32}, count=0, words="Arrangement")
    assert result["clips"] == []
    (clip,) = result["arrangement"]
    assert clip["start_time"] == 32
    assert_is_a_loop(clip, beats=16)


def test_into_simpler(play):
    """From Live 12.4 on a Simpler on the track takes the file; before, the choice is greyed out."""
    result = play("simple", picks={"place": "Simpler"}, version=[12, 4, 0], simpler=True, words="Simpler")
    assert Path(result["simpler"]).is_file()
    with pytest.raises(pytest.fail.Exception, match="greyed out"):
        play("simple", picks={"place": "Simpler"}, version=[12, 3, 5], words="Simpler")


def test_warp_mode_and_level_are_the_producers(play, wav):
    """Complex only on request, and the clip gain of the chosen track's clip is taken over."""
    result = play("simple", moves={"warp": 2}, level=str(wav), picks={"level": "Loud"})
    assert result["clips"][0]["warp_mode"] == 4
    assert result["clips"][0]["gain"] == 0.25


@pytest.mark.parametrize(
    ("use", "kind"),
    [
        ("Sounds like", "timbre"),
        ("Groove of", "rhythm"),
        ("Form of", "structure"),
        ("Continue it", "outpaint"),
        ("Keep bars 1-2", "inpaint"),
    ],
)
def test_an_audio_clip_is_material_and_the_curve_may_be_brightness(play, wav, use, kind):
    """A clip's file reaches the engine as what the menu says, the curve as brightness, and the set's sample rate."""
    result = play("simple", level=str(wav), picks={"audio": "Loud: other.wav", "use": use, "drives": "Brightness"})
    request = request_of(result["clips"][0])
    assert sorted(row["kind"] for row in request["controls"]) == sorted(["brightness", kind])
    bright = control(request, "brightness")["target"]
    assert (bright["unit"], bright["low"], bright["high"]) == ("unit", 400, 4000)
    assert request["bars"] == 4
    assert request["sample_rate"] == 44_100


def test_layers_chords_strengths_and_stems(play):
    """Lit layers, a clip's chords and a drawn strength reach the engine; stems land on tracks; one layer comes anew."""
    result = play("layers")
    assert len(result["stems"]) == 4
    for clip in result["stems"]:
        assert Path(clip["file"]).is_file()
        assert_is_a_loop(clip, beats=16)
    layers = {Path(clip["file"]).stem.rpartition("-")[2] for clip in result["stems"]}
    assert layers == {"drums", "bass"}
    takes = {Path(clip["file"].rpartition("-")[0] + ".json") for clip in result["stems"]}
    first, again = sorted(
        (json.loads(path.read_text("utf-8"))["request"] for path in takes), key=lambda row: bool(row.get("again"))
    )
    assert first["layers"] == ["drums", "bass"]
    assert "|" in first["chords"]
    weights = [weight for _beat, weight in control(first, "rhythm")["weight_curve"]]
    assert min(weights) < 0.1
    assert max(weights) > 0.9
    assert again["again"] == ["bass"]
    assert again["chords"] == first["chords"]


def test_drums_are_told_apart_in_the_engine(play):
    """The clip of a Drum Rack arrives as strokes of kick and snare."""
    result = play("simple", kit=True, picks={"rhythm": "Keys: beat"})
    strokes = control(request_of(result["clips"][0]), "rhythm")["target"]["onsets"]
    assert {stroke["group"] for stroke in strokes} == {"kick", "snare"}


def test_redraw_follows_a_lane_that_has_changed(play):
    """The same lane again makes nothing; another one makes one new clip in the next slot, fired."""
    result = play("redraw")
    assert result["same"] == 1
    first, second = result["clips"]
    assert (first["fired"], second["fired"]) == (0, 1)
    assert request_of(second)["start"] is not None
    assert request_of(second)["count"] == 1


def test_redraw_waits_for_hands_and_for_the_next_pass(play):
    """Automation that plays is no edit, a hand is, and one pass of the loop has one render at most."""
    result = play("edits")
    assert result["automated"] == 1
    assert result["samePass"] == 2
    assert len(result["clips"]) == 3


def test_opened_again(play):
    """A saved set brings back prompt and picks under the same id with a new nonce, and saving writes nothing."""
    result = play("reopened")
    assert (result["prompt"], result["place"]) == ("warm pad", 3)
    assert result["first"][1] == result["second"][1]
    assert result["first"][2].split("-")[0] != result["second"][2].split("-")[0]
    assert result["writesAfterSave"] == result["writes"]
    assert result["rewrites"] == 0


def test_an_old_live_gets_one_plain_sentence(play):
    """Before Live 12.2 the device says so and does nothing else."""
    result = play("oldLive")
    assert "needs Live 12.2 or newer" in result["hint"]
    assert "This is Live 12.1" in result["status"]
    assert result["sent"] == []
