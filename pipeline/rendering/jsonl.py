"""The JSON of `spur grade` and `spur parse`, as the stable surface has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.catalogue import Catalogue
from pipeline.report import AreaDraft, CriterionDecision, Draft, Facts, Finding, PlanEntry, Report, Sentence

if TYPE_CHECKING:
    from pipeline.search import Hit

_DIGITS = 6


def dump(value: Mapping[str, Any]) -> str:
    """One line of JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _report(facts: Facts) -> dict[str, Any]:
    keys = ("file", "unit", "specialty", "date", "regulation", "catalogue")
    return {k: getattr(facts, k) for k in keys}


def _sentence(sentence: Sentence) -> dict[str, Any]:
    return {
        "id": sentence.id,
        "section": sentence.section,
        "text": sentence.text,
        "start": sentence.start,
        "end": sentence.end,
    }


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding as `spur grade` and `spur classify` give it."""
    return {
        "criterion": finding.criterion,
        "status": finding.status,
        "probability": round(float(finding.probability), _DIGITS),
    }


def hit_json(hit: Hit) -> dict[str, Any]:
    """A hit as `spur search --json` gives it."""
    return {
        "report": hit.report,
        "sentence": hit.sentence,
        "section": hit.section,
        "text": hit.text,
        "score": round(hit.score, _DIGITS),
        "file": hit.file,
        "unit": hit.unit,
        "findings": [finding_json(f) for f in hit.findings],
    }


def _entry(entry: PlanEntry) -> dict[str, Any]:
    return {**asdict(entry), "criteria": list(entry.criteria)}


def _criterion(decision: CriterionDecision) -> dict[str, Any]:
    return {
        "id": decision.id,
        "status": decision.status,
        "probability": round(float(decision.probability), _DIGITS),
        "evidence": list(decision.evidence),
        "against": list(decision.against),
    }


def _area(area: AreaDraft) -> dict[str, Any]:
    return {
        "has_text": area.has_text,
        "suggested_grade": area.suggested_grade,
        "probabilities": {g: round(float(p), _DIGITS) for g, p in area.probabilities.items()},
        "grade_set": list(area.grade_set),
        "abstain": area.abstain,
        "reason": area.reason,
        "stated_grade": area.stated_grade,
        "grade_before_plan": area.grade_before_plan,
        "grade_after_plan": area.grade_after_plan,
        "criteria": [_criterion(c) for c in area.criteria],
        "plan": [{"criterion": p.criterion, "state": p.state, "missing": list(p.missing)} for p in area.plan],
        "explanation": area.explanation,
        "counterfactual": area.counterfactual,
    }


def draft_json(draft: Draft) -> dict[str, Any]:
    """A draft as one line of `spur grade --json`."""
    return {
        "report": _report(draft.report),
        "model": {"name": draft.model.name, "version": draft.model.version},
        "warnings": list(draft.warnings),
        "sentences": [
            {**_sentence(s), "findings": [finding_json(f) for f in found]}
            for s, found in zip(draft.sentences, draft.findings, strict=True)
        ],
        "areas": {letter: _area(area) for letter, area in draft.areas.items()},
        "action_plan": [_entry(e) for e in draft.action_plan],
    }


def report_json(report: Report, sentences: Sequence[Sentence]) -> dict[str, Any]:
    """A parsed report as one line of `spur parse --json`."""
    return {
        "report": _report(report.facts),
        "warnings": list(report.warnings),
        "text": report.text,
        "blocks": [
            {"kind": b.kind, "section": b.section, "start": b.start, "end": b.end} for b in report.blocks
        ],
        "sentences": [_sentence(s) for s in sentences],
        "areas": {
            letter: {
                "has_text": a.has_text,
                "stated_grade": a.stated_grade,
                "grade_before_plan": a.grade_before_plan,
            }
            for letter, a in report.areas.items()
        },
        "action_plan": [_entry(e) for e in report.action_plan],
    }


def write(drafts: Sequence[Draft], catalogue: Catalogue, path: Path) -> None:
    """Writes the drafts to a JSON file: an array. The catalogue is not needed; every writer takes one."""
    del catalogue
    text = ",\n".join(dump(draft_json(d)) for d in drafts)
    path.write_text(f"[\n{text}\n]\n", encoding="utf8")
