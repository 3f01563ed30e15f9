"""Writes the files that are made from the tables of addresses and fields.

They are `docs/osc.md`, the tables of options in `docs/request.md`, and `max_for_live/addresses.json`.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from engine.settings import DEFAULT_OSC_PORT
from midi.tempo import TICKS_PER_BEAT

from ..requests import fields
from .addresses import (
    ADDRESSES,
    MAX_CHUNKS,
    MAX_DATAGRAM_BYTES,
    PORT_TRIES,
    PROTOCOL_VERSION,
    REPLY_PORTS,
    UNSIGNED_VERSION,
    Address,
    Argument,
)

ROOT = Path(__file__).parents[2]


def write_reference(root: Path = ROOT) -> tuple[Path, ...]:
    """Write all files below `root` and return their paths."""
    written = []
    request = request_page((ROOT / "docs/request.md").read_text(encoding="utf-8"))
    pages = (("docs/osc.md", osc_page()), ("docs/request.md", request), ("max_for_live/addresses.json", device_table()))
    for name, text in pages:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    return tuple(written)


def device_table() -> str:
    """Return the table as the JSON text that the device reads."""
    table = {
        "protocol": PROTOCOL_VERSION,
        "osc_port": DEFAULT_OSC_PORT,
        "osc_port_tries": PORT_TRIES,
        "reply_ports": list(REPLY_PORTS),
        "max_datagram_bytes": MAX_DATAGRAM_BYTES,
        "max_chunks": MAX_CHUNKS,
        "ticks_per_beat": TICKS_PER_BEAT,
        "addresses": [_row(address) for address in ADDRESSES],
        "settings": [
            {"name": row.name, "default": row.default, "example": row.example, "sentence": row.sentence}
            for row in fields.FIELDS
            if row.is_osc
        ],
    }
    return json.dumps(table, indent=1, ensure_ascii=True) + "\n"


def _row(address: Address) -> dict[str, object]:
    return {
        "path": address.path,
        "sender": address.sender,
        "tags": address.tags,
        "arguments": [_plain(argument) for argument in address.arguments],
        "repeat": [_plain(argument) for argument in address.repeat],
        **({"last": _plain(address.last)} if address.last is not None else {}),
        "sentence": address.sentence,
    }


def _plain(argument: Argument) -> dict[str, object]:
    row: dict[str, object] = {"name": argument.name, "tag": argument.tag}
    for name in ("unit", "low", "high", "words"):
        value = getattr(argument, name)
        if value not in (None, "", ()):
            row[name] = list(value) if isinstance(value, tuple) else value
    return row


def osc_page() -> str:
    """Return `docs/osc.md`."""
    device = "\n\n".join(_section(a) for a in ADDRESSES if a.sender == "device")
    bridge = "\n\n".join(_section(a) for a in ADDRESSES if a.sender == "bridge")
    settings = "\n".join(
        f"| `{row.name}` | {_default(row)} | `{_cell(_example(row))}` | {_cell(row.sentence)} |"
        for row in fields.FIELDS
        if row.is_osc
    )
    renamed = ", ".join(f"`{old}` (now `{new}`)" for old, new in fields.RENAMED.items())
    return _PAGE.format(
        port=DEFAULT_OSC_PORT,
        last_port=DEFAULT_OSC_PORT + PORT_TRIES - 1,
        version=PROTOCOL_VERSION,
        unsigned=UNSIGNED_VERSION,
        ticks=f"{TICKS_PER_BEAT:,}",
        limit=f"{MAX_DATAGRAM_BYTES:,}",
        device=device,
        bridge=bridge,
        settings=settings,
        renamed=renamed,
        outpaint_file=fields.OUTPAINT_FILE,
    )


def _default(row: fields.Field) -> str:
    return f"`{row.default}`" if row.default else row.left_open or "empty"


def _example(row: fields.Field) -> str:
    return row.example.replace(" ", " = ", 1) if row.name.startswith("CONTROL.") else row.example


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def request_page(page: str) -> str:
    """Return `docs/request.md` with its tables of options as the fields have them now."""
    for panel in (fields.MUSIC, fields.STEER, fields.MAKE):
        first, last = f"<!-- options: {panel} -->\n", "<!-- end -->"
        head, _, rest = page.partition(first)
        _, _, tail = rest.partition(last)
        rows = [
            f"| `{row.flag}` | {_default(row)} | {_cell(row.sentence)} |"
            for row in fields.options()
            if row.panel == panel
        ]
        table = "\n".join(["| option | default | means |", "| --- | --- | --- |", *rows])
        page = f"{head}{first}{table}\n{last}{tail}"
    return page


def _section(address: Address) -> str:
    lines = [f"### `{address.path}` `{address.tags}`", "", address.sentence, ""]
    lines += _bullets(address.arguments)
    if address.repeat:
        lines += ["", "then any number of times:", "", *_bullets(address.repeat)]
    if address.last is not None:
        lines += ["", "and at the end:", "", *_bullets((address.last,))]
    return "\n".join(lines)


def _bullets(arguments: Iterable[Argument]) -> list[str]:
    return [f"- `{argument.name}` ({argument.tag}): {allowed(argument)}" for argument in arguments]


def allowed(argument: Argument) -> str:
    """Return the values that an argument may have, in words."""
    if argument.words:
        return " or ".join(f"`{word}`" for word in argument.words)
    if argument.tag == "s":
        return f"{argument.unit or 'text'}, {argument.low or 0:g} to {argument.high or 0:g} characters"
    limits = ""
    if argument.low is not None:
        limits = f"{argument.low:g} or more" if argument.high is None else f"{argument.low:g} to {argument.high:.12g}"
    return ", ".join(part for part in (argument.unit, limits) if part) or "any number"


_PAGE = """\
# The OSC messages

