"""`render` from options to files, on a toy model: exact lengths, whole sidecars, takes that can be rebuilt."""

import json
import signal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.cli.commands.render import draw, make, rows_of
from bridge.cli.main import run
from bridge.cli.output import TakeWriter, take_writer
from bridge.cli.progress import Lines
from bridge.cli.summary import as_json, in_words
from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from bridge.takes.delivery import read_sidecar
from engine.audio.wav import read_audio, read_loop_info
from engine.events import Progress
from engine.models.testing import TinyModel
from engine.pipeline import rebuild
from engine.settings import Settings


@pytest.fixture(scope="module")
def model() -> TinyModel:
    """Return the toy model, the same for all."""
    return TinyModel(sample_rate=8_000)


def asked(settings: Settings, **given: object) -> Reading:
    """Return what is read of settings, with a short search at a low rate where they say nothing else."""
    said = {"seed": 7, "steps": 3, "sample_rate": 8_000} | given
    texts = {name.replace("__", "."): str(value) for name, value in said.items() if value is not None}
    return read_request(texts, frontend=Frontend.COMMAND_LINE, takes=settings.takes)


def rendered(out: Path | None, settings: Settings, model: TinyModel, **given: object) -> TakeWriter:
    """Render with the toy model and return what was kept."""
    overwrite = bool(given.pop("overwrite", False))
    reading = asked(settings, **given)
    takes = take_writer(out, reading.request, settings, overwrite=overwrite)
    make(reading, takes, settings, load=lambda _name, _settings: model)
    return takes


@pytest.mark.parametrize(
    ("bars", "tempo", "signature", "rate"),
    [
        (1, "120", "4/4", 44_100),
        (4, "93.7", "4/4", 44_100),
        (2, "120", "3/4", 48_000),
        (3, "93.7", "6/8", 44_100),
        (1, "133.33", "7/8", 44_100),
        (16, "171", "2/4", 22_050),
    ],
)
def test_the_file_is_exactly_as_long_as_the_bars(
    bars: int, tempo: str, signature: str, rate: int, tmp_path: Path, settings: Settings, model: TinyModel
) -> None:
    """round(bars * 4 * num/den * 60 / bpm * sample_rate) samples, stereo, 24 bit, and the chunks agree."""
    given = {"bars": bars, "tempo_bpm": tempo, "time_signature": signature, "sample_rate": rate, "method": "none"}
    takes = rendered(tmp_path / "loop.wav", settings, model, **given)
    numerator, denominator = map(int, signature.split("/"))
    beats = Fraction(bars * 4 * numerator, denominator)
    found = soundfile.info(tmp_path / "loop.wav")
    assert found.frames == takes.kept[0].samples == round(beats * 60 / Fraction(tempo) * rate)
    assert (found.channels, found.samplerate, found.subtype) == (2, rate, "PCM_24")
    info = read_loop_info(tmp_path / "loop.wav")
    assert info is not None
    assert info.tempo_bpm == pytest.approx(float(tempo), abs=1e-4)
    assert (str(info.meter), info.beats) == (signature, max(1, round(beats)))


def test_a_take_is_wav_sidecar_and_noise(
    tmp_path: Path, settings: Settings, model: TinyModel, melody: str, curve: str
) -> None:
    """The sidecar holds request, scores, losses and licence; the noise rebuilds the file to 1e-4."""
    takes = rendered(tmp_path / "loop.wav", settings, model, melody=melody, intensity=curve, tempo_bpm="88")
    assert sorted(path.name for path in tmp_path.glob("loop*")) == ["loop.json", "loop.safetensors", "loop.wav"]
    sidecar = json.loads((tmp_path / "loop.json").read_text(encoding="utf-8"))
    assert sidecar["scores"].keys() >= {"intensity_mse", "intensity_rho", "melody_accuracy"}
    assert set(sidecar["loss_curves"]) == {"intensity", "melody"}
    assert sidecar["licence"] == "MIT"
    assert read_sidecar(tmp_path / "loop.json").request == takes.request
    again = rebuild(takes.request, model, (tmp_path / "loop.safetensors").read_bytes())
    assert np.abs(again - read_audio(tmp_path / "loop.wav")[0]).max() <= 1e-4


