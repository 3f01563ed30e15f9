"""The page's own files, read once: its style lies in the page itself, and all its modules are fetched at once.

A browser draws nothing before it has the style, so the style travels with the page; the policy allows it by its digest.
Modules are named in the page's head, so that none waits until another one that imports it was read.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

STATIC = Path(__file__).parent / "static"
STYLE_LINK = '<link rel="stylesheet" href="/static/page.css">'
MODULES_LINK = '<link rel="modulepreload" href="/static/js/main.js">'
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Index:
    """The page with its style inside, and the digest by which the policy allows the style."""

    html: str
    style_source: str


@cache
def index() -> Index:
    """Return the page."""
    page, style = ((STATIC / name).read_text(encoding="utf-8") for name in ("index.html", "page.css"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    modules = sorted(path.name for path in (STATIC / "js").glob("*.js"))
    links = "\n  ".join(f'<link rel="modulepreload" href="/static/js/{name}">' for name in modules)
    html = page.replace(STYLE_LINK, f"<style>{style}</style>").replace(MODULES_LINK, links)
    return Index(html, f"'sha256-{digest}'")


@cache
def _files() -> dict[str, tuple[bytes, str]]:
    """Return all other files: their bytes and their type by their path below `static`."""
    found = (path for path in STATIC.rglob("*") if path.suffix in TYPES)
    return {path.relative_to(STATIC).as_posix(): (path.read_bytes(), TYPES[path.suffix]) for path in found}


async def serve_static(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with one of the page's files; an ASGI application. Nothing is looked up in a folder."""
    path = scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/")
    data, media_type = _files().get(path, (b"", ""))
    found = Response(data, media_type=media_type) if media_type else Response(status_code=NOT_FOUND)
    await found(scope, receive, send)
