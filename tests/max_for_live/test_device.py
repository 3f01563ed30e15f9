"""The built device: it equals the committed file, meets every rule, and each rule finds what it is for."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from max_for_live import container, face, patcher
from max_for_live.build import device_bytes, write_device
from max_for_live.checks import boxes_of, check, lines_of, shown
from max_for_live.install import COMMITTED
from max_for_live.parameters import LAYERS, PARAMETERS, Kept
from max_for_live.script import DISPLAY, FOLDER, MAIN, ORDER, device_script, display_script

# Live finds saved and automated values by these names. Add to the end; never rename, never remove.
LONG_NAMES = {
    "Intensity",
    "Intensity Strength",
    "Melody Strength",
    "Rhythm Strength",
    "Variation",
    "Bars",
    "Key",
    "Quality",
    "Seed",
    "Takes",
    "Intensity Source",
    "Warp Mode",
    "Learn Pass",
    "Redraw",
    "Generate",
    "Stop",
    "Roll Seed",
    "Clear Lane",
    "Land Take",
    "Keep Take",
    "Drop Take",
    "Ditto State",
    "Ditto Drawing",
    "Listen",
    "Rhythm by Drum",
    *(f"{part} {layer.capitalize()}" for layer in LAYERS for part in ("Layer", "Mute", "Again")),
}


@pytest.fixture(scope="module")
def built() -> bytes:
    return device_bytes()


@pytest.fixture
def whole(built) -> dict[str, Any]:
    return copy.deepcopy(container.read(built).patcher())


def test_building_gives_the_committed_bytes(built, tmp_path):
    """The committed device is what its sources make, and building again changes nothing."""
    assert COMMITTED.read_bytes() == built
    assert write_device(tmp_path / "Ditto Live.amxd") is True
    assert write_device(tmp_path / "Ditto Live.amxd") is False


def test_the_device_meets_every_rule(built):
    """No rule of ours and no finding of py2max's lint is broken."""
    assert check(built) == []


@pytest.mark.parametrize("page", ["docs/ableton.md", "max_for_live/CHECKLIST.md"])
def test_the_pages_give_the_width_that_the_device_has(request, page):
    """The guideline's row and the checklist for Live name the width of the face."""
    text, width = (request.config.rootpath / page).read_text(encoding="utf-8"), str(face.WIDTH)
    assert re.findall(r"\bwidth \| (\d+) pixels|(\d+) wide\b", text) in ([(width, "")], [("", width)])


def test_long_names_are_the_golden_list(whole):
    """Saved sets keep their values: no Long Name was renamed or lost."""
    listed = {row[0] for row in whole["patcher"]["parameters"].values() if isinstance(row, list)}
    assert listed == LONG_NAMES


def test_live_and_the_script_agree_on_versions(whole):
    """The device asks for Live 12.2 and Max 9, which have `v8`; before the script runs the face says so by itself."""
    assert whole["patcher"]["minimum_live_version"] == "12.2"
    boxes = boxes_of(whole["patcher"])
    assert boxes["obj-hint"]["text"] == ""  # no false alarm while the script is on its way
    assert "12.2 or newer" in boxes["obj-no-script"]["text"]


def test_nothing_in_the_device_tells_where_or_when_it_was_built(built):
    """No path, user or time of the builder's computer travels with the device."""
    text = container.read(built).patch.decode("ascii")
    for trace in (str(FOLDER), "/home/", "/Users/you", "C:\\\\"):
        assert trace not in text


def test_status_and_buttons_stay_out_of_the_undo_history():
    """What the device itself moves is hidden from Live's undo; what a pad or pedal needs is not, and can be mapped."""
    hidden = {row.key for row in PARAMETERS if row.kept is Kept.HIDDEN}
    assert hidden == {"learn", "listen", "roll", "clear", "drop", *(f"again_{layer}" for layer in LAYERS)}


