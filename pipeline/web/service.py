"""What the workbench does, without HTTP: the API and the pages both call these, each time with the acting user.

Every function is synchronous, safe to call from several threads, and may block (FastAPI runs `def` endpoints in threads).
All raise `pipeline.web.errors.WebError` (a SpurError with an HTTP status) where something is wrong; what a user may not see
is `NotFound`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, Literal

from pipeline.audit import Audit, Cases
from pipeline.catalogue import Catalogue
from pipeline.report import Draft, ModelInfo
from pipeline.search import Filters, Hit
from pipeline.store import Metadata
from pipeline.store.archive import Entry
from pipeline.store.corrections import Correction
from pipeline.web.settings import Settings

Role = Literal["inspector", "quality", "admin"]
Way = Literal["both", "words", "meaning"]
ROLES: tuple[Role, ...] = ("inspector", "quality", "admin")
FORMATS: Mapping[str, str] = {}  # export formats: name -> media type (json, xlsx, docx, html, pdf)
AUDIT_FORMATS: Mapping[str, str] = {}  # json, xlsx, html


@dataclass(frozen=True, slots=True)
class User:
    """Who acts. `name` signs corrections; `owner` is whom new drafts belong to ("" without accounts).

    An inspector sees what is their own; quality and admin (and everybody, where there are no accounts) see everything.
    """

    name: str
    role: Role
    owner: str

    @property
    def sees(self) -> str | None:
        """The owner whose reports the user sees; None: all."""
        return self.owner if self.role == "inspector" else None


@dataclass(frozen=True, slots=True)
class Work:
    """A report as it stands: `draft` is the corrected one, `model` the model's own.

    `findings`: the correction that holds for (sentence id, criterion); `grades`: for an area. `notes` say in Swedish what
    people have changed, for exports. Both drafts have the same sentences. Where a finding of an area was corrected, the
    area's grade is worked out anew from the corrected findings; where its grade was corrected, that is the suggested one.
    """

    id: str
    entry: Entry
    draft: Draft
    model: Draft
    findings: Mapping[tuple[int, str], Correction]
    grades: Mapping[str, Correction]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the archive. `grades`: by area the corrected grade, else the suggested one of the corrected findings."""

    entry: Entry
    grades: Mapping[str, str]
    stated: Mapping[str, str | None]
    corrected: frozenset[str]  # areas whose grade a person gave
    unsure: frozenset[str]  # areas where the model abstains
    corrections: int


@dataclass(frozen=True, slots=True)
class Archive:
    """One page of the archive; `total` counts all that the filters let through."""

    items: tuple[Listed, ...]
    total: int
    offset: int
    limit: int


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which reports: each that is not empty must be fulfilled; of several values of one, any.

    `text`: in file name, unit or place. `grade`: of the areas in `area`, or of any: the corrected one, else the stated (before
    plan: last told), else the suggested.
    """

    text: str = ""
    specialty: tuple[str, ...] = ()
    region: tuple[str, ...] = ()
    unit_kind: tuple[str, ...] = ()
    year: tuple[int, ...] = ()
    grade: tuple[str, ...] = ()
    area: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choices:
    """The values that the user's archive has, for lists to choose from."""

    specialty: tuple[str, ...]
    region: tuple[str, ...]
    unit_kind: tuple[str, ...]
    year: tuple[int, ...]
    reports: int


@dataclass(frozen=True, slots=True)
class Download:
    """A file to hand out. `name` has letters, digits, and - _ . only."""

    content: bytes
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a batch job: the client's name for it, never used as a path, and its content."""

    name: str
    file: BinaryIO


@dataclass(frozen=True, slots=True)
class JobFile:
    """One file of a job: `report` is its draft's id when done, `error` what was wrong with it."""

    name: str
    state: Literal["waiting", "done", "failed"]
    report: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    id: str
    created: datetime
    finished: datetime | None
    files: tuple[JobFile, ...]

    @property
    def done(self) -> int:
        return sum(f.state != "waiting" for f in self.files)


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit and its cases, as `pipeline.rendering.audit` takes them. `ids`: report's name in the audit -> report id."""

    audit: Audit
    cases: Cases
    ids: Mapping[str, str]


