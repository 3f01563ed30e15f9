"""One request, asked for by every way in, is one request."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli.main import parse
from bridge.cli.options import typed_settings
from bridge.osc.assembly import Assembly
from bridge.osc.codec import decode
from bridge.osc.request import EncodedRequest, encode_request, encode_settings
from bridge.requests.fields import BY_NAME, FIELDS, Frontend, field_of
from bridge.requests.reader import Reading, read_request
from bridge.requests.sent import Rows
from engine.errors import DittoError
from engine.request import Control, LoopRequest, Number

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
MELODY, CURVE = str(EXAMPLES / "melody.mid"), str(EXAMPLES / "intensity.json")
PROMPTS = ("dub techno", "hip hop in F minor at 90 bpm", "Müsli 100 %, 8 bars", "waltz in 3/4, C# dorian", "夜, warm")
VALUES = {
    "prompt": st.sampled_from(PROMPTS),
    "negative_prompt": st.sampled_from(("vocals", "choir, bright")),
    "tempo_bpm": st.sampled_from(("90", "133.37", "1000/7", "88.0", "5", "fast")),
    "bars": st.sampled_from(("1", "4", "8.0", "17", "four")),
    "time_signature": st.sampled_from(("4/4", "7/8", "3/4", "4/5")),
    "key": st.sampled_from(("F minor", "Bb", "H major")),
    "loop": st.sampled_from(("0", "1")),
    "intensity": st.sampled_from(("0:-30 2:-9", "0:-20", CURVE, "1/3:-12", "0")),
    "brightness": st.sampled_from(("0:400 1:4000",)),
    "melody": st.sampled_from((MELODY, f"{MELODY}#nothing")),
    "rhythm": st.just(MELODY),
    "structure": st.sampled_from(("aaba", "AB")),
    "density.target": st.sampled_from(("0:1 1:2", "dense", MELODY)),
    "text.target": st.just("warm and close"),
    "melody.weight": st.sampled_from(("2", "0.5", "0")),
    "intensity.within": st.sampled_from(("0:2", "1/3:3", "2:1")),
    "text.weight": st.just("1.5"),
    "count": st.sampled_from(("1", "3", "9")),
    "method": st.sampled_from(("none", "ditto", "magic")),
    "quality": st.sampled_from(("draft", "best")),
    "seconds": st.sampled_from(("2.5", "0")),
    "steps": st.sampled_from(("9", "-1")),
    "sample_rate": st.sampled_from(("48000", "100")),
    "layers": st.sampled_from(("drums,bass", "lead", "mix", "lead,drum", "mix,bass")),
    "chords": st.sampled_from(("Am F | C G/B", "i VI | III VII", "Am F C G", "N.C.", MELODY, "C | X", "C | F | G")),
    "again": st.sampled_from(("bass", "none")),
    "mute": st.sampled_from(("bass", "drums,lead", "none", "bas")),
    "stems": st.sampled_from(("1", "0")),
    "with": st.sampled_from(("no.wav", "none")),
    "melody.on": st.sampled_from(("lead", "lead,bass", "led")),
    "outpaint": st.just("2"),
    "keep": st.just("0:1,2:3"),
}


@st.composite
def asked(draw: st.DrawFn) -> dict[str, str]:
    """Return settings: any few of them, right and wrong ones."""
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=6, unique=True))
    return {name: draw(VALUES[name]) for name in names} | {"seed": "7"}


def arguments(given_settings: dict[str, str]) -> Iterator[str]:
    """Yield settings as a person types them."""
    for name, value in given_settings.items():
        row = field_of(name)
        assert row is not None
        if name.partition(".")[1]:
            yield f"{row.flag}={name.partition('.')[0]}={value}"
        elif row.kind is bool:
            yield row.flag if value == "1" else row.flag.replace("--", "--no-")
        elif row.repeats:
            yield from (f"{row.flag}={part}" for part in value.split(","))
        else:
            yield f"{row.flag}={value}"


def heard(encoded: EncodedRequest) -> Assembly:
    """Return what a bridge puts together of datagrams."""
    assembly = Assembly(0.0)
    for data in encoded.parts.values():
        for message in decode(data):
            if message.path == "/ditto/loop/set":
                assembly.set(str(message.values[1]), str(message.values[2]))
            elif message.path != "/ditto/loop/begin":
                assembly.add(message)
    return assembly


def by_command_line(asked: dict[str, str]) -> Reading:
    """Return what is read of a command line."""
    command = parse("render", list(arguments(asked)))
    return read_request(typed_settings(command), frontend=Frontend.COMMAND_LINE, request_id="r")  # type: ignore[arg-type]


def by_osc(asked: dict[str, str]) -> Reading:
    """Return what a bridge reads of datagrams."""
    assembly = heard(encode_settings("r", "n", asked, {}))
    return read_request(assembly.settings, assembly.rows, frontend=Frontend.OSC, request_id="r")


def by_python(asked: dict[str, str]) -> Reading:
    """Return what is read of a dict."""
    return read_request(asked, request_id="r")


def answer(way: object, asked: dict[str, str]) -> tuple[LoopRequest | str, tuple[str, ...]]:
    """Return the request, or the kind of refusal, and the remarks; fields by one name in whatever is said."""
    try:
        made = way(asked)  # type: ignore[operator]
    except DittoError as error:
        return type(error).__name__, (plainly(error.sentence),)
    return made.request, tuple(plainly(remark) for remark in made.remarks)


def plainly(sentence: str) -> str:
    """Return a sentence with the command line's names and OSC's as one."""
    for row in FIELDS:
        if row.option:
            sentence = re.sub(rf"{row.flag}(?![\w-])", row.name, sentence)
    return re.sub(r"\b\w+\.(weight|within|target|on)\b", r"CONTROL.\1", sentence)


@settings(max_examples=80)
@given(asked())
def test_the_same_settings_are_the_same_request_by_every_way(asked: dict[str, str]) -> None:
    """Command line, datagrams and a dict give equal requests and equal remarks, or are refused alike."""
    by_hand = answer(by_command_line, asked)
    assert answer(by_osc, asked) == by_hand
    assert answer(by_python, asked) == by_hand


@settings(max_examples=40)
@given(asked())
def test_a_request_that_was_read_is_read_the_same_from_its_datagrams(asked: dict[str, str]) -> None:
    """What a client made with its own targets, as curves, notes and onsets in chunks, arrives as it was."""
    try:
        request = read_request(asked, request_id="r").request
    except DittoError:
        return
    assembly = heard(encode_request(request, "n"))
    made = read_request(assembly.settings, assembly.rows, frontend=Frontend.OSC, request_id="r").request
    assert msgspec.structs.replace(made, controls=()) == msgspec.structs.replace(request, controls=())
    # Values and strengths are floats of 24 bits on the wire, so what is compared is what is sent.
    assert encode_request(made, "n").parts == encode_request(request, "n").parts


def test_curve_and_notes_are_the_same_as_text_and_as_numbers() -> None:
    """Breakpoints typed, or sent as rows, are one target; so are the notes of a file and its rows."""
    typed = read_request({"intensity": "0:-30 8:-9", "seed": "1"}, request_id="r").request
    rows = {("curve", "intensity"): Rows(((0, -30), (8, -9)), "db")}
    assert read_request({"seed": "1"}, rows, request_id="r").request == typed
    with pytest.raises(DittoError, match="twice"):
        read_request({"intensity": "0:-30"}, rows)


@pytest.mark.parametrize("way", [by_command_line, by_osc, by_python])
def test_audio_means_the_same_by_every_way(way: object, tmp_path: Path) -> None:
    """Outpaint adds bars; inpaint keeps beats; timbre, structure and a recorded rhythm are read from files."""
    file = tmp_path / "two bars.wav"
    clicks = np.zeros((8_000 * 4, 2))
    clicks[::4_000] = 0.9
    soundfile.write(file, clicks, 8_000)
    outpaint, _ = answer(way, {"inpaint": str(file), "outpaint": "3", "seed": "1"})
    assert isinstance(outpaint, LoopRequest)
    assert outpaint.bars == 5
    assert outpaint.controls[0].target.keep == ((0, 8),)  # type: ignore[union-attr]
    inpaint, _ = answer(way, {"inpaint": str(file), "keep": "0:4,12:16", "seed": "1"})
    assert isinstance(inpaint, LoopRequest)
    assert inpaint.controls[0].target.keep == ((0, 4), (12, 16))  # type: ignore[union-attr]
    many, remarks = answer(
        way, {"timbre": str(file), "structure": str(file), "rhythm": str(file), "seed": "1", "bars": "4"}
    )
    assert isinstance(many, LoopRequest)
    assert [control.kind for control in many.controls] == ["rhythm", "structure", "timbre"]
    strokes = many.controls[0].target.onsets  # type: ignore[union-attr]
    assert sorted(round(float(stroke.beat)) % 16 for stroke in strokes) == list(range(16))
    assert any("8 beats long, with 16 strokes, played 2 times" in remark for remark in remarks)


def test_every_field_of_a_request_can_be_set() -> None:
    """The table has all of a request but its id and its targets, with the defaults that a request has."""
    elsewhere = {"request_id", "controls", "start", "budget", "meter", "beside"}
    assert set(LoopRequest.__struct_fields__) - elsewhere <= set(BY_NAME)
    made = read_request({"seed": "1"}, request_id="r").request
    assert made == LoopRequest(seed=1, request_id="r")
    spelt = {row.name: row.default for row in FIELDS if row.default and "." not in row.name}
    del spelt["intensity_source"]
    del spelt["variation"]
    assert read_request(spelt | {"seed": "1"}, request_id="r").request == made


@pytest.mark.parametrize("value", [0.05, 1e-7, -3.0, 1e16])
def test_a_number_has_a_setting_over_osc(value: float) -> None:
    """A control that takes a number is asked for over OSC as by every other way, to the last digit."""
    request = LoopRequest(request_id="r", controls=(Control(kind="bass-share", target=Number(value=value), weight=2),))
    assembly = heard(encode_request(request, "n"))
    (control,) = read_request(assembly.settings, assembly.rows, frontend=Frontend.OSC, request_id="r").request.controls
    found = control.target.value if isinstance(control.target, Number) else float(control.target.text)  # type: ignore[union-attr]
    assert (control.kind, found, control.weight) == ("bass-share", value, 2)
