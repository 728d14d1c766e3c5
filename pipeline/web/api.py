"""The HTTP API under /api/v1: the workbench's functions, typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Query, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile as Part
from starlette.exceptions import HTTPException
from starlette.requests import Request

from pipeline import __version__
from pipeline.rendering import jsonl
from pipeline.rendering.audit.json import audit_json
from pipeline.web import access, models
from pipeline.web.errors import WebError
from pipeline.web.problems import MEDIA_TYPE
from pipeline.web.service import (
    AUDIT_FORMATS,
    FORMATS,
    Download,
    Filters,
    Metadata,
    Narrow,
    Upload,
    User,
    Way,
    Work,
    Workbench,
)

_PROBLEM = {"content": {MEDIA_TYPE: {"schema": models.ProblemOut.model_json_schema()}}}
_FAULTS: dict[int | str, dict[str, Any]] = {
    status: {**_PROBLEM, "description": what}
    for status, what in {
        400: "The request is malformed, or addressed to another host",
        401: "A login or bearer token is needed",
        403: "From another site, or not allowed",
        404: "Does not exist, or is another's",
        405: "Not this method",
        413: "Too large",
        415: "Neither multipart nor JSON",
        422: "Something in the request cannot be used",
        429: "Too many attempts",
        500: "A fault of the server's",
        501: "The installation lacks what is needed",
        503: "Busy; see Retry-After",
    }.items()
}

open_router = APIRouter(prefix="/api/v1", responses=_FAULTS)
router = APIRouter(prefix="/api/v1", responses=_FAULTS, dependencies=[Depends(access.may_call)])

Bench = Annotated[Workbench, Depends(access.workbench)]
Who = Annotated[User, Depends(access.current)]
Word = Annotated[str, Query(max_length=200)]
Words = Annotated[list[Annotated[str, Query(max_length=200)]], Query(max_length=100)]
Years = Annotated[list[Annotated[int, Query(ge=0, le=9999)]], Query(max_length=100)]
_BODY: TypeAdapter[models.TextIn | models.SectionsIn] = TypeAdapter(models.TextIn | models.SectionsIn)


# --- the server ---


@open_router.get("/health", response_model=models.HealthOut, tags=["server"])
def health(bench: Bench) -> dict[str, Any]:
    """Whether the server answers, and with which model."""
    return {
        "status": "ok",
        "version": __version__,
        "model": {"name": bench.model.name, "version": bench.model.version},
        "catalogue": bench.catalogue.name,
        "login": bench.settings.protected,
    }


@open_router.post("/login", response_model=models.WhoOut, tags=["server"])
def login(request: Request, response: Response, who: models.LoginIn) -> dict[str, Any]:
    """Logs in with an account; the answer sets a cookie."""
    user = access.sign_in(request, response, who.name, who.password)
    return {"name": user.name, "role": user.role}


@router.post("/logout", status_code=204, tags=["server"])
def logout(request: Request) -> Response:
    """Ends the login."""
    response = Response(status_code=204)
    access.sign_out(request, response)
    return response


@router.get("/me", response_model=models.WhoOut, tags=["server"])
def me(user: Who) -> dict[str, Any]:
    """Who one is."""
    return {"name": user.name, "role": user.role}


@router.put("/me", response_model=models.WhoOut, tags=["server"])
def rename(request: Request, response: Response, user: Who, body: models.ProfileIn) -> dict[str, Any]:
    """Without login: the name that signs one's corrections."""
    if access.login_mode(request):
        raise WebError("Namnet är kontots och ändras inte här")
    access.set_profile(response, body.name)
    return {"name": body.name, "role": user.role}


@router.get("/token", response_model=models.TokenOut, tags=["server"])
def csrf(request: Request) -> dict[str, str]:
    """The token for forms of this visitor."""
    return {"csrf": access.token(request)}


# --- reports ---


_REPORT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
            "application/json": {
                "schema": {
                    "anyOf": [models.TextIn.model_json_schema(), models.SectionsIn.model_json_schema()]
                }
            },
        },
    }
}