class Workbench:
    """One store, one model, one catalogue. `close` it, or use it as a context."""

    catalogue: Catalogue
    model: ModelInfo
    settings: Settings

    # --- drafts ---

    def draft_file(self, user: User, name: str, file: BinaryIO) -> Work:
        """Drafts an uploaded file and keeps it. `name` is the client's: only its base name is kept, never used as a path."""
        raise NotImplementedError

    def draft_text(self, user: User, text: str) -> Work:
        """Drafts a whole report that was pasted, and keeps it."""
        raise NotImplementedError

    def draft_sections(self, user: User, sections: Mapping[str, str]) -> Work:
        """Drafts what was written area by area (keys: area letters, STYRKOR, SVAGHETER, FORBATTRING), and keeps it."""
        raise NotImplementedError

    def suggest(self, sections: Mapping[str, str]) -> Draft:
        """As `draft_sections`, quickly and without keeping anything: for suggestions while one writes."""
        raise NotImplementedError

    def get(self, user: User, report: str) -> Work:
        """A report of the archive."""
        raise NotImplementedError

    def forget(self, user: User, report: str) -> None:
        """Removes a report with its corrections, for good."""
        raise NotImplementedError

    def describe(self, user: User, report: str, metadata: Metadata) -> None:
        """Adds what is known of a report beside its file: region, kind of unit; specialty and year if the cover lacks them."""
        raise NotImplementedError

    def sections_of(self, user: User, report: str) -> dict[str, str]:
        """The report's text by area and list, to go on writing it in the form."""
        raise NotImplementedError

    # --- corrections ---

    def correct_finding(
        self, user: User, report: str, sentence: int, criterion: str, status: str, comment: str | None = None
    ) -> Correction:
        """Says what a sentence tells of a criterion: met, partly, unmet, or none. Kept for good when this returns."""
        raise NotImplementedError

    def move_finding(
        self,
        user: User,
        report: str,
        sentence: int,
        criterion: str,
        to: str,
        status: str,
        comment: str | None = None,
    ) -> tuple[Correction, Correction]:
        """The finding is about another criterion: none of the old, `status` of the new, both or neither."""
        raise NotImplementedError

    def correct_grade(
        self, user: User, report: str, area: str, grade: str, comment: str | None = None
    ) -> Correction:
        """Gives an area a grade; the one that is suggested: accepts it."""
        raise NotImplementedError

    def undo(self, user: User, correction: str) -> Correction:
        """Undoes a correction; what held before holds again."""
        raise NotImplementedError

    def history(self, user: User, report: str) -> list[Correction]:
        """All corrections of a report, undone ones too, latest first."""
        raise NotImplementedError

    # --- archive, search, audit ---

    def archive(self, user: User, narrow: Narrow | None = None, offset: int = 0, limit: int = 50) -> Archive:
        """A page of the archive, latest added first."""
        raise NotImplementedError

    def choices(self, user: User) -> Choices:
        """What the filters can be set to."""
        raise NotImplementedError

    def search(
        self, user: User, query: str, filters: Filters | None = None, way: Way = "both", limit: int = 50
    ) -> list[Hit]:
        """Sentences by words, meaning and filters. An empty query with filters lists what they let through."""
        raise NotImplementedError

    @property
    def by_meaning(self) -> bool:
        """Whether the model has vectors, so that search by meaning is possible."""
        raise NotImplementedError

    def audit(
        self, user: User, narrow: Narrow | None = None, as_of: date | None = None, mask: bool = False
    ) -> Audited:
        """The audit of the reports that the filters let through. NotFound where there is none."""
        raise NotImplementedError

    # --- files out ---

    def export(self, user: User, report: str, format: str) -> Download:
        """The corrected draft as a file: a key of FORMATS."""
        raise NotImplementedError

    def export_audit(
        self,
        user: User,
        format: str,
        narrow: Narrow | None = None,
        as_of: date | None = None,
        mask: bool = False,
    ) -> Download:
        """The audit as a file: a key of AUDIT_FORMATS."""
        raise NotImplementedError

    # --- batch jobs ---

    def start_job(self, user: User, files: Sequence[Upload]) -> Job:
        """Keeps the files and drafts them one after another; survives a restart of the server."""
        raise NotImplementedError

    def job(self, user: User, job: str) -> Job:
        """How far it is."""
        raise NotImplementedError

    def jobs(self, user: User) -> list[Job]:
        """The user's jobs, latest first."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends workers and lets go of the store."""
        raise NotImplementedError
