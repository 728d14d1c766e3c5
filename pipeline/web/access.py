"""Who sends a request, and whether it comes from our own pages. For the pages:

- `current(request) -> User` is a dependency: `user: Annotated[User, Depends(access.current)]`. Without a login where one is
  needed it raises LoginNeeded; for pages, the app turns that into a redirect to `/logga-in?next=…`.
- Every form needs `<input type="hidden" name="csrf" value="{{ token(request) }}">`, every htmx or fetch request that changes
  anything the header `X-CSRF-Token` with the same value. The app checks it for all unsafe methods of the pages' router.
- `profile(request)` is the local profile's name or None; `set_profile(response, name)` keeps it (only without login).
- `sign_in(request, response, name, password)` and `sign_out(request, response)` (only with login).

All of these may block (the store): call them from `def` endpoints.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import MutableMapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from pipeline.store import accounts
from pipeline.web.errors import Forbidden, LoginNeeded, TooMany
from pipeline.web.guard import API, SAFE, bearer
from pipeline.web.service import User, Workbench
from pipeline.web.settings import Settings

LOGIN, VISIT, PROFILE = "spur_login", "spur_visit", "spur_profile"
LOCAL = "Lokal användare"
TOKEN_HEADER, TOKEN_FIELD = "x-csrf-token", "csrf"
OPEN_PAGES = frozenset({"/logga-in", "/hjalp"})
_YEAR = 365 * 24 * 3600
_MOST_PAUSE = 3600.0
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def workbench(request: Request) -> Workbench:
    """The app's workbench."""
    bench: Workbench = request.app.state.workbench
    return bench


def _settings(request: Request) -> Settings:
    return workbench(request).settings


def login_mode(request: Request) -> bool:
    """Whether people log in with accounts (else: a local profile)."""
    return _settings(request).login


# --- who ---


def _user(request: Request) -> User | None:
    """Who sends the request, None where that must be told and is not."""
    settings = _settings(request)
    if (known := bearer(request.headers, settings)) is not None:
        return User("API", "admin", "") if known else None
    if not settings.protected:
        return User(profile(request) or LOCAL, "admin", "")
    cookie = request.cookies.get(LOGIN)
    if not settings.login or not cookie:
        return None
    store, hours = workbench(request).store, settings.limits.session_hours
    with store.read() as session:
        found = accounts.who(session, cookie, hours)
    if found is None:
        return None
    account, note = found
    if note:
        with store.write() as session:
            accounts.note_use(session, cookie)
    return User(account.name, account.role, account.name)


def current(request: Request) -> User:
    """Who sends the request. Raises LoginNeeded where that must be told and is not."""
    if not hasattr(request.state, "user"):
        request.state.user = _user(request)
    user: User | None = request.state.user
    if user is None:
        raise LoginNeeded("Logga in för att fortsätta")
    return user


def may_enter(request: Request) -> None:
    """Dependency of all pages: lets in who is logged in, and everybody to the pages that need no login."""
    if request.url.path not in OPEN_PAGES:
        current(request)


def may_call(request: Request) -> None:
    """Dependency of the API. A request with a login's cookie that does not say where it comes from needs the token."""
    current(request)
    told = "origin" in request.headers or "sec-fetch-site" in request.headers
    by_cookie = login_mode(request) and not bearer(request.headers, _settings(request))
    if request.method not in SAFE and by_cookie and not told:
        _check(request, request.headers.get(TOKEN_HEADER))


# --- forms ---


def _cookie(request: Request, name: str, value: str, age: int | None, http_only: bool = True) -> None:
    """Lets the response, whoever makes it, set a cookie (`guard` adds it)."""
    state: MutableMapping[str, Any] = request.scope.setdefault("state", {})
    state.setdefault("cookies", []).append(_header(_settings(request), name, value, age, http_only))


def _header(settings: Settings, name: str, value: str, age: int | None, http_only: bool = True) -> str:
    cookie: SimpleCookie = SimpleCookie()
    cookie[name] = value
    cookie[name]["path"] = "/"
    cookie[name]["samesite"] = "Lax"
    if age is not None:
        cookie[name]["max-age"] = age
    if http_only:
        cookie[name]["httponly"] = True
    if settings.secure:
        cookie[name]["secure"] = True
    return cookie.output(header="").strip()


def _secret(request: Request) -> str | None:
    """What the token is made of: the login's cookie, else the visitor's."""
    login = request.cookies.get(LOGIN) if login_mode(request) else None
    return login or request.cookies.get(VISIT)


def _token(secret: str) -> str:
    return hmac.new(secret.encode("utf8", "replace"), b"spur form", hashlib.sha256).hexdigest()


def token(request: Request) -> str:
    """The token that a form of this visitor has to carry. Sets the visitor's cookie if there is none yet."""
    secret = _secret(request)
    if secret is None:
        if not hasattr(request.state, "visit"):
            request.state.visit = secrets.token_urlsafe(24)
            _cookie(request, VISIT, request.state.visit, None)
        secret = str(request.state.visit)
    return _token(secret)


