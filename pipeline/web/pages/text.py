"""Small Swedish pieces of the pages, and the marks that go with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from markupsafe import Markup, escape

from pipeline.grading.words import listed
from pipeline.rendering.words import clean
from pipeline.report import AreaDraft, PlanState, Status

STATUS: Mapping[str, str] = {
    "unmet": "inte uppfyllt",
    "partly": "delvis uppfyllt",
    "met": "uppfyllt",
    "none": "inget fynd",
}
SHORT: Mapping[Status, str] = {"unmet": "brist", "partly": "delvis", "met": "uppfyllt"}  # beside a sentence
GRADES: Mapping[str, str] = {
    "A": "utan anmärkning",
    "B": "föreskrifter och råd följs",
    "C": "brister, åtgärder rekommenderas",
    "D": "en föreskrift följs inte, åtgärder krävs",
}
PLAN: Mapping[PlanState, str] = {
    "answered": "besvarad",
    "incomplete": "ofullständigt besvarad",
    "overdue": "tidsgränsen har passerat",
    "missing": "saknas i planen",
}
ROLES = {"inspector": "inspektör", "quality": "kvalitetsgrupp", "admin": "administratör"}
_MONTHS = (
    "januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november",
    "december",
)  # fmt: skip
_CITED = re.compile(r"\bmening (\d+(?:(?:, | och )\d+)*)")
_ONE = re.compile(r"\d+")


def day(date: str | None) -> str:
    """«14 november 2023» of an ISO date; what is none is left as it is."""
    found = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", date or "")
    if not found or not 1 <= int(found[2]) <= 12:
        return clean(date or "")
    return f"{int(found[3])} {_MONTHS[int(found[2]) - 1]} {found[1]}"


def moment(at: datetime) -> str:
    """«26 nov 2026 kl. 14.05» in the server's own time; what has no zone is UTC."""
    from datetime import UTC  # noqa: PLC0415

    told = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone()
    return f"{told.day} {_MONTHS[told.month - 1][:3]} {told.year} kl. {told:%H.%M}"


def cited(text: str) -> Markup:
    """An explanation with its «mening 23» as links to the sentences of the page."""
    out, at = Markup(""), 0
    told = clean(text)
    for found in _CITED.finditer(told):
        out += escape(told[at : found.start(1)])
        numbers, inner = found[1], 0
        for one in _ONE.finditer(numbers):
            out += escape(numbers[inner : one.start()])
            out += Markup('<a class="cite" href="#m{0}">{0}</a>').format(one[0])
            inner = one.end()
        at = found.end(1)
    return out + escape(told[at:])


def possible(area: AreaDraft) -> str:
    """The conformal set in words."""
    grades = listed(area.grade_set)
    if len(area.grade_set) == 1:
        return f"Bara {grades} är rimligt utifrån texten."
    return f"{'Både ' if len(area.grade_set) == 2 else ''}{grades} är möjliga utifrån texten."


def sureness(area: AreaDraft) -> str:
    """How sure the suggestion is, in a word or two."""
    if area.abstain:
        return "osäkert förslag"
    p = area.probabilities.get(area.suggested_grade, 0.0)
    return "säkert förslag" if p >= 0.9 else "troligt förslag"
