"""The pages of the workbench, rendered on the server; they work without JavaScript, and better with it.

One module for each of the inspector's errands: `drafts` (new ones), `report` (reading and correcting), `archive` (finding),
`audit` (the whole archive), `account` (who one is). `view` has what a report's page shows, `text` its words.
"""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pipeline.web.pages.account import router as account
from pipeline.web.pages.archive import router as archive
from pipeline.web.pages.audit import router as audit
from pipeline.web.pages.drafts import router as drafts
from pipeline.web.pages.render import page
from pipeline.web.pages.report import router as report

router = APIRouter(include_in_schema=False)
for part in (drafts, report, archive, audit, account):
    router.include_router(part)


def error_page(request: Request, status: int, title: str, detail: str) -> Response:
    """What a browser is shown when something is wrong."""
    return page(request, "error.html.j2", status=status, title=title, detail=detail, code=status)