def _check(request: Request, given: object) -> None:
    secret = _secret(request)
    if (
        secret is None
        or not isinstance(given, str)
        or not hmac.compare_digest(given.encode("utf8", "replace"), _token(secret).encode())
    ):
        raise Forbidden("Sidan har legat öppen för länge: ladda om den och försök igen")


async def checked_form(request: Request) -> None:
    """Dependency of all pages: what changes anything must carry the visitor's token."""
    if request.method in SAFE:
        return
    given: object = request.headers.get(TOKEN_HEADER)
    if given is None and request.headers.get("content-type", "").lower().startswith(_FORMS):
        given = (await request.form()).get(TOKEN_FIELD)
    await run_in_threadpool(_check, request, given)


# --- the local profile ---


def profile(request: Request) -> str | None:
    """The name that the visitor has given, without login."""
    name = unquote(request.cookies.get(PROFILE, "")).strip()
    shown = "".join(c for c in name if c.isprintable())[:60]
    return shown or None


def set_profile(response: Response, name: str) -> None:
    """Keeps the visitor's name for a year; it signs corrections."""
    shown = "".join(c for c in name.strip() if c.isprintable())[:60]
    if not shown:
        raise Forbidden("Skriv ett namn")
    response.set_cookie(PROFILE, quote(shown), max_age=_YEAR, path="/", httponly=True, samesite="lax")


# --- login ---


class Attempts:
    """Failed logins by account and by address: after some, each has to wait, longer each time."""

    def __init__(self, most: int, pause: float) -> None:
        self._most, self._pause, self._lock = most, pause, threading.Lock()
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, *keys: str) -> int:
        """Seconds until one of these may try again; 0: now."""
        now = time.monotonic()
        with self._lock:
            return max((int(self._failed[k][1] - now) + 1 for k in keys if self._until(k) > now), default=0)

    def _until(self, key: str) -> float:
        return self._failed.get(key, (0, 0.0))[1]

    def fail(self, key: str, factor: int = 1) -> None:
        """One more failed; `factor` times as many are borne."""
        with self._lock:
            count = self._failed.pop(key, (0, 0.0))[0] + 1
            beyond = count - self._most * factor
            pause = min(_MOST_PAUSE, self._pause * 2 ** min(beyond, 20)) if beyond >= 0 else 0.0
            self._failed[key] = (count, time.monotonic() + pause)
            while len(self._failed) > 10_000:
                self._failed.popitem(last=False)

    def succeed(self, key: str) -> None:
        with self._lock:
            self._failed.pop(key, None)


class Gate:
    """Checks passwords, a few at a time: each check takes memory and time on purpose."""

    def __init__(self, settings: Settings) -> None:
        limits = settings.limits
        self.attempts = Attempts(limits.login_attempts, limits.login_pause_seconds)
        self._few = threading.BoundedSemaphore(2)

    def check(self, bench: Workbench, name: str, password: str, address: str) -> tuple[User, str]:
        """(the user, the secret of a new login). Raises Forbidden, TooMany."""
        account_key, address_key = f"n:{name.strip().lower()[:60]}", f"a:{address}"
        if seconds := self.attempts.wait(account_key, address_key):
            raise TooMany(f"För många försök: vänta {seconds} sekunder", retry_after=seconds)
        with self._few, bench.store.read() as session:
            account = accounts.checked(session, name, password)
        if account is None:
            self.attempts.fail(account_key)
            self.attempts.fail(address_key, factor=4)
            raise Forbidden("Namnet eller lösenordet stämmer inte")
        self.attempts.succeed(account_key)
        with bench.store.write() as session:
            accounts.sweep(session, bench.settings.limits.session_hours)
            secret = accounts.login(session, account.name)
        return User(account.name, account.role, account.name), secret


def sign_in(request: Request, response: Response, name: str, password: str) -> User:
    """Logs in. Raises Forbidden where name or password is wrong, TooMany after too many attempts."""
    if not login_mode(request):
        raise Forbidden("Servern har inga konton: inloggning behövs inte")
    gate: Gate = request.app.state.gate
    address = request.client.host if request.client else ""
    user, secret = gate.check(workbench(request), name, password, address)
    response.headers.append("set-cookie", _header(_settings(request), LOGIN, secret, None))
    return user


def sign_out(request: Request, response: Response) -> None:
    """Ends the login on the server and removes the cookie."""
    cookie = request.cookies.get(LOGIN)
    if cookie:
        with workbench(request).store.write() as session:
            accounts.logout(session, cookie)
    response.headers.append("set-cookie", _header(_settings(request), LOGIN, "", 0))


def is_api(request: Request) -> bool:
    """Whether a program asks, and not a browser's page."""
    return request.url.path.startswith(API)
