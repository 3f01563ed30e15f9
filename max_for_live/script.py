"""The JavaScript of the device: readable files in `code/`, joined in order into what the patcher carries.

Max loads one text for each `v8`, and does not look beside an `.amxd` for it. So the texts travel inside the
device (`@embed 1`), and the device needs no other file.
"""

import json
from pathlib import Path

from .parameters import LAYERS, defaults, ranges

FOLDER = Path(__file__).parent
CODE = FOLDER / "code"
ORDER = (
    "base/Clock", "base/Table", "base/Curve",
    "live/LiveObject", "live/LiveSet", "live/Lanes", "live/Clips", "live/Notes", "live/FileRange", "live/Learner",
    "live/ScanReading", "live/Scan", "live/Listening",
    "wire/Link", "wire/LoopRequest", "wire/Outbox",
    "landing/Warp", "landing/Clipwork", "landing/Places", "landing/Arrangement", "landing/Samplers", "landing/Lander",
    "base/Pieces", "base/Store",
    "device/Verdicts", "device/Takes", "device/Redraw", "face/Face",
    "device/Device", "device/Region", "device/Controls", "device/Layers", "device/Menus", "device/Hearing",
    "device/Watching", "device/Curves", "device/Asking", "device/Landing", "device/Answers",
)  # fmt: skip
DISPLAY = ("face/Display", "face/Graph", "face/Pen")
MAIN = "Main"
_HEAD = "// Made by `ditto-live build-device` from max_for_live/code. Edit those files, not this text.\n"


def device_script() -> str:
    """What the `v8` runs: the table, the defaults and all files in a scope of their own, then the edge to Max."""
    constants = (
        f"const TABLE = {json.dumps(_table())};\nconst CONTROL_DEFAULTS = {json.dumps(defaults())};\n"
        f"const CONTROL_RANGES = {json.dumps(ranges())};\nconst LAYERS = {json.dumps(LAYERS)};\n"
    )
    body = "\n".join(_file(name) for name in ORDER)
    scope = f'const Ditto = (() => {{\n"use strict";\n{constants}\n{body}\nreturn {{ Device }};\n}})();\n'
    return f"{_HEAD}{scope}\n{_file(MAIN)}"


def display_script() -> str:
    """What the `v8ui` in the middle of the face runs."""
    body = "\n".join(_file(name) for name in DISPLAY)
    return f"{_HEAD}const CONTROL_RANGES = {json.dumps(ranges())};\n{body}"


def _table() -> dict[str, object]:
    """The OSC table without what only people read."""
    table = json.loads((FOLDER / "addresses.json").read_text(encoding="utf-8"))

    def bare(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{name: row[name] for name in ("name", "tag", "low", "high") if name in row} for row in rows]

    addresses = [
        {
            "path": row["path"],
            "sender": row["sender"],
            "arguments": bare(row["arguments"]),
            "repeat": bare(row["repeat"]),
            **({"last": bare([row["last"]])[0]} if "last" in row else {}),
        }
        for row in table["addresses"]
    ]
    kept = ("protocol", "osc_port", "osc_port_tries", "reply_ports")
    return {name: table[name] for name in kept} | {"addresses": addresses}


def _file(name: str) -> str:
    return (CODE / f"{name}.js").read_text(encoding="utf-8")
