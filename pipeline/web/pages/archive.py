"""The archive: reports with filters, and search of their sentences."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Query
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from pipeline.rendering.words import clean
from pipeline.report import LIST_NAMES, STATUSES
from pipeline.search import Filters
from pipeline.store.words import Stems
from pipeline.web.pages import deps, view
from pipeline.web.pages.deps import PER_PAGE, Acting, Bench, Narrowed
from pipeline.web.pages.render import page
from pipeline.web.service import Way

router = APIRouter()
MOST = 200
_WORD = re.compile(r"[^\W_]+")


@router.get("/arkiv")
def archive(request: Request, bench: Bench, user: Acting, narrow: Narrowed, sida: int = 1) -> Response:
    """Reports, latest first."""
    at = max(1, min(sida, 100_000))
    return page(
        request,
        "archive.html.j2",
        user=user,
        place="archive",
        found=bench.archive(user, narrow, (at - 1) * PER_PAGE, PER_PAGE),
        choices=bench.choices(user),
        narrow=narrow,
        catalogue=bench.catalogue,
        at=at,
        per_page=PER_PAGE,
        query=lambda **changed: deps.query(request, **changed),
    )


@router.get("/sok")
def search(
    request: Request,
    bench: Bench,
    user: Acting,
    narrow: Narrowed,
    q: str = "",
    satt: str = "both",
    criterion: Annotated[list[str] | None, Query()] = None,
    status: Annotated[list[str] | None, Query()] = None,
    section: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """Sentences by words, meaning, and filters."""
    way: Way = "words" if satt == "words" else "meaning" if satt == "meaning" else "both"
    filters = Filters(
        criterion=tuple(c for c in criterion or () if c in bench.catalogue.by_id),
        status=tuple(s for s in status or () if s in STATUSES),
        section=tuple(s for s in section or () if s in LIST_NAMES or s in bench.catalogue.areas),
        area=narrow.area,
        grade=narrow.grade,
        specialty=narrow.specialty,
        region=narrow.region,
        year=narrow.year,
    )
    asked = bool(q.strip() or filters)
    hits = bench.search(user, q, filters, way, MOST) if asked else []
    return page(
        request,
        "search.html.j2",
        user=user,
        place="archive",
        q=q,
        way=way,
        by_meaning=bench.by_meaning,
        filters=filters,
        asked=asked,
        hits=hits,
        most=MOST,
        choices=bench.choices(user),
        catalogue=bench.catalogue,
        lists=LIST_NAMES,
        wording=lambda c: view.wording(c, bench.catalogue),
        marked=_marker(q),
    )


def _marker(query: str) -> object:
    """A function that marks the words of a text that the query asks for, in any of their forms."""
    stems = Stems()
    wanted = set(stems.of(query))
    beginnings = tuple(w[:-1].casefold() for w in query.split() if w.endswith("*") and len(w) > 2)

    def asked(word: str) -> bool:
        return stems.of(word)[:1] in [[w] for w in wanted] or (
            bool(beginnings) and word.casefold().startswith(beginnings)
        )

    def marked(told: str) -> Markup:
        out, at, said = Markup(""), 0, clean(told)
        for found in _WORD.finditer(said):
            if asked(found[0]):
                out += escape(said[at : found.start()]) + Markup("<mark>{}</mark>").format(found[0])
                at = found.end()
        return out + escape(said[at:])

    return marked