This page is made from `bridge/osc/addresses.py` and `bridge/requests/fields.py`; do not edit it by hand (`python -m
bridge.osc.reference` writes it).

The bridge receives UDP datagrams on 127.0.0.1, port {port}, or the next free port up to {last_port}. The discovery
file, `bridge.json` in the data folder, contains the port. The bridge sends its answers to the reply port that
`/ditto/hello` named, in datagrams of at most {limit} bytes.

**One request, start to finish.** Send `hello` until `welcome` comes. Send `begin`, one `set` for each field that is not
at its default, then curves, notes and onsets in numbered chunks (one datagram each), then `commit` with the number of
settings and of chunks. If the answer is `missing`, something was lost: send those parts and the commit again. Otherwise
the bridge sends `accepted`, some `progress` (and `preview`), a `take` for each finished take, and `done`, which you
answer with `seen`. Messages may be lost, duplicated or reordered: each carries the request's id, and you may repeat a
commit at any time to ask for the state of the request. A message that is refused is answered with `error`. The error
goes to the reply port if the message contains its sender's nonce, otherwise to the port that the message came from.

**Who owns a request.** This is protocol version {version}: every `set`, every chunk and every `favourite` ends in the
nonce of the device's hello, and only pieces with that nonce become part of the request. Pieces of another sender, or of
another request with the same id, are never mixed in. A device that announces version {unsigned} in its hello sends no
nonce, as earlier versions did. It is served, but whoever knows its request's id can add to that request.

**Types** are `i`, `f` and `s`. A device may also send a number as `h` or `d`, and 1 and 0 as `T` and `F`; arrays, `N`,
`I`, blobs and all other types are refused. A float without a fraction is accepted as a whole number, and a number is
accepted as text (Max and Pure Data choose types themselves). **Text** is ASCII; other characters, and the sign `%`
itself, are percent-encoded UTF-8 in both directions (`encodeURIComponent`, `decodeURIComponent`). The bridge also
accepts plain UTF-8. **Beats** are quarter notes from the loop's start. The bridge rounds them to the nearest 1/{ticks}
beat, so that triplets, quintuplets and septuplets are exact although a float has only 24 bits. Seeds and tempi are
decimal text for the same reason.

Try it with liblo's tools: `oscdump 9000` in one window, and in another

    oscsend 127.0.0.1 {port} /ditto/hello issi {version} desk n1 9000
    oscsend 127.0.0.1 {port} /ditto/loop/begin ss r1 n1
    oscsend 127.0.0.1 {port} /ditto/loop/set ssss r1 prompt "dusty boom bap, Rhodes" n1
    oscsend 127.0.0.1 {port} /ditto/loop/curve sssiiffffs r1 intensity db 0 1 0 -30 8 -12 n1
    oscsend 127.0.0.1 {port} /ditto/loop/commit ssissi r1 n1 1 curve intensity 1

## From the device

{device}

## From the bridge

{bridge}

## Settings

These are the names for `/ditto/loop/set`; the command line and Python use the same ([request.md](request.md)). Each has
a default, so send only what differs; an empty text means the default. `CONTROL` stands for the name of a control, such
as `melody`. The bridge reads the files, so paths must be absolute.

| name | default | example | meaning |
| --- | --- | --- | --- |
{settings}

Names of an earlier version are still accepted, with a note: {renamed}. `{outpaint_file}`, which filled the loop, has
become `inpaint` with `outpaint`.
"""

if __name__ == "__main__":
    write_reference()
