"""What the workbench does, without HTTP: the API and the pages both call these, each time with the acting user.

Every function is synchronous, safe to call from several threads, and may block (FastAPI runs `def` endpoints in threads).
What is wrong is raised as SpurError, in Swedish: where it is a `pipeline.web.errors.WebError`, that has the
HTTP status; else it is 422. What a user may not see is `NotFound`.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from pipeline.audit import build, collect
from pipeline.audit.masking import Mask
from pipeline.audit.tables import Told
from pipeline.catalogue import Catalogue
from pipeline.grading import Policy
from pipeline.report import Draft, ModelInfo, SpurError
from pipeline.resources import home
from pipeline.search import Filters, Hit
from pipeline.search import listing as listings
from pipeline.search import search as find
from pipeline.search.listing import Choices, Listed, Narrow
from pipeline.store import Metadata, Store, archive, corrections
from pipeline.store import jobs as job_store
from pipeline.store.accounts import ROLES, Role
from pipeline.store.archive import Entry
from pipeline.store.corrections import Correction, Held
from pipeline.store.jobs import Job, JobFile
from pipeline.web import corrected, exports, written
from pipeline.web.desk import Desk, Made
from pipeline.web.errors import Busy, Lacking, NotFound, WebError
from pipeline.web.exports import AUDIT_FORMATS, FORMATS
from pipeline.web.jobs import Jobs
from pipeline.web.latest import Latest
from pipeline.web.settings import Settings
from pipeline.web.shapes import Archive, Audited, Download, Upload, User, Way, Work

__all__ = [
    "AUDIT_FORMATS",
    "FORMATS",
    "ROLES",
    "Archive",
    "Audited",
    "Choices",
    "Download",
    "Filters",
    "Hit",
    "Job",
    "JobFile",
    "Listed",
    "Metadata",
    "Narrow",
    "Role",
    "Upload",
    "User",
    "Way",
    "Work",
    "Workbench",
]

_KEY = re.compile(r"[0-9a-f]{32}")
_GONE = "Rapporten finns inte, eller är någon annans"


def _key(value: str, otherwise: str = _GONE) -> str:
    """An id as ours are. Raises NotFound where it is none."""
    if not _KEY.fullmatch(value):
        raise NotFound(otherwise)
    return value


class Workbench:
    """One store, one model, one catalogue. `close` it, or use it as a context."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store.open(settings.store)
        self._desk: Desk | None = None
        try:
            self._desk = Desk(settings)
            spool = settings.spool or home() / "spool"
            self._jobs = Jobs(self.store, spool, settings.limits, self._draft_of_job)
        except BaseException:
            self.store.close()
            if self._desk:
                self._desk.close()
            raise
        self._closing = threading.Lock()
        self._auditing = threading.BoundedSemaphore(1)
        self._regraded: Latest[Draft] = Latest(128)

    def start(self) -> None:
        """Begins with the batch jobs that an earlier run left."""
        self.desk.start()
        self._jobs.start()

    def close(self) -> None:
        """Ends workers and lets go of the store."""
        with self._closing:
            self._jobs.close()
            self.desk.close()
            self.store.close()

    def __enter__(self) -> Workbench:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def desk(self) -> Desk:
        assert self._desk is not None
        return self._desk

    @property
    def policy(self) -> Policy:
        """How findings become grades here: the drafter's own."""
        return self.desk.drafter.policy

    @property
    def catalogue(self) -> Catalogue:
        return self.desk.drafter.catalogue

    @property
    def model(self) -> ModelInfo:
        return self.desk.drafter.model.info

    # --- drafts ---

    def draft_file(self, user: User, name: str, file: BinaryIO) -> Work:
        """Drafts an uploaded file and keeps it. `name` is the client's: only its base name is kept, never used as a path."""
        return self._keep(user, self.desk.file(name, file))

    def draft_text(self, user: User, text: str) -> Work:
        """Drafts a whole report that was pasted, and keeps it."""
        return self._keep(user, self.desk.text(text))

    def draft_sections(self, user: User, sections: Mapping[str, str]) -> Work:
        """Drafts what was written area by area (keys: area letters, STYRKOR, SVAGHETER, FORBATTRING), and keeps it."""
        return self._keep(user, self.desk.sections(sections))

    def suggest(self, sections: Mapping[str, str]) -> Draft:
        """As `draft_sections`, quickly and without keeping anything: for suggestions while one writes."""
        return self.desk.suggest(sections)

    def _keep(self, user: User, made: Made) -> Work:
        with _told(), self.store.write() as session:
            added = archive.add(
                session,
                made.draft,
                made.content,
                vectors=made.vectors,
                as_of=date.today(),
                owner=user.owner,
                apart=True,
            )
            entry = archive.entry(session, added.report)
        self.desk.remember(entry.id, made)
        return Work(entry.id, entry, made.draft, made.draft, {}, {})

    def get(self, user: User, report: str) -> Work:
        """A report of the archive."""
        with _told(), self.store.read() as session:
            entry, draft, held = self._held(session, user, report)
        return self._work(entry, draft, held)

    def _held(self, session: Session, user: User, report: str) -> tuple[Entry, Draft, Held]:
        entry = self._entry(session, user, report)
        return entry, archive.draft(session, entry.id), corrections.held(session, entry.id)

    def _entry(self, session: Session, user: User, report: str) -> Entry:
        try:
            return archive.entry(session, _key(report), user.sees)
        except NotFound:
            raise
        except SpurError as e:
            raise NotFound(_GONE) from e

    def _work(self, entry: Entry, draft: Draft, held: Held) -> Work:
        supported = self._supported(entry.id, draft, held)
        mine = self._ours(draft)
        now = corrected.given(supported, held, self.desk.drafter) if mine else supported
        notes = corrected.notes(draft, now, held)
        return Work(entry.id, entry, now, draft, held.findings, held.grades, notes)

    def _ours(self, draft: Draft) -> bool:
        """Whether the draft is by the catalogue that this server has."""
        return draft.report.catalogue == self.catalogue.name

    def _supported(self, report: str, draft: Draft, held: Held) -> Draft:
        """The draft with its corrected findings, and the grades that they support."""
        if not held.findings or not self._ours(draft):
            return draft
        day = date.today()
        said = frozenset((*where, c.status) for where, c in held.findings.items())
        key = (report, draft.model, day, said)
        known = self._regraded.get(key)
        if known is None:
            answer = self.desk.answer(report, draft)
            known = corrected.regraded(draft, answer, held, self.desk.drafter, day)
            self._regraded.put(key, known)
        return known

    def forget(self, user: User, report: str) -> None:
        """Removes a report with its corrections, for good."""
        with _told():
            with self.store.write() as session:
                archive.forget(session, self._entry(session, user, report).id)
            self.store.scrub()

    def describe(self, user: User, report: str, metadata: Metadata) -> None:
        """Adds what is known of a report beside its file: region, unit kind; specialty and year if the cover lacks them."""
        with _told(), self.store.write() as session:
            archive.describe(session, self._entry(session, user, report).id, metadata)

    def sections_of(self, user: User, report: str) -> dict[str, str]:
        """The report's text by area and list, to go on writing it in the form."""
        return written.sections_of(self.get(user, report).model)

    # --- corrections ---

    def correct_finding(
        self, user: User, report: str, sentence: int, criterion: str, status: str, comment: str | None = None
    ) -> Correction:
        """Says what a sentence tells of a criterion: met, partly, unmet, or none. Kept for good when this returns."""
        return self._correct(user, report, sentence, {criterion: status}, comment)[0]

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
        if criterion == to:
            raise WebError("Välj ett annat kriterium än det som ska bort")
        old, new = self._correct(user, report, sentence, {criterion: "none", to: status}, comment)
        return old, new

    def _correct(
        self, user: User, report: str, sentence: int, said: Mapping[str, str], comment: str | None
    ) -> list[Correction]:
        draft = self._correctable(user, report)
        self._foresee(report, draft, sentence, said)
        with _told(), self.store.write() as session:
            made = [
                corrections.correct_finding(
                    session,
                    report,
                    self.catalogue,
                    author=user.name,
                    sentence=sentence,
                    criterion=criterion,
                    status=status,
                    comment=_comment(comment),
                )
                for criterion, status in said.items()
            ]
            self._revise(session, report)
        return made

    def _foresee(self, report: str, draft: Draft, sentence: int, said: Mapping[str, str]) -> None:
        """Works out beforehand what a correction will change, so that others need not wait for it to be written."""
        with _told(), self.store.read() as session:
            held = corrections.held(session, report)
        right = 0 <= sentence < len(draft.sentences) and said.keys() <= self.catalogue.by_id.keys()
        if right and set(said.values()) <= set(corrections.CORRECTABLE):
            soon = {(sentence, c): _said(report, draft, status) for c, status in said.items()}
            self._supported(report, draft, Held({**held.findings, **soon}, held.grades))

    def _correctable(self, user: User, report: str) -> Draft:
        """The model's draft of a report that the user may correct."""
        with _told(), self.store.read() as session:
            draft = archive.draft(session, self._entry(session, user, report).id)
        if not self._ours(draft):
            raise WebError(
                f"Rapporten är bedömd efter {draft.report.catalogue}: "
                f"starta  spur serve --catalogue {draft.report.catalogue}  för att rätta den"
            )
        return draft

    def correct_grade(
        self, user: User, report: str, area: str, grade: str, comment: str | None = None
    ) -> Correction:
        """Gives an area a grade; the one that is suggested: accepts it."""
        self._correctable(user, report)
        with _told(), self.store.write() as session:
            return corrections.correct_grade(
                session,
                report,
                self.catalogue,
                author=user.name,
                area=area,
                grade=grade,
                comment=_comment(comment),
            )

    def undo(self, user: User, correction: str) -> Correction:
        """Undoes a correction; what held before holds again."""
        gone = "Rättelsen finns inte, eller är på någon annans rapport"
        with _told(), self.store.read() as session:
            try:
                found = corrections.get(session, _key(correction, gone))
                _, draft, _ = self._held(session, user, found.report)
            except SpurError as e:
                raise NotFound(gone) from e
        if self._ours(draft):
            self.desk.answer(found.report, draft)
        with _told(), self.store.write() as session:
            undone = corrections.undo(session, found.id, user.name)
            self._revise(session, found.report)
        return undone

    def _revise(self, session: Session, report: str) -> None:
        """Keeps in the archive's rows which grades the corrected findings support."""
        draft, held = archive.draft(session, report), corrections.held(session, report)
        supported = self._supported(report, draft, held)
        touched = {criterion.partition(".")[0] for _, criterion in held.findings}
        grades = {a: d.suggested_grade for a, d in supported.areas.items() if a in touched}
        corrections.revise(session, report, grades)

    def history(self, user: User, report: str) -> list[Correction]:
        """All corrections of a report, undone ones too, latest first."""
        with _told(), self.store.read() as session:
            key = self._entry(session, user, report).id
            return list(corrections.listed(session, key, undone=True))[::-1]

    # --- archive, search, audit ---

    def archive(self, user: User, narrow: Narrow | None = None, offset: int = 0, limit: int = 50) -> Archive:
        """A page of the archive, latest added first."""
        with _told(), self.store.read() as session:
            items, total = listings.page(session, narrow, user.sees, offset, limit)
        return Archive(tuple(items), total, offset, limit)

    def choices(self, user: User) -> Choices:
        """What the filters can be set to."""
        with _told(), self.store.read() as session:
            return listings.choices(session, user.sees)

    def search(
        self, user: User, query: str, filters: Filters | None = None, way: Way = "both", limit: int = 50
    ) -> list[Hit]:
        """Sentences by words, meaning and filters. An empty query with filters lists what they let through."""
        if not query.strip() and not filters:
            raise WebError("Sökningen är tom: skriv ord, eller välj ett filter")
        if way == "meaning" and not self.by_meaning:
            raise WebError("Modellen söker bara med ord, inte efter betydelse")
        with _told(), self.store.read() as session:
            return find(
                session,
                query,
                filters,
                model=self.desk.by_meaning,
                way=way,
                limit=limit,
                owner=user.sees,
            )

    @property
    def by_meaning(self) -> bool:
        """Whether the model has vectors, so that search by meaning is possible."""
        return self.desk.by_meaning is not None

    def audit(
        self, user: User, narrow: Narrow | None = None, as_of: date | None = None, mask: bool = False
    ) -> Audited:
        """The audit of the reports that the filters let through. NotFound where there is none.

        Findings are as people corrected them. A grade that a person gave in the workbench counts as the stated one, where
        the report states none. Of reports with the same content, the latest counts.
        """
        with _told(), self.store.read() as session:
            wanted = listings.ids(session, narrow, user.sees)
            entries = {e.id: e for e in archive.entries(session, user.sees)}
            held = {key: corrections.held(session, key) for key in wanted}
        latest = {entries[k].content: k for k in reversed(wanted) if self._has_catalogue(entries[k])}
        chosen = [e for e in entries.values() if latest.get(e.content) == e.id]
        if not chosen:
            raise NotFound("Inga rapporter att granska: lägg till rapporter, eller välj andra filter")
        names = [e.file or f"rapport-{e.id[:8]}" for e in chosen]
        called = collect.ids(_apart(names, chosen))

        def drafts() -> Iterator[tuple[Draft, Mapping[str, str]]]:
            with self.store.read() as session:
                only = {e.id for e in chosen}
                for entry, draft in archive.drafts(session, user.sees, only):
                    yield self._supported(entry.id, draft, held[entry.id]), entry.known

        stated: dict[str, dict[str, Told]] = {}
        with _told(), self.store.read() as session:
            for name, e in zip(called, chosen, strict=True):
                if given := held[e.id].grades:
                    areas = archive.draft(session, e.id).areas
                    stated[name] = {
                        a: Told(before=c.grade) for a, c in given.items() if areas[a].stated_grade is None
                    }
        hide, day = Mask() if mask else None, as_of or date.today()
        cases = collect.of_archive(_apart(names, chosen), drafts, {})
        drafter = self.desk.drafter
        if not self._auditing.acquire(timeout=self.settings.limits.patience_seconds):
            raise Busy("Servern gör en annan granskning just nu: försök igen om en stund", retry_after=30)
        try:
            made = build(
                cases,
                drafter.catalogue,
                drafter.policy,
                day,
                stated,
                mask=hide,
                notes=_left_out(wanted, chosen),
            )
        except ModuleNotFoundError as e:
            raise Lacking(
                f"Granskningen behöver {e.name}: installera med  pip install 'spur-pipeline[audit]'"
            ) from e
        finally:
            self._auditing.release()
        ids = dict(zip(called, (e.id for e in chosen), strict=True))
        return Audited(made, hide.wrap(cases) if hide else cases, ids)

    def _has_catalogue(self, entry: Entry) -> bool:
        return entry.catalogue == self.catalogue.name

    # --- files out ---

    def export(self, user: User, report: str, format: str) -> Download:
        """The corrected draft as a file: a key of FORMATS."""
        return exports.draft_file(self.get(user, report), format, self.catalogue)

    def export_audit(
        self,
        user: User,
        format: str,
        narrow: Narrow | None = None,
        as_of: date | None = None,
        mask: bool = False,
    ) -> Download:
        """The audit as a file: a key of AUDIT_FORMATS."""
        if format not in AUDIT_FORMATS:
            raise NotFound(f"Formatet {format!r} finns inte: välj {', '.join(AUDIT_FORMATS)}")
        made = self.audit(user, narrow, as_of, mask)
        return exports.audit_file(made.audit, made.cases, format)

    # --- batch jobs ---

    def start_job(self, user: User, files: Sequence[Upload]) -> Job:
        """Keeps the files and drafts them one after another; survives a restart of the server."""
        return self._jobs.add(user.owner, files)

    def _draft_of_job(self, owner: str, name: str, content: BinaryIO) -> str:
        return self.draft_file(User("", "inspector", owner), name, content).id

    def job(self, user: User, job: str) -> Job:
        """How far it is."""
        gone = "Omgången finns inte, eller är någon annans"
        with _told(), self.store.read() as session:
            found = job_store.get(session, _key(job, gone), user.sees)
        if found is None:
            raise NotFound(gone)
        return found

    def jobs(self, user: User) -> list[Job]:
        """The user's jobs, latest first."""
        with _told(), self.store.read() as session:
            return job_store.listed(session, user.sees)


def _said(report: str, draft: Draft, status: str) -> Correction:
    """A correction as far as grading looks at it."""
    catalogue = draft.report.catalogue or ""
    return Correction("", report, "", datetime.min, draft.model, catalogue, "finding", status=status)


def _comment(comment: str | None) -> str | None:
    return comment.strip() or None if comment else None


def _apart(names: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    """The names, those that occur more than once with the beginning of the report's id."""
    often = Counter(names)
    return [
        n if often[n] == 1 else f"{Path(n).stem} ({e.id[:6]}){Path(n).suffix}"
        for n, e in zip(names, entries, strict=True)
    ]


def _left_out(wanted: Sequence[str], chosen: Sequence[Entry]) -> list[str]:
    left = len(wanted) - len(chosen)
    if not left:
        return []
    return [f"{left} rapport(er) är inte med: samma innehåll som en senare, eller en annan kriteriekatalog."]


@contextmanager
def _told() -> Iterator[None]:
    """A database that cannot be reached or is locked is nothing that the user did wrong."""
    try:
        yield
    except SpurError as e:
        if isinstance(e.__cause__, DBAPIError) and not isinstance(e, WebError):
            raise Busy(str(e), retry_after=10) from e
        raise