@router.post(
    "/reports",
    status_code=201,
    response_model=models.ReportOut,
    response_model_exclude_unset=True,
    openapi_extra=_REPORT_BODY,
    tags=["reports"],
)
async def draft(request: Request, response: Response, bench: Bench, user: Who) -> dict[str, Any]:
    """Drafts grades for a file (multipart field `file`: .pdf .docx .txt .md .html), a text, or sections, and keeps it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    work: Work
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=10) as form:
            part = form.get("file")
            if not isinstance(part, Part):
                raise WebError("Fältet file saknas: skicka rapporten som fil i fältet file")
            work = await run_in_threadpool(bench.draft_file, user, part.filename or "", part.file)
    elif kind == "application/json" or kind.endswith("+json"):
        work = await run_in_threadpool(_said(bench, user, await request.body()))
    else:
        raise HTTPException(415, "Skicka multipart/form-data med fältet file, eller application/json")
    response.headers["location"] = f"/api/v1/reports/{work.id}"
    return await run_in_threadpool(models.work_json, work)


def _said(bench: Workbench, user: User, body: bytes) -> Callable[[], Work]:
    """What a JSON body asks for. Raises RequestValidationError where it is neither text nor sections."""
    try:
        told = _BODY.validate_json(body)
    except ValidationError as e:
        raise RequestValidationError(e.errors(include_url=False, include_context=False)) from e
    if isinstance(told, models.TextIn):
        text = told.text
        return lambda: bench.draft_text(user, text)
    sections = told.sections
    return lambda: bench.draft_sections(user, sections)


@router.post(
    "/suggestions", response_model=models.SuggestionOut, response_model_exclude_unset=True, tags=["reports"]
)
def suggest(bench: Bench, body: models.SectionsIn) -> dict[str, Any]:
    """As a draft of sections, without keeping anything: while one writes."""
    return {"draft": jsonl.draft_json(bench.suggest(body.sections))}


def _narrow(
    text: Word = "",
    specialty: Words = [],  # noqa: B006 - FastAPI copies defaults
    region: Words = [],  # noqa: B006
    unit_kind: Words = [],  # noqa: B006
    year: Years = [],  # noqa: B006
    grade: Words = [],  # noqa: B006
    area: Words = [],  # noqa: B006
) -> Narrow:
    return Narrow(
        text, tuple(specialty), tuple(region), tuple(unit_kind), tuple(year), tuple(grade), tuple(area)
    )


Narrowed = Annotated[Narrow, Depends(_narrow)]


@router.get("/reports", response_model=models.ArchiveOut, tags=["reports"])
def reports(
    bench: Bench,
    user: Who,
    narrow: Narrowed,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """The archive, latest added first."""
    return models.archive_json(bench.archive(user, narrow, offset, limit))


@router.get(
    "/reports/{report}", response_model=models.ReportOut, response_model_exclude_unset=True, tags=["reports"]
)
def report(bench: Bench, user: Who, report: str) -> dict[str, Any]:
    """A report's draft, as it has been corrected."""
    return models.work_json(bench.get(user, report))


@router.delete("/reports/{report}", status_code=204, tags=["reports"])
def forget(bench: Bench, user: Who, report: str) -> Response:
    """Removes a report with its corrections, for good."""
    bench.forget(user, report)
    return Response(status_code=204)


@router.patch(
    "/reports/{report}", response_model=models.ReportOut, response_model_exclude_unset=True, tags=["reports"]
)
def describe(bench: Bench, user: Who, report: str, body: models.MetadataIn) -> dict[str, Any]:
    """Adds what is known of a report beside its file."""
    bench.describe(user, report, Metadata(body.region, body.unit_kind, body.specialty, body.year))
    return models.work_json(bench.get(user, report))


