"""What every request passes before anything reads it, and what every answer carries: hosts, origins, sizes, headers.

Plain ASGI, so that nothing of a request is in memory before it has been let in.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.web.problems import problem
from pipeline.web.settings import LOOPBACK, MEGA, Settings

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
API, STATIC = "/api/", "/static/"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}
_OVERHEAD = MEGA  # of a multipart body beside the file
_DRAIN, _DRAIN_SECONDS = 600 * MEGA, 20.0  # of a refused body: so that the sender reads the refusal


def bearer(headers: Headers, settings: Settings) -> bool | None:
    """Whether the request's bearer token is the server's; None where either has none."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or settings.token is None:
        return None
    return hmac.compare_digest(given.strip().encode(), settings.token.encode())


def host_name(host: str) -> str:
    """A Host header without its port, lower-case; an IPv6 address keeps its brackets."""
    name = host.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0].rstrip(".")


def allowed_hosts(settings: Settings) -> frozenset[str]:
    """The names that requests may be addressed to."""
    own = settings.host if ":" not in settings.host else f"[{settings.host}]"
    return frozenset(host_name(h) for h in (*LOOPBACK, own, *settings.hosts) if h)


class Guard:
    """Refuses foreign hosts, foreign origins and bodies that are too large; adds the security headers."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings, self.hosts = app, settings, allowed_hosts(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        send = _with_headers(scope, send)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or host_name(hosts[0]) not in self.hosts:
            detail = "Servern svarar inte under det namnet: använd adressen som  spur serve  visar"
            await problem(400, "Okänt värdnamn", detail)(scope, receive, send)
        elif scope["method"] not in SAFE and not self._from_us(scope, headers):
            detail = "Begäran kommer från en annan webbplats"
            await problem(403, "Inte tillåtet", detail)(scope, receive, send)
        else:
            await self._sized(scope, headers, receive, send)

    def _from_us(self, scope: Scope, headers: Headers) -> bool:
        """Whether a request that changes something comes from our own pages, or from no page at all.

        Under `referrer-policy: no-referrer`, browsers send «Origin: null» with our own forms too: those carry a token,
        which `access.checked_form` demands, and where it can be had, Sec-Fetch-Site says where they come from.
        """
        if bearer(headers, self.settings):
            return True
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        if origin is None:
            return True
        if origin == "null":
            return site == "same-origin" or not scope["path"].startswith(API)
        return urlsplit(origin).netloc.lower() == headers.get("host", "").strip().lower()

    def _most(self, scope: Scope, headers: Headers) -> int:
        """How many bytes the request's body may have."""
        limits = self.settings.limits
        if not headers.get("content-type", "").lower().startswith("multipart/"):
            return limits.json_megabytes * MEGA
        if scope["path"].rstrip("/").endswith(("/jobs", "/omgangar")):
            return limits.job_megabytes * MEGA + _OVERHEAD
        return limits.upload_megabytes * MEGA + _OVERHEAD

    async def _sized(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        most = self._most(scope, headers)
        told = headers.get("content-length", "")
        refusal = problem(
            413, "För stort", f"Det som skickades är större än {most // MEGA} MB: skicka en fil i taget"
        )
        if told.isdigit() and int(told) > most:
            if headers.get("expect", "").lower() != "100-continue":
                await _drain(receive)
            await refusal(scope, receive, send)
            return
        counted = _Counted(receive, most)

        async def answer(message: Message) -> None:
            if not counted.over:  # else the application answers to half a body: nobody hears that
                await send(message)

        with suppress(_TooLong):
            await self.app(scope, counted, answer)
        if counted.over:
            if counted.more:
                await _drain(receive)
            await refusal(scope, receive, send)


class _TooLong(Exception):  # noqa: N818 - ends the reading of a body
    pass


class _Counted:
    """A body that ends with an error once it is longer than it may be."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left, self.over, self.more = receive, most, False, True

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            self.more = message.get("more_body", False)
            if self._left < 0:
                self.over = True
                raise _TooLong
        return message


async def _drain(receive: Receive) -> None:
    """Reads a refused body away, within reason."""
    left, more = _DRAIN, True
    with anyio.move_on_after(_DRAIN_SECONDS):
        while more and left > 0:
            message = await receive()
            left -= len(message.get("body", b""))
            more = message["type"] == "http.request" and message.get("more_body", False)


def _with_headers(scope: Scope, send: Send) -> Send:
    static = scope["path"].startswith(STATIC)

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-cache" if static else "no-store")
            for cookie in _cookies(scope.get("state", {})):
                headers.append("set-cookie", cookie)
        await send(message)

    return wrapped


def _cookies(state: MutableMapping[str, Any]) -> Iterable[str]:
    """Cookies that `access` wants to be set, whoever makes the response."""
    cookies: list[str] = state.get("cookies", [])
    return cookies
