"""New drafts: a file, several files, pasted text, or text written area by area with suggestions beside."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile
from starlette.requests import Request
from starlette.responses import Response

from pipeline.report import LIST_NAMES, SpurError
from pipeline.web.errors import LoginNeeded, WebError
from pipeline.web.pages import view
from pipeline.web.pages.deps import Acting, Bench
from pipeline.web.pages.render import page, to
from pipeline.web.service import Narrow, Upload, Workbench

router = APIRouter()
LATEST = 5


def _start(request: Request, bench: Workbench, user: Acting, status: int = 200, **told: object) -> Response:
    latest = bench.archive(user, Narrow(), limit=LATEST)
    return page(
        request,
        "start.html.j2",
        user=user,
        place="draft",
        status=status,
        **{
            "latest": latest,
            "areas": bench.catalogue.areas,
            "limits": bench.settings.limits,
            "fault": None,
            "pasted": "",
            **told,
        },
    )


@router.get("/")
def start(request: Request, bench: Bench, user: Acting) -> Response:
    """Drop a file, paste text, or write."""
    return _start(request, bench, user)


@router.post("/omgangar")
def upload(
    request: Request, bench: Bench, user: Acting, file: Annotated[list[UploadFile] | None, File()] = None
) -> Response:
    """One file becomes a draft, several a job."""
    files = [f for f in file or () if f.filename]
    if not files:
        return _start(
            request, bench, user, 422, fault="Välj en fil först: PDF, Word, text, Markdown eller HTML."
        )
    try:
        if len(files) > 1:
            job = bench.start_job(user, [Upload(f.filename or "", f.file) for f in files])
            return to(f"/omgangar/{job.id}")
        work = bench.draft_file(user, files[0].filename or "", files[0].file)
    except LoginNeeded:
        raise
    except SpurError as e:
        return _start(request, bench, user, getattr(e, "status", 422), fault=f"{files[0].filename}: {e}")
    return to(f"/utkast/{work.id}")


@router.post("/utkast/text")
def paste(request: Request, bench: Bench, user: Acting, text: Annotated[str, Form()] = "") -> Response:
    """A whole report that was pasted."""
    if not text.strip():
        return _start(request, bench, user, 422, fault="Klistra in rapportens text först.")
    try:
        work = bench.draft_text(user, text)
    except LoginNeeded:
        raise
    except SpurError as e:
        return _start(request, bench, user, getattr(e, "status", 422), fault=str(e), pasted=text)
    return to(f"/utkast/{work.id}")


@router.get("/omgangar/{job}")
def progress(request: Request, bench: Bench, user: Acting, job: str) -> Response:
    """How far a job of several files is."""
    return page(request, "job.html.j2", user=user, place="draft", job=bench.job(user, job))


# --- writing area by area ---


async def _told(request: Request, bench: Workbench) -> dict[str, str]:
    """The form's texts by section."""
    form = await request.form()
    keys = (*LIST_NAMES, *bench.catalogue.areas)
    return {k: str(form.get(k) or "") for k in keys}


@router.get("/skriv")
def write(request: Request, bench: Bench, user: Acting, fran: str = "") -> Response:
    """The form; with the text of a report to go on with."""
    sections = bench.sections_of(user, fran) if fran else {}
    return _form(request, bench, user, sections)


def _form(
    request: Request,
    bench: Workbench,
    user: Acting,
    sections: dict[str, str],
    fault: str | None = None,
    status: int = 200,
) -> Response:
    return page(
        request,
        "write.html.j2",
        user=user,
        place="draft",
        status=status,
        lists=LIST_NAMES,
        areas=bench.catalogue.areas,
        sections=sections,
        suggested=_suggested(bench, sections),
        fault=fault,
    )


def _suggested(bench: Workbench, sections: dict[str, str]) -> dict[str, view.AreaView]:
    """Each area's suggestion; nothing while nothing is written."""
    told = {k: v for k, v in sections.items() if v.strip()}
    if not told:
        return {}
    draft = bench.suggest(told)
    return {a.letter: a for a in view.loose(draft, bench.catalogue, bench.policy)}


@router.post("/skriv/forslag")
async def suggestions(request: Request, bench: Bench, user: Acting) -> Response:
    """What is suggested for the text so far: pieces for htmx, else the form with them."""
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415

    sections = await _told(request, bench)
    if request.headers.get("HX-Request") != "true":
        return await run_in_threadpool(_form, request, bench, user, sections)
    suggested = await run_in_threadpool(_suggested, bench, sections)
    return page(
        request, "write_suggestions.html.j2", user=user, areas=bench.catalogue.areas, suggested=suggested
    )


@router.post("/skriv")
async def keep(request: Request, bench: Bench, user: Acting) -> Response:
    """The text becomes a draft in the archive."""
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415

    sections = await _told(request, bench)
    told = {k: v for k, v in sections.items() if v.strip()}
    if not told:
        fault = "Skriv något i minst ett område först."
        return await run_in_threadpool(_form, request, bench, user, sections, fault, 422)
    try:
        work = await run_in_threadpool(bench.draft_sections, user, told)
    except WebError as e:
        return await run_in_threadpool(_form, request, bench, user, sections, str(e), e.status)
    return to(f"/utkast/{work.id}")
