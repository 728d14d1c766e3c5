"""Who one is: the local profile's name, or logging in and out. And the help page."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from pipeline.web import access
from pipeline.web.errors import LoginNeeded, WebError
from pipeline.web.pages.deps import Acting, Bench, inside
from pipeline.web.pages.render import page, to
from pipeline.web.service import User

router = APIRouter()
LONGEST_NAME = 60


def proper_name(name: str) -> str | None:
    """A name as it was meant; None where it is no name."""
    told = " ".join(name.split())
    return told if told.isprintable() and 0 < len(told) <= LONGEST_NAME else None


def signing(request: Request, user: User, name: str) -> tuple[User, str | None]:
    """Who signs a correction, and the name to keep: one that is given with the first correction, where nobody logs in."""
    told = proper_name(name)
    if told is None or access.login_mode(request) or access.profile(request):
        return user, None
    return replace(user, name=told), told


@router.get("/profil")
def profile(request: Request, user: Acting, next: str = "/") -> Response:
    """Asks for the name that signs corrections; with login, tells who is logged in."""
    return page(request, "profile.html.j2", user=user, place="account", next=inside(next), fault=None)


@router.post("/profil")
def keep_profile(
    request: Request,
    user: Acting,
    name: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Keeps the name."""
    told = proper_name(name)
    if told is None:
        fault = f"Skriv ditt namn, högst {LONGEST_NAME} tecken."
        return page(
            request, "profile.html.j2", user=user, place="account", status=422, next=inside(next), fault=fault
        )
    response = to(inside(next))
    access.set_profile(response, told)
    return response


@router.get("/logga-in")
def login(request: Request, next: str = "/") -> Response:
    """The login form."""
    if not access.login_mode(request):
        return to(inside(next))
    return page(request, "login.html.j2", place="account", next=inside(next), fault=None, name="")


@router.post("/logga-in")
def log_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Logs in, or says that it was wrong."""
    response = to(inside(next))
    try:
        access.sign_in(request, response, name.strip(), password)
    except WebError as e:
        return page(
            request,
            "login.html.j2",
            place="account",
            status=e.status,
            next=inside(next),
            fault=str(e),
            name=name,
        )
    return response


@router.post("/logga-ut")
def log_out(request: Request) -> Response:
    """Logs out."""
    response = to("/logga-in" if access.login_mode(request) else "/")
    access.sign_out(request, response)
    return response


@router.get("/hjalp")
def help_page(request: Request, bench: Bench) -> Response:
    """How to read the suggestions; for everybody, logged in or not."""
    try:
        user = access.current(request)
    except LoginNeeded:
        user = None
    return page(
        request, "help.html.j2", user=user, place="help", catalogue=bench.catalogue, model=bench.model
    )
