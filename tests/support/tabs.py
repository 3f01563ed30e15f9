"""What tests of the studio page do in a tab, and what came of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.takes.library import kept, sidecar

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

CARD = "#cards .card"


def make(tab: "Tab", prompt: str = "dusty boom bap, rhodes") -> None:
    """Type a prompt, press Enter, and wait for its take."""
    before = tab.locator(CARD).count()
    tab.fill("#prompt", prompt)
    tab.keyboard.press("Enter")
    tab.wait_for_function("(n) => document.querySelectorAll('#cards .card').length > n", arg=before)


def asked(studio: Any) -> list[Any]:
    """Return the requests of all takes, the newest first."""
    return [sidecar(take).request for take in kept(studio.service.takes)]


def drop(tab: "Tab", file: Path) -> None:
    """Drop a file on the page, as a file manager does."""
    transfer = tab.evaluate_handle(
        """([bytes, name]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array(bytes)], name));
          return transfer;
        }""",
        [list(file.read_bytes()), file.name],
    )
    tab.dispatch_event("body", "drop", {"dataTransfer": transfer})
