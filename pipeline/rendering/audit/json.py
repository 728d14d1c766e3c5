"""The JSON of `spur audit`, as the stable surface has it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.audit import Audit, Cases
from pipeline.audit.agreement import Agreement
from pipeline.audit.gradings import Grading

_DIGITS = 6


def rounded(value: Any) -> Any:
    """The value with every float in it rounded, tuples as lists."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(v) for v in value]
    return value


def _grading(g: Grading) -> dict[str, Any]:
    return rounded(asdict(g))  # type: ignore[no-any-return]


def _agreement(a: Agreement) -> dict[str, Any]:
    return rounded(asdict(a))  # type: ignore[no-any-return]


def audit_json(audit: Audit) -> dict[str, Any]:
    """The audit as one object."""
    return {
        "audit": {
            "program": __version__,
            "as_of": audit.as_of.isoformat(),
            "catalogue": audit.catalogue.name,
            "models": [asdict(m) for m in audit.models],
            "reports": len(audit.rows),
            "masked": audit.masked,
        },
        "notes": list(audit.notes),
        "gradings": [_grading(g) for g in audit.gradings],
        "contradictions": [rounded(asdict(c)) for c in audit.contradictions],
        "agreement": {
            "overall": _agreement(audit.overall),
            "areas": {a: _agreement(x) for a, x in audit.by_area.items()},
            "groups": {
                d: {v: _agreement(x) for v, x in values.items()} for d, values in audit.groups.items()
            },
        },
        "severity": rounded(asdict(audit.severity)),
        "shortfalls": [_shortfall(s) for s in (asdict(s) for s in audit.shortfalls)],
        "compared": {
            d: {v: {c: rounded(asdict(s)) for c, s in shares.items()} for v, shares in values.items()}
            for d, values in audit.compared.items()
        },
        "plans": {
            "entries": [rounded(asdict(p)) for p in audit.promises],
            "open_breaches": [{"report": r, "criterion": c, "state": s} for r, c, s in audit.open_breaches],
        },
        "reports": [_row(asdict(r)) for r in audit.rows],
    }


def _shortfall(s: dict[str, Any]) -> dict[str, Any]:
    return {**rounded(s), "reports": len(s["hits"])}


def _row(r: dict[str, Any]) -> dict[str, Any]:
    return {
        "report": r["id"],
        "file": r["file"],
        "unit": r["unit"],
        "facts": r["facts"],
        "areas": rounded(r["cells"]),
        "warnings": list(r["warnings"]),
    }


def write(audit: Audit, cases: Cases, path: Path) -> None:
    """Writes the audit to a JSON file: one object. The cases are not needed; every writer takes them."""
    del cases
    with path.open("w", encoding="utf8") as stream:
        json.dump(audit_json(audit), stream, ensure_ascii=False, indent=1)
        stream.write("\n")
