"""The JavaScript of the device: readable files in `code/`, joined in order into what the patcher carries.

Max loads one text for each `v8`, and does not look beside an `.amxd` for it. So the texts travel inside the
device (`@embed 1`), and the device needs no other file.
"""

import json
from pathlib import Path

from .parameters import defaults

FOLDER = Path(__file__).parent
CODE = FOLDER / "code"
ORDER = (
    "Clock", "Table", "LiveSet", "Clips", "Curve", "Learner", "Link", "LoopRequest", "Outbox",
    "Warp", "Lander", "Takes", "Redraw", "Store", "Face", "Device", "Asking", "Answers",
)  # fmt: skip
_HEAD = "// Made by `ditto-live build-device` from max_for_live/code. Edit those files, not this text.\n"


def device_script() -> str:
    """What the `v8` runs: the table, the defaults and all files in a scope of their own, then the edge to Max."""
    table = json.dumps(json.loads((FOLDER / "addresses.json").read_text(encoding="utf-8")), ensure_ascii=True)
    constants = f"const TABLE = {table};\nconst CONTROL_DEFAULTS = {json.dumps(defaults())};\n"
    body = "\n".join(_file(name) for name in ORDER)
    scope = f'const Ditto = (() => {{\n"use strict";\n{constants}\n{body}\nreturn {{ Device }};\n}})();\n'
    return f"{_HEAD}{scope}\n{_file('Main')}"


def display_script() -> str:
    """What the `v8ui` in the middle of the face runs."""
    return f"{_HEAD}{_file('Display')}"


def _file(name: str) -> str:
    return (CODE / f"{name}.js").read_text(encoding="utf-8")
