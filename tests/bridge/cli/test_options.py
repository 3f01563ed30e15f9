"""From a command line to a request: each flag means what its help says."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer

from bridge.cli.commands.render import Render
from bridge.cli.main import parse
from bridge.cli.options import typed_settings
from bridge.requests.fields import Frontend
from bridge.requests.reader import Reading, read_request
from engine.request import Audio, Control, Curve, Notes, Onsets, Words
from midi.tempo import Meter


def typed(*words: object) -> Reading:
    """Return what is read of `ditto-live render` with these words."""
    command = parse("render", [str(word) for word in words])
    return read_request(typed_settings(command), frontend=Frontend.COMMAND_LINE)  # type: ignore[arg-type]


def controls(*words: object) -> dict[str, Control]:
    """Return the request's controls by kind."""
    return {control.kind: control for control in typed(*words).request.controls}


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """Return two bars of stereo at 120 BPM: four seconds."""
    soundfile.write(tmp_path / "two bars.wav", np.full((8_000 * 4, 2), 0.25), 8_000)
    return tmp_path / "two bars.wav"


def test_the_help_shows_the_default_of_a_switch_as_on_or_off() -> None:
    """A switch is on or off; 0 and 1 are how the table of fields writes that."""
    options = {option.name: option for option in typer.main.get_command(_application()).params}
    assert options["loop"].help.endswith("Default: on.")
    for name in ("stems", "plain_start"):
        assert options[name].help.endswith("Default: off.")


def _application() -> typer.Typer:
    application = typer.Typer()
    application.command()(Render)
    return application


def test_plain_flags_become_fields() -> None:
    """Tempo stays the decimal that was typed."""
    request = typed(
        "--prompt",
        "house",
        "--negative-prompt",
        "vocals",
        "--tempo",
        "93.7",
        "--bars",
        3,
        "--time-signature",
        "7/8",
        "--key",
        "F minor",
        "--seed",
        7,
        "--count",
        4,
        "--method",
        "none",
        "--quality",
        "best",
        "--seconds",
        2.5,
        "--steps",
        9,
        "--sample-rate",
        48_000,
        "--no-loop",
    ).request
    assert (request.prompt, request.negative_prompt, request.key) == ("house", "vocals", "F minor")
    assert (request.tempo_bpm, request.meter, request.bars) == (Fraction(937, 10), Meter(7, 8), 3)
    assert (request.seed, request.count, request.method, request.quality) == (7, 4, "none", "best")
    assert (request.budget.seconds, request.budget.steps) == (2.5, 9)
    assert (request.sample_rate, request.loop) == (48_000, False)


def test_without_a_seed_two_loops_differ() -> None:
    """A producer who asks again wants something else."""
    assert typed().request.seed != typed().request.seed


def test_every_way_to_steer_at_once(melody: str, curve: str, reference: Path) -> None:
    """Curve, notes, onsets, form, brightness, timbre and a kept part stand beside each other."""
    found = controls(
        "--intensity",
        curve,
        "--melody",
        melody,
        "--rhythm",
        melody,
        "--structure",
        "aaba",
        "--brightness",
        "0:400, 16:4000",
        "--timbre",
        reference,
        "--inpaint",
        reference,
        "--keep",
        "0:4",
        "--keep",
        "12:16",
        "--tempo",
        "120",
    )
    assert list(found) == ["intensity", "melody", "rhythm", "structure", "brightness", "timbre", "inpaint"]
    assert isinstance(found["intensity"].target, Curve)
    assert isinstance(found["melody"].target, Notes)
    assert isinstance(found["rhythm"].target, Onsets)
    assert found["structure"].target == Words(text="AABA")
    assert isinstance(found["brightness"].target, Curve)
    assert found["brightness"].target.unit == "hz"
    kept = found["inpaint"].target
    assert isinstance(kept, Audio)
    assert kept.keep == ((Fraction(0), Fraction(4)), (Fraction(12), Fraction(16)))
    assert (kept.sample_rate, kept.channels, len(kept.samples)) == (8_000, 2, 8 * 32_000)


def test_the_melody_gives_the_key_where_none_was_said(melody: str) -> None:
    """The shipped melody is in A minor, and that is said; a key that was given stays."""
    asked = typed("--melody", melody)
    assert asked.request.key == "A minor"
    assert any("A minor" in remark for remark in asked.remarks)
    assert typed("--melody", melody, "--key", "C major").request.key == "C major"


def test_a_short_clip_is_repeated_as_live_would(melody: str) -> None:
    """Four bars of melody are heard twice in eight, and the producer is told."""
    once = controls("--melody", melody)["melody"].target
    asked = typed("--melody", melody, "--bars", 8)
    twice = asked.request.controls[0].target
    assert isinstance(once, Notes)
    assert isinstance(twice, Notes)
    assert len(twice.notes) == 2 * len(once.notes)
    assert twice.notes[len(once.notes)].start == 16
    assert any("played 2 times" in remark for remark in asked.remarks)


def test_weights_and_ranges_go_to_their_controls(melody: str) -> None:
    """`--weight melody=2 --only melody=8:16` touches the melody alone."""
    found = controls("--melody", melody, "--intensity", "0:-20", "--weight", "melody=2.5", "--only", "melody=8:16")
    assert (found["melody"].weight, found["melody"].within) == (2.5, (Fraction(8), Fraction(16)))
    assert (found["intensity"].weight, found["intensity"].within) == (1.0, None)


def test_a_weight_for_text_asks_for_the_prompt_itself() -> None:
    """Text needs no target of its own."""
    found = controls("--prompt", "dub techno", "--weight", "text=0.5")
    assert (found["text"].target, found["text"].weight) == (Words(text="dub techno"), 0.5)


def test_outpaint_adds_bars_to_the_reference(reference: Path) -> None:
    """Two bars kept and three added make five; the kept beats are the reference's own."""
    request = typed("--inpaint", reference, "--outpaint", 3).request
    assert request.bars == 5
    target = request.controls[0].target
    assert isinstance(target, Audio)
    assert (request.controls[0].kind, target.keep) == ("outpaint", ((Fraction(0), Fraction(8)),))


@pytest.mark.parametrize(("value", "kind"), [("0:1 4:2", Curve), ("dense", Words), ("MELODY", Notes), ("AUDIO", Audio)])
def test_a_third_partys_control_takes_any_kind_of_target(value: str, kind: type, melody: str, reference: Path) -> None:
    """The form of the value says what it is."""
    value = {"MELODY": melody, "AUDIO": str(reference)}.get(value, value)
    found = controls("--control", f"density={value}")
    assert isinstance(found["density"].target, kind)


@pytest.mark.parametrize("text", ["0:-20", "3:-20", "0:-20 16:-20", "0:-9, 8:-30 , 8:-9", "1/3:-20"])
def test_flat_curves_single_points_and_jumps_are_fine(text: str) -> None:
    """What is right works."""
    assert isinstance(controls("--intensity", text)["intensity"].target, Curve)


@pytest.mark.parametrize("folder", ["with spaces", "Müller & Söhne", "夜の録音"])
def test_files_may_lie_anywhere(folder: str, tmp_path: Path, melody: str, curve: str) -> None:
    """Spaces, umlauts and Japanese in a path are fine."""
    place = tmp_path / folder
    place.mkdir()
    (place / "m.mid").write_bytes(Path(melody).read_bytes())
    (place / "c #1.json").write_bytes(Path(curve).read_bytes())
    found = controls("--melody", str(place / "m.mid"), "--intensity", str(place / "c #1.json"))
    assert list(found) == ["intensity", "melody"]
