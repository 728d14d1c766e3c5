"""What the API takes and answers, typed for OpenAPI; and the JSON of the workbench's data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from pipeline.rendering import jsonl
from pipeline.report import Status
from pipeline.search.listing import Listed
from pipeline.store.archive import Entry
from pipeline.store.corrections import Correction
from pipeline.store.jobs import Job
from pipeline.web.shapes import Archive, Work

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Comment = Annotated[str, StringConstraints(max_length=2000)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


# --- in ---


class TextIn(_In):
    """A whole report as text."""

    text: str = Field(min_length=1)


class SectionsIn(_In):
    """Text by area letter or list (STYRKOR, SVAGHETER, FORBATTRING), taken as it is."""

    sections: dict[str, str] = Field(min_length=1)


class CorrectionIn(_In):
    """A finding (sentence, criterion, status) or a grade (area, grade). `author`: without login, who corrects."""

    target: Literal["finding", "grade"]
    sentence: int | None = Field(None, ge=0, le=1_000_000)
    criterion: Annotated[str, StringConstraints(max_length=40)] | None = None
    status: Literal["unmet", "partly", "met", "none"] | None = None
    area: Annotated[str, StringConstraints(max_length=40)] | None = None
    grade: Annotated[str, StringConstraints(max_length=4)] | None = None
    comment: Comment | None = None
    author: Name | None = None


class MetadataIn(_In):
    """What is known of a report beside its file."""

    region: Name | None = None
    unit_kind: Name | None = None
    specialty: Name | None = None
    year: int | None = Field(None, ge=1950, le=2100)


class ProfileIn(_In):
    name: Name


class LoginIn(_In):
    name: str = Field(max_length=60)
    password: str = Field(max_length=200)


# --- out ---


class FactsOut(BaseModel):
    file: str | None
    unit: str | None
    specialty: str | None
    date: str | None
    regulation: str | None
    catalogue: str | None


class ModelOut(BaseModel):
    name: str
    version: str


class FindingOut(BaseModel):
    """`correction`: the id of the correction that says so; a person's word has the probability 1."""

    criterion: str
    status: Status
    probability: float
    correction: str | None = None


class SentenceOut(BaseModel):
    """A sentence with what it tells; `model_findings` only where a person has corrected that."""

    id: int
    section: str | None
    text: str
    start: int
    end: int
    findings: list[FindingOut]
    model_findings: list[FindingOut] | None = Field(None, description="The model's own, where corrected.")


class CriterionOut(BaseModel):
    id: str
    status: Status
    probability: float
    evidence: list[int]
    against: list[int]


class PlanStateOut(BaseModel):
    criterion: str
    state: Literal["answered", "incomplete", "overdue", "missing"]
    missing: list[str]


class AreaOut(BaseModel):
    """`correction`: the id of the correction that gave the grade. `model`: the model's own suggestion, where it differs in
    anything because findings or the grade were corrected."""

    has_text: bool
    suggested_grade: str
    probabilities: dict[str, float]
    grade_set: list[str]
    abstain: bool
    reason: str | None
    stated_grade: str | None
    grade_before_plan: str | None
    grade_after_plan: str | None
    criteria: list[CriterionOut]
    plan: list[PlanStateOut]
    explanation: str
    counterfactual: str
    correction: str | None = None
    model: AreaOut | None = None


class EntryOut(BaseModel):
    area: str | None
    criteria: list[str]
    action: str | None
    deadline: str | None
    deadline_text: str | None
    responsible: str | None
    follow_up: str | None
    follow_up_text: str | None
    follow_up_responsible: str | None


class DraftOut(BaseModel):
    """As a line of `spur grade --json`, with people's corrections in it."""

    model_config = ConfigDict(protected_namespaces=())

    report: FactsOut
    model: ModelOut
    warnings: list[str]
    sentences: list[SentenceOut]
    areas: dict[str, AreaOut]
    action_plan: list[EntryOut]


class ReportOut(BaseModel):
    id: str
    draft: DraftOut
    notes: list[str] = Field(description="What people have changed, in Swedish.")


class SuggestionOut(BaseModel):
    draft: DraftOut


class ListedOut(BaseModel):
    id: str
    file: str | None
    unit: str | None
    specialty: str | None
    date: str | None
    year: int | None
    region: str | None
    unit_kind: str | None
    added: datetime
    model: ModelOut
    grades: dict[str, str]
    stated: dict[str, str | None]
    unsure: list[str]
    corrections: int