def test_the_script_is_whole(whole):
    """Every source file travels in the device, in order, and the display with its own."""
    boxes = boxes_of(whole["patcher"])
    script = boxes["obj-script"]["textfile"]["text"]
    places = [script.index((FOLDER / "code" / f"{name}.js").read_text("utf-8")) for name in ORDER]
    assert places == sorted(places)
    assert script == device_script()
    assert boxes["obj-display"]["textfile"]["text"] == display_script()
    written = {path.relative_to(FOLDER / "code").with_suffix("").as_posix() for path in (FOLDER / "code").rglob("*.js")}
    assert written == {*ORDER, *DISPLAY, MAIN}


def test_the_audio_passes_through(whole):
    """Both channels go from the input to the output, where only the player is added, which is silent until told."""
    lines = [line for line in lines_of(whole["patcher"]) if "obj-in" in line or "obj-out" in line]
    through = [("obj-in", 0, "obj-out", 0), ("obj-in", 1, "obj-out", 1)]
    assert sorted(lines) == sorted([*through, ("obj-left", 0, "obj-out", 0), ("obj-right", 0, "obj-out", 1)])
    boxes = boxes_of(whole["patcher"])
    assert boxes["obj-left"]["text"] == boxes["obj-right"]["text"] == "*~ 0."


def test_live_widgets_are_set_as_the_guidelines_ask(whole):
    """Live mode and tight tabs, buttons at mouse up, a modulation mode for what is automated, solid menu colours."""
    boxes = boxes_of(whole["patcher"])
    tab = boxes["obj-source"]
    assert (tab["livemode"], tab["spacing_x"], tab["multiline"], tab["num_lines_presentation"]) == (1, 1.0, 0, 1)
    for row in PARAMETERS:
        value = boxes[f"obj-{row.key}"]["saved_attribute_attributes"]["valueof"]
        if row.widget == "live.text":
            assert boxes[f"obj-{row.key}"]["outputmode"] == 1, row.key
        if row.kept is Kept.AUTOMATED and not row.button:
            assert value["parameter_modmode"] == (2 if row.key == "intensity" or not row.whole else 4), row.key
        if row.widget == "live.text":  # what a lane or a controller shows
            assert value["parameter_enum"][0] != value["parameter_enum"][1], row.key
    for menu in (box for box in boxes.values() if box["maxclass"] in ("umenu", "panel")):
        assert menu["bgfillcolor_type"] == "color"


def test_the_margins_are_equal(whole):
    """The face keeps as far from its right edge as from its left."""
    rects = shown(boxes_of(whole["patcher"])).values()
    assert min(x for x, *_ in rects) == face.WIDTH - max(x + width for x, _, width, _ in rects)


def test_push_has_buttons(whole):
    """Generate and Redraw are buttons in each bank; Stop, Land and Keep in two, and the mutes of all layers in one."""
    *first, layers = whole["patcher"]["parameters"]["parameterbanks"].values()
    assert layers["buttons"][2:] == [f"Mute {layer.capitalize()}" for layer in LAYERS]
    for bank in (*first, layers):
        assert {"Generate", "Redraw"} <= set(bank["buttons"])
        assert bank is layers or bank["buttons"][:5] == ["Generate", "Stop", "Land Take", "Keep Take", "Redraw"]
        assert not set(bank["parameters"]) & set(bank["buttons"][:5])


def test_names_say_one_thing_each():
    """No two labels of the face are equal, but for the strength over each of three boxes."""
    words = [label.text for label in face.LABELS]
    assert {word for word in words if words.count(word) > 1} == {"Strength"}
    assert words.count("Strength") == 3


def test_the_face_is_169_pixels_high(whole):
    """Every control lies on whole pixels inside the face that Live shows."""
    rects = shown(boxes_of(whole["patcher"])).values()
    assert max(y + height for _, y, _, height in rects) <= face.HEIGHT == 169
    assert max(x + width for x, _, width, _ in rects) <= face.WIDTH


