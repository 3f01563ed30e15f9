"""Where every asset comes from and what its licence asks for. A file that no row covers cannot load."""

from __future__ import annotations

from typing import Final

import msgspec

LICENCES: Final = frozenset({"CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "MIT", "public domain"})


class Source(msgspec.Struct, frozen=True):
    """One row: the folder (or file) it covers, its origin with commit, licence, and whom to credit."""

    path: str
    origin: str
    commit: str
    licence: str
    credit: str


_LIBRE: Final = (
    "TheSmallTeaBoi/the-libre-sample-pack",
    "23c0234",
    "CC0-1.0",
    "the contributors of the-libre-sample-pack",
)
_PIANOS: Final = ("sfzinstruments/GregSullivan.E-Pianos", "8c3e581", "CC-BY-3.0", "Greg Sullivan")
_FREEPATS: Final = ("CC0-1.0", "FreePats project")

LEDGER: Final[tuple[Source, ...]] = (
    Source("akwf.npz", "sonic-pi-net/sonic-pi etc/wavetables", "c000206", "CC0-1.0", "Kristoffer Ekstrand"),
    Source("one-shots/libre", *_LIBRE),
    Source("one-shots/tr808", "tidalcycles/sounds-tr808-fischer", "85fbecf", "CC0-1.0", "Michael Fischer"),
    Source("one-shots/meadowlark", "BillyDM/meadowlark-factory-library", "9e99c92", "CC0-1.0", "Billy Messenger"),
    Source(
        "one-shots/gogodze",
        "sfzinstruments/karoryfer.gogodze-phu-vol-ii",
        "69a0274",
        "CC0-1.0",
        "Karoryfer Samples",
    ),
    Source("keys/CP80", *_PIANOS),
    Source("keys/Pianet-T", *_PIANOS),
    Source("keys/Wurlitzer-EP200", *_PIANOS),
    Source(
        "keys/upright-piano",
        "freepats/upright-piano-KW",
        "570f6c6",
        "CC0-1.0",
        "FreePats project, Gonzalo and Roberto",
    ),
    Source("bass/fashionbass", "sfzinstruments/karoryfer.fashionbass", "0703973", "CC0-1.0", "Karoryfer Samples"),
    Source("bass/fretless", "cleary/samples-flbass", "f0c5f4e", "CC0-1.0", "cleary"),
    Source("bass/synth-bass-1", "freepats/synth-bass-1", "17095d4", *_FREEPATS),
    Source("bass/synth-bass-2", "freepats/synth-bass-2", "66e5cee", *_FREEPATS),
    Source("bass/lately-bass", "freepats/lately-bass", "e27530d", *_FREEPATS),
    Source("bass/synth-bass-lead", "freepats/synth-bass-lead", "426f32d", *_FREEPATS),
    Source("pads/new-age", "freepats/new-age", "f277fa2", *_FREEPATS),
    Source("pads/synth-pad-bowed", "freepats/synth-pad-bowed", "1646e44", *_FREEPATS),
    Source("pads/synth-pad-choir", "freepats/synth-pad-choir", "b801f7f", *_FREEPATS),
)


def source_of(path: str) -> Source | None:
    """Return the row that covers a path relative to the asset folder, or None: then it must not be read."""
    for source in LEDGER:
        if path == source.path or path.startswith(f"{source.path}/"):
            return source
    return None
