"""The audit of the archive: what `spur audit` writes, on a page whose links lead to the reports' own pages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.rendering.audit import html
from pipeline.rendering.audit.pages import Where
from pipeline.web.errors import NotFound
from pipeline.web.pages import deps
from pipeline.web.pages.deps import Acting, Bench, Narrowed
from pipeline.web.pages.render import page
from pipeline.web.service import AUDIT_FORMATS, Audited

router = APIRouter()
_ASSETS: Mapping[str, tuple[str, str, str]] = {
    "granskning.css": (
        "text/css",
        ".audit {\n",
        "\n}\n",
    ),  # its rules are for the audit alone, not the page around it
    "granskning.js": ("text/javascript", "", ""),
}
_SOURCES = {"granskning.css": "parts.css", "granskning.js": "script.js"}


class Links(Where):
    """Links to the reports' pages. `ids`: report's name in the audit -> report id."""

    __slots__ = ("ids",)

    def __init__(self, ids: Mapping[str, str]) -> None:
        super().__init__({name: n for n, name in enumerate(ids, 1)})
        object.__setattr__(self, "ids", ids)

    def report_link(self, report: str) -> str:
        return f"/utkast/{self.ids[report]}"  # type: ignore[attr-defined]

    def area_link(self, report: str, area: str | None) -> str:
        return f"{self.report_link(report)}#{area}" if area else self.report_link(report)

    def sentence_link(self, report: str, sentence: int) -> str:
        return f"{self.report_link(report)}#m{sentence}"


@router.get("/granskning")
def audit(request: Request, bench: Bench, user: Acting, narrow: Narrowed, dolj: str = "") -> Response:
    """The audit of the reports that the filters let through."""
    made: Audited | None
    try:
        made = bench.audit(user, narrow, mask=bool(dolj))
    except NotFound:
        made = None
    told = html.context(made.audit, Links(made.ids)) if made else {"audit": None}
    return page(
        request,
        "audit.html.j2",
        user=user,
        place="audit",
        choices=bench.choices(user),
        narrow=narrow,
        catalogue=bench.catalogue,
        mask=bool(dolj),
        formats=AUDIT_FORMATS,
        query=deps.query(request),
        **told,
    )


@router.get("/granskning/fil/{form}")
def download(bench: Bench, user: Acting, narrow: Narrowed, form: str, dolj: str = "") -> Response:
    """The audit as a file."""
    if form not in AUDIT_FORMATS:
        raise NotFound(f"Formatet {form} finns inte: välj {', '.join(AUDIT_FORMATS)}.")
    made = bench.export_audit(user, form, narrow, mask=bool(dolj))
    headers = {"Content-Disposition": f'attachment; filename="{made.name}"', "Cache-Control": "no-store"}
    return Response(made.content, media_type=made.media_type, headers=headers)


@cache
def _asset(name: str) -> str:
    _, before, after = _ASSETS[name]
    folder = files("pipeline.rendering") / "templates" / "audit"
    return before + (folder / _SOURCES[name]).read_text(encoding="utf8") + after


@router.get("/delar/{name}")
def asset(name: str) -> Response:
    """The style and script that the audit shares with the file that `spur audit` writes."""
    if name not in _ASSETS:
        raise NotFound("Filen finns inte.")
    return Response(
        _asset(name), media_type=_ASSETS[name][0], headers={"Cache-Control": "public, max-age=3600"}
    )