def box(whole: dict[str, Any], key: str) -> dict[str, Any]:
    return boxes_of(whole["patcher"])[patcher.box_id(key)]


def add_box(whole: dict[str, Any], **values: Any) -> None:
    place = {"patching_rect": [1300.0, 700.0, 40.0, 20.0], "numinlets": 1, "numoutlets": 0, "maxclass": "newobj"}
    whole["patcher"]["boxes"].append({"box": {**place, **values}})
    line = {"source": ["obj-script", 0], "destination": [values["id"], 0]}
    whole["patcher"]["lines"].append({"patchline": line})


def speak_of(whole: dict[str, Any], address: str) -> None:
    box(whole, "script")["textfile"]["text"] += f"// {address}"


BREAKS: dict[str, tuple[str, Callable[[dict[str, Any]], object]]] = {
    "half a pixel": ("whole pixels", lambda whole: box(whole, "bars")["presentation_rect"].__setitem__(0, 8.5)),
    "too low": ("leaves the face", lambda whole: box(whole, "land")["presentation_rect"].__setitem__(1, 160.0)),
    "overlap": ("overlap", lambda whole: box(whole, "key")["presentation_rect"].__setitem__(0, 30.0)),
    "orphan cord": ("No cord leads from obj-generate", lambda whole: whole["patcher"]["lines"].pop(0)),
    "dangling cord": (
        "is not there",
        lambda whole: whole["patcher"]["lines"].append(
            {"patchline": {"source": ["obj-gone", 0], "destination": ["obj-script", 0]}}
        ),
    ),
    "no such outlet": (
        "no such port",
        lambda whole: whole["patcher"]["lines"].append(
            {"patchline": {"source": ["obj-script", 9], "destination": ["obj-send", 0]}}
        ),
    ),
    "shared name": ("needs a name with ---", lambda whole: add_box(whole, id="obj-x", text="send tempo")),
    "console": ("has no place", lambda whole: add_box(whole, id="obj-x", text="print")),
    "unknown object": ("py2max", lambda whole: add_box(whole, id="obj-x", text="no.such.object")),
    "twin Long Name": (
        "not one parameter's own",
        lambda whole: box(whole, "bars")["saved_attribute_attributes"]["valueof"].__setitem__(
            "parameter_longname", "Takes"
        ),
    ),
    "foreign address": ("not in the table", lambda whole: speak_of(whole, "/ditto/no/such")),
    "a word of Max's own": ("takes it for itself", lambda whole: box(whole, "say-filled").__setitem__("text", "read")),
    "another word of Max's own": (
        "takes it for itself",
        lambda whole: box(whole, "say-rate").__setitem__("text", "prepend compile"),
    ),
    "no info text": ("no info text", lambda whole: box(whole, "seed").pop("annotation")),
    "wrong type": ("differ", lambda whole: whole["patcher"]["project"].__setitem__("amxdtype", 0)),
}


@pytest.mark.parametrize("name", BREAKS)
def test_each_rule_finds_what_it_is_for(whole, name):
    """A device that is broken in one way is refused, with a sentence about that way."""
    words, damage = BREAKS[name]
    damage(whole)
    found = check(container.pack(whole, "audio_effect"))
    assert any(words in sentence for sentence in found), found


def test_every_address_of_the_table_is_known_to_the_script():
    """What the bridge says is answered in the script, but for what the device has no use for."""
    table = json.loads((FOLDER / "addresses.json").read_text("utf-8"))
    encoded = {row["path"] for row in table["addresses"]}
    sources = "".join((FOLDER / "code" / f"{name}.js").read_text("utf-8") for name in ORDER)
    unused = {path for path in encoded if f'"{path}"' not in sources}
    assert unused == {"/ditto/bye"}


def test_the_table_is_the_bridges():
    """The device carries the table that the bridge has now."""
    from bridge.osc.reference import device_table

    assert (FOLDER / "addresses.json").read_text("utf-8") == device_table()
