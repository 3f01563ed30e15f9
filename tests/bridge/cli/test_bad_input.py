"""Bad input to `render`: one sentence that says what, where and what is allowed; exit 2; nothing left behind."""

from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from bridge.cli.main import run


def midi_file(path: Path, *messages: mido.Message) -> None:
    """Write a MIDI file with these messages."""
    file = mido.MidiFile()
    file.tracks.append(mido.MidiTrack(messages))
    file.save(path)


@pytest.fixture
def material(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of bad files, which is the current one."""
    folder = tmp_path / "material"
    folder.mkdir()
    (folder / "not.mid").write_text("this is a text", encoding="utf-8")
    (folder / "no bytes.mid").touch()
    midi_file(folder / "empty.mid")
    drums = [mido.Message("note_on", channel=9, note=36), mido.Message("note_off", channel=9, note=36, time=240)]
    midi_file(folder / "drums.mid", *drums)
    late = [mido.Message("note_on", note=60, time=480 * 40), mido.Message("note_off", note=60, time=480)]
    midi_file(folder / "späť 遅い.mid", *late)
    (folder / "broken.json").write_text("{", encoding="utf-8")
    (folder / "nan.json").write_text("[[0, NaN]]", encoding="utf-8")
    (folder / "empty.json").write_text("[]", encoding="utf-8")
    (folder / "noise.wav").write_bytes(b"no sound")
    soundfile.write(folder / "surround.wav", np.zeros((100, 9)), 44_100)
    soundfile.write(folder / "short.wav", np.zeros((100, 2)), 44_100)
    (folder / "no controls.py").write_text("x = 1 +", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--melody", "missing.mid"], ["missing.mid", "cannot be read"]),
        (["--melody", "not.mid"], ["not.mid", "is not a MIDI file"]),
        (["--melody", "no bytes.mid"], ["no bytes.mid", "is not a MIDI file"]),
        (["--melody", "empty.mid"], ["empty.mid", "no sounding notes"]),
        (["--melody", "drums.mid"], ["drums.mid", "only drums"]),
        (["--melody", "späť 遅い.mid#@bar 20"], ["späť 遅い.mid", "no notes from bar 20 on", "none after that"]),
        (["--melody", "drums.mid#Lead"], ["drums.mid", "no track 'Lead'", "It has"]),
        (["--rhythm", "empty.mid"], ["empty.mid", "no sounding notes"]),
        (["--bars", "0"], ["Bars may be 1 to 16, not 0"]),
        (["--bars", "17"], ["Bars may be 1 to 16, not 17"]),
        (["--bars", "four"], ["--bars", "a whole number is needed"]),
        (["--seconds", "soon"], ["--seconds", "is not a number"]),
        (["--tempo", "5"], ["5 BPM", "20 to 999"]),
        (["--tempo", "fast"], ["'fast' is not a number"]),
        (["--time-signature", "5/3"], ["5/3 is not a time signature", "1, 2, 4"]),
        (["--key", "H major"], ["'H major' is not a key"]),
        (["--intensity", "0:nan"], ["0:nan", "not a number"]),
        (["--intensity", "0:inf"], ["0:inf", "not a number"]),
        (["--intensity", ""], ["--intensity is empty", "0:-30"]),
        (["--intensity", "0"], ["'0' is not beat:value"]),
        (["--intensity", "8:-9 0:-30"], ["Beat 0 comes after beat 8"]),
        (["--intensity", "0:-30 99:-9"], ["Beat 99 is outside the loop", "0 to 16"]),
        (["--intensity", "-1:-30"], ["-1:-30"]),
        (["--intensity", "curve.txt"], ["'curve.txt' is no curve", ".json"]),
        (["--intensity", "missing.json"], ["missing.json", "cannot be read"]),
        (["--intensity", "broken.json"], ["broken.json", "is not a curve"]),
        (["--intensity", "nan.json"], ["nan.json", "is not a curve"]),
        (["--intensity", "empty.json"], ["no breakpoints"]),
        (["--intensity", "missing.als#Lead/Mixer/Volume"], ["missing.als"]),
        (["--brightness", "0:bright"], ["0:bright"]),
        (["--structure", "structure.wav"], ["structure.wav", "does not exist"]),
        (["--timbre", "noise.wav"], ["noise.wav", "is not audio"]),
        (["--timbre", "surround.wav"], ["surround.wav", "9 channels"]),
        (["--inpaint", "short.wav"], ["--keep"]),
        (["--inpaint", "short.wav", "--keep", "8"], ["--keep", "0:8"]),
        (["--inpaint", "short.wav", "--keep", "8:4"], ["'8:4'", "must rise"]),
        (["--inpaint", "short.wav", "--keep", "0:99"], ["0:99", "beats 0 to 16"]),
        (["--outpaint", "2"], ["--outpaint needs"]),
        (["--outpaint", "2", "--inpaint", "short.wav"], ["short.wav", "shorter than half a bar"]),
        (["--weight", "melody=2"], ["'melody' is not among", "none"]),
        (["--weight", "melody"], ["--weight", "a name, = and a value"]),
        (["--intensity", "0:-20", "--weight", "intensity=0"], ["weight of intensity", "above 0 up to 1000"]),
        (["--intensity", "0:-20", "--weight", "intensity=much"], ["'much' is not a number"]),
        (["--intensity", "0:-20", "--only", "intensity=8:99"], ["8:99", "ends at 16"]),
        (["--controls", "missing.py"], ["missing.py"]),
        (["--controls", "no controls.py"], ["no controls.py"]),
        (["--seed", "-1"], ["Seed may be 0 to"]),
        (["--count", "9"], ["Count may be 1 to 8"]),
        (["--steps", "-1"], ["Steps may be 0 to 10,000"]),
        (["--seconds", "0"], ["Seconds may be above 0"]),
        (["--sample-rate", "100"], ["Sample rate may be 8,000"]),
        (["--from-take", "nothere"], ["no take 'nothere'"]),
        (["--from-take", "missing.wav"], ["missing.wav"]),
        (["--from-take", "short.wav"], ["short.safetensors", "cannot be read"]),
        (["--variation", "0.3"], ["--from-take"]),
        (["--model", "no-such-model"], ["no-such-model"]),
        (["--method", "magic"], ["magic", "ditto2"]),
        (["--quality", "perfect"], ["perfect", "draft"]),
        (["--out", "loop.mp3"], ["loop.mp3", "WAV"]),
        (["--out", "not.mid/loop.wav"], ["not.mid/loop.wav", "cannot be written"]),
        (["--out", "x" * 300 + ".wav"], ["cannot be written"]),
        (["--report", "not.mid/loop.png"], ["not.mid/loop.png", "cannot be written", "--report"]),
        (["--loud"], ["--loud"]),
    ],
    ids=lambda value: " ".join(value)[:60] if value and value[0].startswith("--") else "",
)
def test_bad_input_gets_a_sentence_and_leaves_nothing(
    arguments: list[str], words: list[str], material: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, a sentence with the offending thing and what is allowed, no file more than before."""
    before = sorted(material.parent.rglob("*"))
    assert run(["render", "--prompt", "house", "--out", "loop.wav", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert len(captured.err.splitlines()) <= 3, "a sentence, what to do, and at most one remark before them"
    for word in words:
        assert word in captured.err.replace("\\", "/")
    assert sorted(material.parent.rglob("*")) == before