def test_four_takes_are_numbered_best_first(tmp_path: Path, settings: Settings, model: TinyModel, curve: str) -> None:
    """loop-1.wav follows the curve at least as well as loop-4.wav, and the four are not the same."""
    takes = rendered(tmp_path / "loop.wav", settings, model, intensity=curve, count=4)
    assert [kept.path.name for kept in takes.kept] == [f"loop-{rank}.wav" for rank in (1, 2, 3, 4)]
    errors = [kept.take.scores["intensity_mse"] or 0 for kept in takes.kept]
    assert errors[0] <= errors[3]
    assert len({kept.path.read_bytes() for kept in takes.kept}) == 4


def test_without_out_it_is_a_new_take_in_the_takes_folder(settings: Settings, model: TinyModel) -> None:
    """Two renders never meet, and each is found again by its id."""
    first, second = (rendered(None, settings, model, prompt="Dub, warm!", method="none") for _ in range(2))
    paths = {first.kept[0].path, second.kept[0].path}
    assert len(paths) == 2
    assert all(path.parent.parent == settings.takes and path.name.startswith("dub-warm-") for path in paths)


def test_an_explicit_name_is_written_again(tmp_path: Path, settings: Settings, model: TinyModel) -> None:
    """With --overwrite the second render takes the first one's place; `test_output` has what happens without."""
    for bars in (2, 1):
        takes = rendered(tmp_path / "loop.wav", settings, model, bars=bars, method="none", overwrite=True)
    assert soundfile.info(tmp_path / "loop.wav").frames == takes.request.samples == 16_000
    assert len(list(tmp_path.glob("loop*"))) == 3


def test_a_name_without_an_ending_becomes_a_wav(tmp_path: Path, settings: Settings, model: TinyModel) -> None:
    """`--out hook` and `--out FOLDER` mean what they seem to."""
    (tmp_path / "folder").mkdir()
    assert rendered(tmp_path / "new" / "hook", settings, model, method="none").kept[0].path.name == "hook.wav"
    assert (tmp_path / "new" / "hook.wav").exists()
    assert rendered(tmp_path / "folder", settings, model, method="none").kept[0].path.name == "loop.wav"


@pytest.mark.parametrize("name", ["my loop.wav", "Hänsel & Grätel.wav", "夜のループ.wav"])
def test_names_in_any_script_work(name: str, tmp_path: Path, settings: Settings, model: TinyModel) -> None:
    """Also in the JSON, which is plain ASCII so that every console can carry it."""
    takes = rendered(tmp_path / name, settings, model, method="none")
    outcome = make(asked(settings, method="none"), takes, settings, load=lambda *_: model)
    said = as_json(takes, outcome, 1.0, None)
    assert said.isascii()
    assert json.loads(said)["path"] == str(tmp_path / name)


def test_the_json_has_what_programs_need(tmp_path: Path, settings: Settings, model: TinyModel, curve: str) -> None:
    """The names are those of the design; scores that do not apply are null."""
    reading = asked(settings, intensity=curve, steps=2, tempo_bpm="93.7")
    takes = take_writer(tmp_path / "loop.wav", reading.request, settings)
    outcome = make(reading, takes, settings, load=lambda *_: model)
    said = json.loads(as_json(takes, outcome, 1.25, tmp_path / "loop.png"))
    assert (said["samples"], said["sample_rate"], said["bars"]) == (reading.request.samples, 8_000, 4)
    assert (said["tempo_bpm"], said["seconds"], said["seed"]) == (93.7, 1.25, 7)
    assert (said["interrupted"], said["report"]) == (False, str(tmp_path / "loop.png"))
    assert said["steps"] > 0
    assert said["scores"]["intensity_mse"] >= 0
    assert said["scores"]["melody_accuracy"] is None
    assert str(tmp_path / "loop.wav") in in_words(takes, outcome, 1.25, None)


