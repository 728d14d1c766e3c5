"""An audit as one page that needs nothing beside itself. Written in pieces: reports come from the cases one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.audit import Audit, Cases
from pipeline.audit.contradictions import KINDS
from pipeline.rendering import words as common
from pipeline.rendering.audit import charts, words
from pipeline.rendering.audit.pages import ReportPage, Where, report_page

DOUBTFUL = 0.5  # of a grading, to be counted as doubtful
ROWS = 400  # gradings in the table; the others are under their reports
MANY = 300  # reports, from which sentences about what is met are left out
_BUFFER = 200  # pieces of the template written at a time


def filters() -> Mapping[str, Callable[..., Any]]:
    """The filters that the templates under `audit/` use."""
    return {
        "clean": common.clean,
        "percent": words.share,
        "shares": words.shares,
        "number": words.number,
        "interval": words.interval,
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters())
    return environment


def _pages(audit: Audit, cases: Cases, where: Where) -> Iterator[ReportPage]:
    """The pages of the reports, one by one."""
    gradings: dict[str, dict[str, Any]] = {}
    for g in audit.gradings:
        gradings.setdefault(g.report, {})[g.area] = g
    against: dict[str, list[Any]] = {}
    for c in audit.contradictions:
        against.setdefault(c.report, []).append(c)
    for case, row in zip(cases(), audit.rows, strict=True):
        yield report_page(
            case,
            row,
            gradings.get(case.id, {}),
            against.get(case.id, ()),
            audit.catalogue,
            where,
            len(audit.rows) > MANY,
        )


def _confused(audit: Audit) -> dict[tuple[str, str], list[Any]]:
    """Gradings by (stated, suggested)."""
    out: dict[tuple[str, str], list[Any]] = {}
    for g in audit.gradings:
        out.setdefault((g.stated_grade, g.suggested_grade), []).append(g)
    return out


def context(audit: Audit, where: Where) -> dict[str, Any]:
    """What `audit/body.html.j2` shows; `where` has its links."""
    states = {s: sum(p.state == s for p in audit.promises) for s in ("answered", "incomplete", "overdue")}
    members: dict[str, dict[str, list[str]]] = {}
    for row in audit.rows:
        for dimension in audit.dimensions:
            if value := row.facts.get(dimension):
                members.setdefault(dimension, {}).setdefault(value, []).append(row.id)
    return {
        "audit": audit,
        "cat": audit.catalogue,
        "where": where,
        "words": words,
        "common": common,
        "charts": charts,
        "kinds": KINDS,
        "doubtful": sum(g.doubt >= DOUBTFUL for g in audit.gradings),
        "rows": ROWS,
        "confused": _confused(audit),
        "most": max([1, *(n for row in audit.overall.confusion.values() for n in row.values())]),
        "members": members,
        "states": states,
    }


def write(audit: Audit, cases: Cases, path: Path) -> None:
    """Writes the page to a file; `cases` are the audit's, in its order. All that comes from reports is escaped."""
    where = Where({r.id: n for n, r in enumerate(audit.rows, 1)})
    told = {**context(audit, where), "pages": _pages(audit, cases, where)}
    stream = _environment().get_template("audit/page.html.j2").stream(told)
    stream.enable_buffering(_BUFFER)
    stream.dump(str(path), encoding="utf8")