class ArchiveOut(BaseModel):
    reports: list[ListedOut]
    total: int
    offset: int
    limit: int


class CorrectionOut(BaseModel):
    id: str
    report: str
    author: str
    created: datetime
    model: ModelOut
    target: Literal["finding", "grade"]
    sentence: int | None
    section: str | None
    text: str | None
    criterion: str | None
    status: str | None
    area: str | None
    grade: str | None
    was: str | None
    comment: str | None
    undone: datetime | None
    undone_by: str | None


class HistoryOut(BaseModel):
    corrections: list[CorrectionOut]


class HitOut(BaseModel):
    report: str
    sentence: int
    section: str | None
    text: str
    score: float
    file: str | None
    unit: str | None
    findings: list[FindingOut]


class HitsOut(BaseModel):
    hits: list[HitOut]


class JobFileOut(BaseModel):
    name: str
    state: Literal["waiting", "done", "failed"]
    report: str | None
    error: str | None


class JobOut(BaseModel):
    id: str
    created: datetime
    finished: datetime | None
    total: int
    done: int
    failed: int
    files: list[JobFileOut]


class JobsOut(BaseModel):
    jobs: list[JobOut]


class IdOut(BaseModel):
    id: str


class HealthOut(BaseModel):
    status: Literal["ok"]
    version: str
    model: ModelOut
    catalogue: str
    login: bool = Field(description="Whether requests need a login or a bearer token.")


class WhoOut(BaseModel):
    name: str
    role: Literal["inspector", "quality", "admin"]


class TokenOut(BaseModel):
    csrf: str = Field(description="To be sent as X-CSRF-Token with what changes anything.")


class ProblemOut(BaseModel):
    """RFC 9457, as application/problem+json."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = None


# --- our data as JSON ---


def work_json(work: Work) -> dict[str, Any]:
    """A report as the API answers it: the corrected draft, with what the model said where that was corrected."""
    return {"id": work.id, "draft": draft_json(work), "notes": list(work.notes)}


def draft_json(work: Work) -> dict[str, Any]:
    draft, model = jsonl.draft_json(work.draft), jsonl.draft_json(work.model)
    touched = {sentence for sentence, _ in work.findings}
    for now, before in zip(draft["sentences"], model["sentences"], strict=True):
        if now["id"] in touched:
            now["model_findings"] = before["findings"]
            for f in now["findings"]:
                if (c := work.findings.get((now["id"], f["criterion"]))) is not None:
                    f["correction"] = c.id
    for letter, area in draft["areas"].items():
        own = model["areas"][letter]
        given = work.grades.get(letter)
        if area != own or given is not None:
            area["model"], area["correction"] = own, given.id if given else None
    return draft


def _when(time: datetime | None) -> datetime | None:
    """The archive keeps UTC without a zone; who asks is told the zone."""
    return time.replace(tzinfo=UTC) if time else None


def entry_json(entry: Entry) -> dict[str, Any]:
    keys = ("id", "file", "unit", "specialty", "date", "year", "region", "unit_kind")
    return {k: getattr(entry, k) for k in keys} | {"added": _when(entry.added), "model": _model(entry)}


def _model(of: Entry | Correction) -> dict[str, str]:
    return {"name": of.model.name, "version": of.model.version}


def listed_json(line: Listed) -> dict[str, Any]:
    return {
        **entry_json(line.entry),
        "grades": line.grades,
        "stated": line.stated,
        "unsure": sorted(line.unsure),
        "corrections": line.corrections,
    }


def archive_json(page: Archive) -> dict[str, Any]:
    lines = [listed_json(line) for line in page.items]
    return {"reports": lines, "total": page.total, "offset": page.offset, "limit": page.limit}


def correction_json(c: Correction) -> dict[str, Any]:
    keys = CorrectionOut.model_fields
    told = {k: getattr(c, k) for k in keys if k != "model"}
    return told | {"model": _model(c), "created": _when(c.created), "undone": _when(c.undone)}


def job_json(job: Job) -> dict[str, Any]:
    files = [{"name": f.name, "state": f.state, "report": f.report, "error": f.error} for f in job.files]
    return {
        "id": job.id,
        "created": _when(job.created),
        "finished": _when(job.finished),
        "total": len(job.files),
        "done": sum(f.state == "done" for f in job.files),
        "failed": sum(f.state == "failed" for f in job.files),
        "files": files,
    }