def test_a_take_starts_the_next_one(tmp_path: Path, settings: Settings, model: TinyModel) -> None:
    """Without variation and search the same sound comes back; with variation another."""
    first = rendered(tmp_path / "a.wav", settings, model, method="none").kept[0]
    same = rendered(tmp_path / "b.wav", settings, model, method="none", seed=99, from_take=str(first.path))
    other = rendered(
        tmp_path / "c.wav", settings, model, method="none", seed=99, from_take=str(first.path), variation=0.5
    )
    assert same.kept[0].take.sound == first.take.sound
    assert other.kept[0].take.sound != first.take.sound
    by_id = rendered(None, settings, model, method="none").kept[0].path.stem.rpartition("-")[2]
    assert rendered(tmp_path / "d.wav", settings, model, method="none", from_take=by_id[:6]).kept


def test_ctrl_c_keeps_the_best_take_so_far(
    tmp_path: Path, settings: Settings, model: TinyModel, curve: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found until then is written like any take, and the JSON says that it was interrupted."""
    reading = asked(settings, intensity=curve, steps=500)
    takes = take_writer(tmp_path / "loop.wav", reading.request, settings)
    shown = Lines.step

    def step(self: Lines, event: Progress) -> None:
        shown(self, event)
        if event.step > 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Lines, "step", step)  # a thumb on the keyboard
    outcome = make(reading, takes, settings, load=lambda *_: model)
    assert outcome.interrupted
    assert takes.kept[0].path == tmp_path / "loop.wav"
    assert 1 < json.loads(as_json(takes, outcome, 1.0, None))["steps"] < 500
    assert soundfile.info(tmp_path / "loop.wav").frames == reading.request.samples


def test_a_report_is_drawn_about_the_best_take(
    tmp_path: Path, settings: Settings, model: TinyModel, curve: str
) -> None:
    """A PNG where it was asked for."""
    takes = rendered(tmp_path / "loop.wav", settings, model, intensity=curve)
    draw(takes, tmp_path / "loop.png")
    assert (tmp_path / "loop.png").read_bytes().startswith(b"\x89PNG")


def test_a_third_partys_control_steers(tmp_path: Path, settings: Settings, model: TinyModel) -> None:
    """One function and one row in a file of the producer's own is all that it takes."""
    file = tmp_path / "darkness.py"
    file.write_text(
        """
from engine.controls import Term, control
from engine.request import Words

@control("darkness-of-test", Words, help="Less above 1 kHz.", unit="share", tolerance=1e-9)
def darkness(target, scene, context):
    def loss(spectrum, latent):
        high = (spectrum.frequencies_hz > 1000).to(spectrum.power)
        return (spectrum.power * high[None, :, None]).sum((1, 2)) / spectrum.power.sum((1, 2))
    return Term(loss=loss, distance=loss)
""",
        encoding="utf-8",
    )
    rows_of([str(file)])
    takes = rendered(tmp_path / "loop.wav", settings, model, **{"darkness-of-test.target": "on"}, steps=8)
    curve = takes.kept[0].take.record["loss_curves"]["darkness-of-test"]  # type: ignore[index]
    assert curve[-1] < curve[0]


def test_an_unknown_control_is_answered_with_the_known_ones(
    tmp_path: Path, settings: Settings, model: TinyModel
) -> None:
    """Nothing is written, and the sentence lists what there is."""
    from engine.errors import BadRequestError

    with pytest.raises(BadRequestError, match=r"intensity.*melody"):
        rendered(tmp_path / "loop.wav", settings, model, vibe__target="good")
    assert list(tmp_path.glob("*.wav")) == []


@pytest.mark.slow
def test_the_readmes_loop_comes_out_of_the_shipped_model(
    tmp_path: Path, melody: str, curve: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The whole command, with a short search: one JSON object on stdout, four files."""
    out, report = tmp_path / "loop.wav", tmp_path / "loop.png"
    arguments = [
        "--prompt",
        "dusty boom bap, rhodes",
        "--tempo",
        "88",
        "--bars",
        "4",
        "--melody",
        melody,
        "--intensity",
        curve,
        "--seed",
        "7",
        "--steps",
        "4",
        "--out",
        str(out),
        "--report",
        str(report),
        "--json",
    ]
    assert run(["render", *arguments]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["samples"] == soundfile.info(out).frames == round(Fraction(16 * 60, 88) * 44_100)
    assert said["scores"]["intensity_mse"] is not None
    assert all((tmp_path / f"loop.{ending}").exists() for ending in ("wav", "json", "safetensors", "png"))
