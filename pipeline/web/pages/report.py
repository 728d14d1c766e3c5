"""One report: its page, corrections of findings and grades, history, files out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from pipeline.report import SpurError
from pipeline.store import Metadata
from pipeline.web import access
from pipeline.web.errors import LoginNeeded, NotFound
from pipeline.web.pages import view
from pipeline.web.pages.account import signing
from pipeline.web.pages.deps import Acting, Bench, seen
from pipeline.web.pages.render import is_fragment, page, to
from pipeline.web.service import FORMATS, Work, Workbench

router = APIRouter()
Text = Annotated[str, Form()]


@router.get("/utkast/{report}")
def show(
    request: Request, bench: Bench, user: Acting, report: str, visa: str = "", sparat: str = ""
) -> Response:
    """The whole report. `sparat`: a correction that was just made, to tell of and undo."""
    work = bench.get(user, report)
    history = bench.history(user, report)
    return page(
        request,
        "report.html.j2",
        user=user,
        place="archive",
        report=seen(bench, work),
        catalogue=bench.catalogue,
        history=history,
        saved=next((c for c in history if c.id == sparat), None),
        only=visa == "brister",
        formats=[f for f in ("docx", "pdf", "xlsx", "json", "html") if f in FORMATS],
    )


@router.get("/utkast/{report}/mening/{number}")
def sentence(
    request: Request, bench: Bench, user: Acting, report: str, number: int, fel: str = ""
) -> Response:
    """One sentence with the forms that correct it: a panel for htmx, else a page."""
    return _sentence(request, bench, user, bench.get(user, report), number, fault=fel or None)


def _sentence(
    request: Request,
    bench: Workbench,
    user: Acting,
    work: Work,
    number: int,
    fault: str | None = None,
    status: int = 200,
) -> Response:
    said = dict(view.sentences(work, bench.catalogue)).get(number)
    if said is None:
        raise NotFound(f"Mening {number} finns inte i rapporten.")
    return page(
        request,
        "sentence_panel.html.j2" if is_fragment(request) else "sentence.html.j2",
        user=user,
        place="archive",
        status=status,
        work=work,
        said=said,
        catalogue=bench.catalogue,
        fault=fault,
    )


@router.post("/utkast/{report}/mening/{number}")
def correct_finding(
    request: Request,
    bench: Bench,
    user: Acting,
    report: str,
    number: int,
    do: Text = "",
    criterion: Text = "",
    to_criterion: Text = "",
    status: Text = "",
    comment: Text = "",
    name: Text = "",
) -> Response:
    """Takes a finding away (`do` = wrong), changes it (change), or adds one (add)."""
    told = comment.strip() or None
    user, named = signing(request, user, name)
    try:
        if do == "wrong" or (do == "change" and status == "none"):
            made = bench.correct_finding(user, report, number, criterion, "none", told)
        elif do == "change" and to_criterion and to_criterion != criterion:
            made = bench.move_finding(user, report, number, criterion, to_criterion, status, told)[-1]
        elif do == "add" and not criterion:
            raise SpurError("Välj vilket kriterium meningen handlar om.")
        else:
            made = bench.correct_finding(user, report, number, criterion, status, told)
    except (LoginNeeded, NotFound):
        raise
    except SpurError as e:
        return _sentence(request, bench, user, bench.get(user, report), number, str(e), 422)
    return _signed(to(f"/utkast/{report}?sparat={made.id}#m{number}"), named)


def _signed(response: Response, name: str | None) -> Response:
    if name:
        access.set_profile(response, name)
    return response


@router.post("/utkast/{report}/betyg/{area}")
def correct_grade(
    request: Request,
    bench: Bench,
    user: Acting,
    report: str,
    area: str,
    grade: Text = "",
    comment: Text = "",
    name: Text = "",
) -> Response:
    """Gives an area a grade, or accepts the suggested one."""
    user, named = signing(request, user, name)
    made = bench.correct_grade(user, report, area, grade, comment.strip() or None)
    return _signed(to(f"/utkast/{report}?sparat={made.id}#{area}"), named)


@router.post("/rattelser/{correction}/angra")
def undo(bench: Bench, user: Acting, correction: str) -> Response:
    """Undoes a correction."""
    made = bench.undo(user, correction)
    where = f"m{made.sentence}" if made.target == "finding" else str(made.area)
    return to(f"/utkast/{made.report}?sparat={made.id}#{where}")


@router.get("/utkast/{report}/historik")
def history(request: Request, bench: Bench, user: Acting, report: str) -> Response:
    """Who has changed what, when, of which model's draft."""
    return page(
        request,
        "history.html.j2",
        user=user,
        place="archive",
        work=bench.get(user, report),
        history=bench.history(user, report),
        catalogue=bench.catalogue,
    )


@router.get("/utkast/{report}/fil/{form}")
def download(bench: Bench, user: Acting, report: str, form: str) -> Response:
    """The corrected draft as a file."""
    if form not in FORMATS:
        raise NotFound(f"Formatet {form} finns inte: välj {', '.join(FORMATS)}.")
    made = bench.export(user, report, form)
    return Response(
        made.content,
        media_type=made.media_type,
        headers={"Content-Disposition": f'attachment; filename="{made.name}"', "Cache-Control": "no-store"},
    )


@router.post("/utkast/{report}/uppgifter")
def describe(
    bench: Bench,
    user: Acting,
    report: str,
    region: Text = "",
    unit_kind: Text = "",
    specialty: Text = "",
    year: Text = "",
) -> Response:
    """What the cover does not tell."""
    told = {"region": region, "unit_kind": unit_kind, "specialty": specialty, "year": year}
    known = {k: v.strip() for k, v in told.items() if v.strip()}
    if not known.get("year", "2000").isdecimal():
        known.pop("year")
    bench.describe(user, report, Metadata.of(known))
    return to(f"/utkast/{report}#om")


@router.get("/utkast/{report}/glom")
def ask_to_forget(request: Request, bench: Bench, user: Acting, report: str) -> Response:
    """Asks before a report is removed."""
    return page(request, "forget.html.j2", user=user, place="archive", work=bench.get(user, report))


@router.post("/utkast/{report}/glom")
def forget(bench: Bench, user: Acting, report: str) -> Response:
    """Removes a report for good."""
    bench.forget(user, report)
    return to("/arkiv")
