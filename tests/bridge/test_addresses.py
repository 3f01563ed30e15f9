"""The table of addresses is complete, and what is made from it is what is committed."""

import json
from pathlib import Path

import pytest

from bridge.osc import reference
from bridge.osc.addresses import ADDRESSES, BY_PATH, SETTINGS, Address
from bridge.requests.resolve import _FIELDS
from engine.request import LoopRequest


def test_committed_pages_equal_the_table(tmp_path: Path) -> None:
    """`docs/osc.md` and `addresses.json` are what the table makes; `python -m bridge.osc.reference` writes them."""
    for made in reference.write_reference(tmp_path):
        committed = reference.ROOT / made.relative_to(tmp_path)
        assert committed.read_text(encoding="utf-8") == made.read_text(encoding="utf-8")


def test_every_address_stands_once() -> None:
    """No path has two meanings."""
    assert len(BY_PATH) == len(ADDRESSES)


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.path)
def test_only_the_types_that_max_sends_are_used(address: Address) -> None:
    """Tags are i, f and s; every address says what it does."""
    assert set(address.tags) <= set("ifs()*")
    assert address.sentence.endswith(".")


def test_every_field_of_a_request_can_be_set() -> None:
    """A device can say all that the command line can, except ids, which have a place of their own."""
    names = {setting.name for setting in SETTINGS}
    elsewhere = {
        "request_id": "begin",
        "controls": "curve",
        "start": "from_take",
        "budget": "steps",
        "meter": "time_signature",
    }
    for field in LoopRequest.__struct_fields__:
        assert field in names or elsewhere[field] in names | {"begin", "curve"}, field
    assert set(_FIELDS) <= names


def test_the_devices_table_is_plain_json() -> None:
    """The device's file is ASCII, so that any version of Max reads it."""
    text = reference.device_table()
    assert text.isascii()
    assert {row["path"] for row in json.loads(text)["addresses"]} == set(BY_PATH)
