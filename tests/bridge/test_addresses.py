"""The table of addresses is complete, and what is made from it is what is committed."""

import json
from pathlib import Path

import pytest

from bridge.osc import reference
from bridge.osc.addresses import ADDRESSES, BY_PATH, Address
from bridge.requests.fields import FIELDS


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
    assert set(address.tags) <= set("ifs()*[]")
    assert address.sentence.endswith(".")


def test_every_setting_says_what_counts_where_it_is_not_sent() -> None:
    """The page of OSC has a default for each setting, so that only what differs need be sent."""
    page = (reference.ROOT / "docs" / "osc.md").read_text(encoding="utf-8")
    for row in (row for row in FIELDS if row.is_osc):
        (line,) = [line for line in page.splitlines() if line.startswith(f"| `{row.name}` |")]
        assert row.shown_default or row.name in ("prompt", "negative_prompt")
        assert len(line.split(" | ")) == 4


def test_the_devices_table_is_plain_json() -> None:
    """The device's file is ASCII, so that any version of Max reads it."""
    text = reference.device_table()
    assert text.isascii()
    assert {row["path"] for row in json.loads(text)["addresses"]} == set(BY_PATH)
