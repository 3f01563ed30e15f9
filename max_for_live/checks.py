"""What the device must meet before it is written: the container, py2max's lint, and rules of our own.

Each rule returns sentences; none is good. The rules follow Ableton's production guidelines for Max for Live
devices (whole pixels, 169 high, `---` names, no console output, unique Long Names) and our own table.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import cast

from py2max import Patcher
from py2max.lint import lint
from py2max.maxref import get_object_info

from . import container, face
from .container import Json
from .parameters import PARAMETERS, PUSH_BANKS
from .patcher import DEVICE_TYPE
from .script import DISPLAY, FOLDER, MAIN, ORDER

# Nothing is excused at the moment: every object is in py2max's reference and every cord passes.
LINT_ALLOWED: frozenset[str] = frozenset()
_NAMED = ("send", "receive", "s", "r", "send~", "receive~", "buffer~", "coll", "dict", "table")
_SILENT = ("panel", "live.comment")
_FORBIDDEN = ("print", "dac~", "adc~", "ezdac~", "ezadc~", "node.script")
_FOR_SCRIPTS = frozenset({"bang", "int", "float", "list", "anything"})  # what a script hears of its own messages
_ADDRESS = re.compile(r"/ditto/[a-z/_]+")

Boxes = dict[str, Json]


def check(data: bytes) -> list[str]:
    """Return everything that is wrong with a built device, in sentences."""
    device = container.read(data)
    patcher = cast(Json, device.patcher()["patcher"])
    boxes = boxes_of(patcher)
    rules: tuple[Callable[[], Iterable[str]], ...] = (
        lambda: _container(device, patcher),
        lambda: _linted(patcher),
        lambda: _cords(patcher, boxes),
        lambda: _rectangles(boxes),
        lambda: _names(boxes),
        lambda: _parameters(patcher, boxes),
        lambda: _addresses(boxes),
        lambda: _messages(patcher, boxes),
        lambda: _words(boxes),
    )
    return [sentence for rule in rules for sentence in rule()]


def boxes_of(patcher: Json) -> Boxes:
    """The boxes of a patcher by id."""
    rows = cast(list[dict[str, Json]], patcher["boxes"])
    return {str(row["box"]["id"]): row["box"] for row in rows}


def lines_of(patcher: Json) -> list[tuple[str, int, str, int]]:
    """The cords of a patcher: from box, outlet, to box, inlet."""
    rows = cast(list[dict[str, dict[str, list[object]]]], patcher["lines"])
    pairs = ((row["patchline"]["source"], row["patchline"]["destination"]) for row in rows)
    return [(str(a[0]), int(str(a[1])), str(b[0]), int(str(b[1]))) for a, b in pairs]


def shown(boxes: Boxes) -> dict[str, face.Rect]:
    """The rectangles of the face by box id."""
    rects = {key: cast(list[float], box["presentation_rect"]) for key, box in boxes.items() if box.get("presentation")}
    return {key: cast(face.Rect, tuple(rect)) for key, rect in rects.items()}


def _container(device: container.Device, patcher: Json) -> Iterable[str]:
    project = cast(Json, patcher.get("project", {}))
    if device.type != DEVICE_TYPE or project.get("amxdtype") != container.type_number(DEVICE_TYPE):
        yield "The device type in the container and in the patcher's project differ."
    if device.frozen or device.encrypted:
        yield "The device is frozen or encrypted; the committed one is neither."
    if not device.patch.endswith(b"}\n\0"):
        yield "The patcher's JSON does not end with a brace, a line end and a NUL."
    if patcher.get("openrect") != [0.0, 0.0, float(face.WIDTH), float(face.HEIGHT)]:
        yield "The window's rectangle is not the face's."


def _linted(patcher: Mapping[str, object]) -> Iterable[str]:
    for finding in lint(Patcher.from_dict(dict(patcher))):
        if finding.code not in LINT_ALLOWED:
            yield f"py2max: {finding}"


def _cords(patcher: Json, boxes: Boxes) -> Iterable[str]:
    lines = lines_of(patcher)
    for source, outlet, target, inlet in lines:
        if source not in boxes or target not in boxes:
            yield f"A cord goes from {source} to {target}, one of which is not there."
        elif outlet >= _ports(boxes[source], "numoutlets") or inlet >= _ports(boxes[target], "numinlets"):
            yield f"The cord from {source}:{outlet} to {target}:{inlet} has no such port."
    if len(set(lines)) != len(lines):
        yield "A cord is there twice."
    heard = _upstream("obj-script", lines)
    linked = {end for line in lines for end in (line[0], line[2])}
    for key, box in boxes.items():
        if box.get("presentation") and _ports(box, "numoutlets") and key not in heard:
            yield f"No cord leads from {key} to the script."
        elif key not in linked and box["maxclass"] not in _SILENT and box.get("text") != "live.banks":
            yield f"{key} has no cord."


def _upstream(target: str, lines: list[tuple[str, int, str, int]]) -> set[str]:
    """Everything from which a message can reach `target`."""
    found, fresh = {target}, {target}
    while fresh:
        fresh = {source for source, _, end, _ in lines if end in fresh} - found
        found |= fresh
    return found


def _ports(box: Json, name: str) -> int:
    return int(str(box[name]))


def _rectangles(boxes: Boxes) -> Iterable[str]:
    rects = shown(boxes)
    for key, (x, y, width, height) in rects.items():
        if any(value != int(value) for value in (x, y, width, height)):
            yield f"{key} does not sit on whole pixels."
        if x < 0 or y < 0 or x + width > face.WIDTH or y + height > face.HEIGHT:
            yield f"{key} leaves the face of {face.WIDTH} by {face.HEIGHT}."
    for one, other in combinations(rects, 2):
        if _overlap(rects[one], rects[other]):
            yield f"{one} and {other} overlap on the face."


def _overlap(a: face.Rect, b: face.Rect) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _names(boxes: Boxes) -> Iterable[str]:
    for key, box in boxes.items():
        words = str(box.get("text", "")).split() if box["maxclass"] == "newobj" else []
        if words and words[0] in _NAMED and not (len(words) > 1 and words[1].startswith("---")):
            yield f"{key}: `{' '.join(words)}` needs a name with ---, or two copies of the device would share it."
        if words and words[0] in _FORBIDDEN:
            yield f"{key}: {words[0]} has no place in a device."


def _parameters(patcher: Json, boxes: Boxes) -> Iterable[str]:
    rows = cast(Json, patcher["parameters"])
    listed = {key: row[0] for key, row in rows.items() if isinstance(row, list)}
    enabled = {key: _long_name(box) for key, box in boxes.items() if _long_name(box)}
    if listed != enabled:
        yield "The list of parameters and the boxes that have one differ."
    names = list(enabled.values())
    for name in sorted(set(names)):
        if names.count(name) > 1 or "[" in name:
            yield f"The Long Name {name!r} is not one parameter's own."
    known = {row.long_name for row in PARAMETERS} | {"-"}
    for bank in PUSH_BANKS:
        for places in (bank.encoders, bank.buttons):
            if len(places) != 8 or not set(places) <= known:
                yield f"The Push bank {bank.name!r} does not hold eight known parameters."


def _long_name(box: Json) -> str:
    saved = cast(dict[str, Json], box.get("saved_attribute_attributes", {}))
    return str(saved.get("valueof", {}).get("parameter_longname", ""))


def _addresses(boxes: Boxes) -> Iterable[str]:
    table = (FOLDER / "addresses.json").read_text(encoding="utf-8")
    known = set(re.findall(r'"path": "([^"]+)"', table))
    for key, box in boxes.items():
        text = str(cast(Json, box.get("textfile", {})).get("text", "")) + str(box.get("text", ""))
        for address in sorted(set(_ADDRESS.findall(text)) - known):
            yield f"{key} speaks {address}, which is not in the table."
    for name in (*ORDER, *DISPLAY, MAIN):
        if "post(" in (FOLDER / "code" / f"{name}.js").read_text(encoding="utf-8"):
            yield f"{name}.js writes to the Max console."


def _messages(patcher: Json, boxes: Boxes) -> Iterable[str]:
    """No word that the script is to hear is one that Max keeps for the object itself: `read` loads another script."""
    info = cast(dict[str, Json], get_object_info("v8"))
    own = {*info["methods"], *info["attributes"]} - _FOR_SCRIPTS
    for key, _, target, _ in lines_of(patcher):
        words = str(boxes.get(key, {}).get("text", "")).removeprefix("prepend ").split()
        if target == "obj-defer" and words and words[0] in own:
            yield f"{key} says {words[0]}, which the script never hears: Max's `v8` takes it for itself."


def _words(boxes: Boxes) -> Iterable[str]:
    """Every control explains itself in Live's Info View."""
    for key, box in boxes.items():
        if box.get("presentation") and box["maxclass"] not in ("panel", "live.comment") and not box.get("annotation"):
            yield f"{key} has no info text."
