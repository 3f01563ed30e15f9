"""Who may speak to the page's server: this computer, by this server's own page, with the token that `open` knows.

A page of another site can send requests to loopback ports (cross-origin forms and sockets), and can let its own name
point here (DNS rebinding). So three things are checked before any route sees a request: `Host` names this server,
`Origin`, where a browser sends one, is this server's, and whatever is not a plain file of the page carries the token.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .files import index

MAX_BODY_BYTES = 64 * 2**20  # of an upload: ten minutes of CD sound, or a large Live set
PUBLIC = ("/", "/static/")  # the page itself holds no secret; all that it asks for does

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        f"style-src 'self' {index().style_source}",
        "img-src 'self' blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Refusal(StrEnum):
    """Why a request is refused."""

    HOST = "This server answers only under its own address."
    ORIGIN = "Another page may not use this server."
    TOKEN = "The address lacks its token: open the page with `ditto-live open`."
    SIZE = "The upload is too large."


@dataclass(frozen=True, slots=True)
class Guard:
    """ASGI middleware that refuses strangers and adds the safety headers. `port` is the server's own."""

    app: ASGIApp
    token: str
    port: Callable[[], int]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may pass."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(scope, receive, send, refusal)
            return
        await self.app(scope, _bounded(receive), _with_headers(send))

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        port = self.port()
        hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost")}
        if len(headers.getlist("host")) != 1 or headers["host"].lower() not in hosts:
            return Refusal.HOST
        origin = headers.get("origin")
        is_socket = scope["type"] == "websocket"
        if (origin is not None or is_socket) and origin not in {f"http://{host}" for host in hosts}:
            return Refusal.ORIGIN
        if int(headers.get("content-length") or 0) > MAX_BODY_BYTES:
            return Refusal.SIZE
        path = scope["path"]
        if is_socket or path == PUBLIC[0] or path.startswith(PUBLIC[1]):
            return None  # a socket says the token in its first message: browsers cannot set its headers
        return None if is_token(headers.get("authorization", "").removeprefix("Bearer "), self.token) else Refusal.TOKEN


def is_token(given: str, token: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


async def _refuse(scope: Scope, receive: Receive, send: Send, refusal: Refusal) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        return
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if refusal is Refusal.SIZE else HTTPStatus.FORBIDDEN
    await JSONResponse({"sentence": refusal}, status_code=status, headers=HEADERS)(scope, receive, send)


def _bounded(receive: Receive) -> Receive:
    """Return `receive` that ends a body without a stated length once it is too large."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        return message if taken <= MAX_BODY_BYTES else {"type": "http.disconnect"}

    return bounded


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
