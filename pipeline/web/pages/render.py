"""Templates in, HTML out: one environment, and what every page is given."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from pipeline import __version__
from pipeline.grading.words import listed
from pipeline.rendering import words
from pipeline.rendering.audit import html as audit_html
from pipeline.web import access
from pipeline.web.pages import text
from pipeline.web.service import User

Place = Literal["draft", "archive", "audit", "help", "account", ""]


@cache
def environment() -> Environment:
    """The templates: all values are escaped, a name that is missing is an error."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("pipeline.web"), PackageLoader("pipeline.rendering")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(audit_html.filters())
    made.filters.update(listed=listed, day=text.day, moment=text.moment, cited=text.cited)
    made.globals.update(words=words, text=text, version=__version__)
    return made


def is_fragment(request: Request) -> bool:
    """Whether htmx asks, and so wants a piece of a page and not the whole."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def page(
    request: Request,
    template: str,
    *,
    user: User | None = None,
    place: Place = "",
    status: int = 200,
    **told: Any,
) -> HTMLResponse:
    """A template as an answer. `user` is None where nobody is known yet; `place` is the page's place in the menu."""
    login = access.login_mode(request)
    context = {
        "request": request,
        "user": user,
        "place": place,
        "login": login,
        "profile": (user.name if user else None) if login else access.profile(request),
        "csrf": access.token(request),
        "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        **told,
    }
    html = environment().get_template(template).render(context)
    return HTMLResponse(html, status, headers={"Cache-Control": "no-store", "Vary": "HX-Request"})


def to(url: str) -> Response:
    """After a form: go and see."""
    return RedirectResponse(url, 303)
