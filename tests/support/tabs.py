"""What tests of the studio page do in a tab, and what came of it."""

import base64
import http.client
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bridge.takes.library import sidecar, stored_takes

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

CARD = "#cards .card"
SECONDS = 20


def make(tab: "Tab", prompt: str = "dusty boom bap, rhodes") -> None:
    """Type a prompt, press Enter, and wait for its take."""
    before = tab.locator(CARD).count()
    tab.fill("#prompt", prompt)
    tab.keyboard.press("Enter")
    tab.wait_for_function("(n) => document.querySelectorAll('#cards .card').length > n", arg=before)


def asked(studio: Any) -> list[Any]:
    """Return the requests of all takes, the newest first."""
    return [sidecar(take).request for take in stored_takes(studio.service.takes)]


def drop(tab: "Tab", file: Path) -> None:
    """Drop a file on the page, as a file manager does."""
    transfer = tab.evaluate_handle(
        """([text, name]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
          return transfer;
        }""",
        [base64.b64encode(file.read_bytes()).decode(), file.name],
    )
    tab.dispatch_event("body", "drop", {"dataTransfer": transfer})


def samples(tab: "Tab", expression: str) -> "np.ndarray[Any, Any]":
    """Return what an expression in the tab has of samples; as base64, because a hundred thousand numbers are slow."""
    packed = tab.evaluate(
        """async (expression) => {
          const bytes = new Uint8Array(Float32Array.from(await (0, eval)(expression)).buffer);
          let text = "";
          for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
          return btoa(text);
        }""",
        expression,
    )
    return np.frombuffer(base64.b64decode(packed), "<f4")


def ask(studio: Any, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Send one request exactly as given, with the right Host unless another is named."""
    line = http.client.HTTPConnection("127.0.0.1", studio.page.port, timeout=SECONDS)
    sent = {"host": f"127.0.0.1:{studio.page.port}"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in sent.items():
        line.putheader(name, value)
    if body:
        line.putheader("content-length", str(len(body)))
    line.endheaders(body or None)
    answer = line.getresponse()
    found = answer.status, answer.read()
    line.close()
    return found


def own(studio: Any) -> dict[str, str]:
    return {"authorization": f"Bearer {studio.page.token}"}
