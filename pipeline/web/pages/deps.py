"""What endpoints of the pages ask for: the workbench, the acting user, the filters of a query."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Depends, Query
from starlette.requests import Request

from pipeline.web import access
from pipeline.web.pages import view
from pipeline.web.service import Narrow, User, Work, Workbench

Bench = Annotated[Workbench, Depends(access.workbench)]
Acting = Annotated[User, Depends(access.current)]
PER_PAGE = 50


def seen(bench: Workbench, work: Work) -> view.ReportView:
    """The report as its page shows it."""
    return view.report(work, bench.catalogue, bench.policy)


def narrow(
    text: Annotated[str, Query()] = "",
    specialty: Annotated[list[str] | None, Query()] = None,
    region: Annotated[list[str] | None, Query()] = None,
    unit_kind: Annotated[list[str] | None, Query()] = None,
    year: Annotated[list[str] | None, Query()] = None,
    grade: Annotated[list[str] | None, Query()] = None,
    area: Annotated[list[str] | None, Query()] = None,
) -> Narrow:
    """Filters of reports as a form sends them: empty fields are no filters."""

    def told(values: list[str] | None) -> tuple[str, ...]:
        return tuple(v.strip() for v in values or () if v.strip())

    return Narrow(
        text=text.strip(),
        specialty=told(specialty),
        region=told(region),
        unit_kind=told(unit_kind),
        year=tuple(int(y) for y in told(year) if y.isdecimal() and len(y) == 4),
        grade=told(grade),
        area=told(area),
    )


Narrowed = Annotated[Narrow, Depends(narrow)]


def query(request: Request, **changed: object) -> str:
    """The request's query with some values changed (None: taken out), empty fields left out: «?q=iup&year=2023»."""
    pairs = [(k, v) for k, v in request.query_params.multi_items() if v and k not in changed]
    pairs += [(k, str(v)) for k, v in changed.items() if v is not None]
    return f"?{urlencode(pairs)}" if pairs else ""


def inside(url: str | None, otherwise: str = "/") -> str:
    """An address of this server to go on to; anything else becomes `otherwise`."""
    told = url or ""
    parts = urlsplit(told)
    safe = (
        told.startswith("/") and not told.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    )
    return told if safe and "\\" not in told and told.isprintable() else otherwise