def _files(formats: Mapping[str, str]) -> dict[int | str, dict[str, Any]]:
    """What an export answers, for the description."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {kind: {} if "json" in kind else binary for kind in formats.values()}
    return {200: {"description": "The file", "content": content}}


@router.get("/reports/{report}/export", responses=_files(FORMATS), response_class=Response, tags=["reports"])
def export(
    bench: Bench, user: Who, report: str, format: Literal["docx", "pdf", "xlsx", "html", "json"] = "docx"
) -> Response:
    """The corrected draft as a file."""
    return download(bench.export(user, report, format))


def download(file: Download) -> Response:
    """A file as an attachment: browsers save it and never show it as a page of ours."""
    headers = {"content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, media_type=file.media_type, headers=headers)


# --- corrections ---


@router.post(
    "/reports/{report}/corrections", status_code=201, response_model=models.IdOut, tags=["corrections"]
)
def correct(
    request: Request, bench: Bench, user: Who, report: str, body: models.CorrectionIn
) -> dict[str, str]:
    """Says what a sentence tells of a criterion, or gives an area a grade. Kept for good when answered."""
    if body.author and not bench.settings.login:
        user = User(body.author, user.role, user.owner)
    if body.target == "finding":
        if body.sentence is None or body.criterion is None or body.status is None:
            raise WebError("Ett fynd behöver sentence, criterion och status")
        made = bench.correct_finding(user, report, body.sentence, body.criterion, body.status, body.comment)
    else:
        if body.area is None or body.grade is None:
            raise WebError("Ett betyg behöver area och grade")
        made = bench.correct_grade(user, report, body.area, body.grade, body.comment)
    return {"id": made.id}


@router.get("/reports/{report}/corrections", response_model=models.HistoryOut, tags=["corrections"])
def history(bench: Bench, user: Who, report: str) -> dict[str, Any]:
    """All corrections of a report, undone ones too, latest first."""
    return {"corrections": [models.correction_json(c) for c in bench.history(user, report)]}


@router.delete("/corrections/{correction}", response_model=models.CorrectionOut, tags=["corrections"])
def undo(bench: Bench, user: Who, correction: str) -> dict[str, Any]:
    """Undoes a correction; what held before holds again."""
    return models.correction_json(bench.undo(user, correction))


# --- search and audit ---


@router.get("/search", response_model=models.HitsOut, response_model_exclude_unset=True, tags=["archive"])
def search(
    bench: Bench,
    user: Who,
    q: Annotated[str, Query(max_length=1000)] = "",
    criterion: Words = [],  # noqa: B006
    status: Words = [],  # noqa: B006
    area: Words = [],  # noqa: B006
    section: Words = [],  # noqa: B006
    grade: Words = [],  # noqa: B006
    specialty: Words = [],  # noqa: B006
    region: Words = [],  # noqa: B006
    year: Years = [],  # noqa: B006
    report: Words = [],  # noqa: B006
    by: Way = "both",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """Sentences by words ("in this order", beginn*), by meaning, and by what is known of them."""
    filters = Filters(
        criterion=tuple(criterion),
        status=tuple(status),
        area=tuple(area),
        section=tuple(section),
        grade=tuple(grade),
        specialty=tuple(specialty),
        region=tuple(region),
        year=tuple(year),
        report=tuple(report),
    )
    return {"hits": [jsonl.hit_json(h) for h in bench.search(user, q, filters, by, limit)]}


Day = Annotated[date | None, Query(description="The day on which plans' dates are judged; today.")]


@router.get("/audit", tags=["archive"])
def audit(bench: Bench, user: Who, narrow: Narrowed, as_of: Day = None, mask: bool = False) -> dict[str, Any]:
    """Text against grades over the reports that the filters let through, as `spur audit --out x.json`."""
    return audit_json(bench.audit(user, narrow, as_of, mask).audit)


@router.get("/audit/export", responses=_files(AUDIT_FORMATS), response_class=Response, tags=["archive"])
def audit_file(
    bench: Bench,
    user: Who,
    narrow: Narrowed,
    as_of: Day = None,
    mask: bool = False,
    format: Literal["html", "xlsx", "json"] = "html",
) -> Response:
    """The audit as a file."""
    return download(bench.export_audit(user, format, narrow, as_of, mask))


# --- batch jobs ---


@router.post("/jobs", status_code=202, response_model=models.IdOut, tags=["jobs"])
def start_job(
    response: Response, bench: Bench, user: Who, files: Annotated[list[UploadFile], File()]
) -> dict[str, str]:
    """Drafts several files, one after another; `GET` tells how far it is. Goes on after a restart."""
    job = bench.start_job(user, [Upload(f.filename or "rapport", f.file) for f in files])
    response.headers["location"] = f"/api/v1/jobs/{job.id}"
    return {"id": job.id}


@router.get("/jobs", response_model=models.JobsOut, tags=["jobs"])
def list_jobs(bench: Bench, user: Who) -> dict[str, Any]:
    """One's jobs, latest first."""
    return {"jobs": [models.job_json(j) for j in bench.jobs(user)]}


@router.get("/jobs/{job}", response_model=models.JobOut, tags=["jobs"])
def get_job(bench: Bench, user: Who, job: str) -> dict[str, Any]:
    """How far a job is; each file's report when it is done, or what was wrong with it."""
    return models.job_json(bench.job(user, job))
