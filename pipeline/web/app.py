"""The ASGI application: the API under /api/v1, the pages at /, static files under /static.

The pages are `pipeline.web.pages`: `router: APIRouter`, and `error_page(request, status: int, title: str, detail: str) ->
Response` for browsers' errors outside the API. Their form checks and security headers come from here.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from inspect import signature
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from pipeline import __version__
from pipeline.report import SpurError
from pipeline.web import access, api, pages
from pipeline.web.errors import LoginNeeded, WebError
from pipeline.web.guard import HEADERS, SAFE, Guard
from pipeline.web.problems import problem
from pipeline.web.service import Workbench
from pipeline.web.settings import Settings

STATIC = Path(__file__).resolve().parent / "static"
_THREADS = (
    96  # for requests: twice as many as may wait for a draft, so that the others are answered meanwhile
)
_QUIET: Any = dict.fromkeys(
    ("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False
)  # what newer versions of FastAPI can send elsewhere
_WORDS = {
    400: ("Felaktig begäran", "Begäran går inte att förstå"),
    404: ("Finns inte", "Sidan finns inte"),
    405: ("Fel metod", "Adressen tar inte emot den metoden"),
    415: ("Fel innehållstyp", "Innehållet är av ett slag som adressen inte tar emot"),
}

log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The application. Its workbench (`app.state.workbench`) is opened here and closed with the app's lifespan.

    Raises SpurError where model, catalogue or store cannot be used.
    """
    bench = Workbench(settings)
    app = FastAPI(
        title="spur",
        version=__version__,
        description="Drafts grades for SPUR reports; see the README. Errors are application/problem+json.",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        lifespan=_lifespan,
        **({"telemetry": _QUIET} if "telemetry" in signature(FastAPI).parameters else {}),
    )
    app.state.workbench, app.state.gate = bench, access.Gate(settings)
    app.include_router(api.open_router)
    app.include_router(api.router)
    app.include_router(pages.router, dependencies=[Depends(access.may_enter), Depends(access.checked_form)])
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(Guard, settings=settings)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    bench: Workbench = app.state.workbench
    bench.start()
    try:
        yield
    finally:
        await anyio.to_thread.run_sync(bench.close)


# --- errors ---


def _answer(
    request: Request,
    status: int,
    title: str,
    detail: str,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """A page for a browser that looks at our pages, problem+json for all others."""
    page = not access.is_api(request) and "text/html" in request.headers.get("accept", "")
    if not page:
        return problem(status, title, detail, errors, headers)
    response = pages.error_page(request, status, title, detail)
    response.headers.update(headers or {})
    return response


def _spur_error(request: Request, e: Exception) -> Response:
    if isinstance(e, LoginNeeded) and not access.is_api(request) and access.login_mode(request):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        onward = f"?next={quote(back, safe='/')}" if request.method in SAFE and back != "/" else ""
        return RedirectResponse(f"/logga-in{onward}", 303)
    if not isinstance(e, WebError):
        detail = str(e)
        return _answer(request, 422, WebError.title, detail[:1].upper() + detail[1:])
    headers = {"retry-after": str(e.retry_after)} if e.retry_after else {}
    if e.status == HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = 'Bearer realm="spur"'
    return _answer(request, e.status, e.title, str(e), headers=headers)


def _http_error(request: Request, e: Exception) -> Response:
    assert isinstance(e, HTTPException)
    usual = HTTPStatus(e.status_code).phrase
    title, detail = _WORDS.get(e.status_code, (usual, usual))
    if e.detail and e.detail != usual:
        detail = str(e.detail)
    return _answer(request, e.status_code, title, detail, headers=dict(e.headers or {}))


def _invalid(request: Request, e: Exception) -> Response:
    assert isinstance(e, RequestValidationError)
    errors = [
        {"field": ".".join(map(str, x.get("loc", ()))), "problem": str(x.get("msg", ""))}
        for x in e.errors()[:20]
    ]
    told = "; ".join(f"{x['field']}: {x['problem']}" for x in errors[:5])
    return _answer(request, 422, WebError.title, f"Begäran har fel i {told}", errors)


def _gone(request: Request, e: Exception) -> Response:
    """The sender went away: nobody hears the answer, and there is nothing to log."""
    return _answer(request, 400, "Avbrutet", "Begäran kom inte fram i sin helhet")


def _fault(request: Request, e: Exception) -> Response:
    log.error("a request failed", exc_info=e)
    response = _answer(
        request, 500, "Fel i servern", "Ett oväntat fel inträffade: försök igen, och anmäl felet"
    )
    response.headers.update(HEADERS)  # this answer is given outside the guard
    return response


_HANDLERS: dict[int | type[Exception], Any] = {
    SpurError: _spur_error,
    HTTPException: _http_error,
    RequestValidationError: _invalid,
    ClientDisconnect: _gone,
    Exception: _fault,
}
