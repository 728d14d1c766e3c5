"""The archive's tables.

A report is one content, whatever it is called; each model that has read it adds a draft. What a parser and a model make
of a report (text, sentences, findings, grades, plan) hangs on the draft, so that a draft stays true to itself when the
program that reads reports gets better. Each report has one current draft, the latest: the one that search and audits see.
Corrections hang on the report and carry the words they are about, so that they outlive drafts.

Changing anything here needs a migration (`migrations/versions`); a test holds the two together.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import uuid4

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

ALL_OWNERS = ""  # a report that belongs to the whole archive


def new_id() -> str:
    """An id that cannot be guessed."""
    return uuid4().hex


def now() -> datetime:
    """This moment in UTC, without a zone: as both SQLite and PostgreSQL keep it."""
    return datetime.now(UTC).replace(tzinfo=None)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ReportRow(Base):
    """A report: one content of one owner. Facts are the cover's, as the latest draft read them, or from a metadata file.

    `copy` tells those of one content apart that are to be worked with each by itself, as each upload in the web is.
    """

    __tablename__ = "reports"
    __table_args__ = (Index(None, "owner", "content", "copy", unique=True),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    owner: Mapped[str] = mapped_column(String(100), default=ALL_OWNERS)
    content: Mapped[str] = mapped_column(String(64))  # SHA-256 of what was read
    copy: Mapped[str] = mapped_column(String(32), default="")
    file: Mapped[str | None]
    added: Mapped[datetime] = mapped_column(default=now)
    unit: Mapped[str | None]
    specialty: Mapped[str | None]
    date: Mapped[str | None] = mapped_column(String(10))
    year: Mapped[int | None] = mapped_column(index=True)
    regulation: Mapped[str | None]
    place: Mapped[str | None]
    inspectors: Mapped[list[str]] = mapped_column(JSON)
    region: Mapped[str | None]
    unit_kind: Mapped[str | None]

    drafts: Mapped[list[DraftRow]] = relationship(back_populates="report", passive_deletes=True)


class DraftRow(Base):
    """What one version of a model made of a report. `document` is the whole draft but for its text."""

    __tablename__ = "drafts"
    __table_args__ = (
        Index(None, "report_id", "model", "version", "catalogue", unique=True),
        Index(
            "ix_drafts_current",
            "report_id",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"))
    model: Mapped[str]
    version: Mapped[str]
    catalogue: Mapped[str]
    program: Mapped[str]  # version of this program
    created: Mapped[datetime] = mapped_column(default=now)
    as_of: Mapped[date | None]  # the day on which the plan's dates were judged
    current: Mapped[bool]
    text: Mapped[str] = mapped_column(Text, deferred=True)
    document: Mapped[str] = mapped_column(Text, deferred=True)

    report: Mapped[ReportRow] = relationship(back_populates="drafts")
    areas: Mapped[list[AreaRow]] = relationship(passive_deletes=True)
    sentences: Mapped[list[SentenceRow]] = relationship(
        back_populates="draft", order_by="SentenceRow.position", passive_deletes=True
    )
    plan: Mapped[list[PlanRow]] = relationship(order_by="PlanRow.position", passive_deletes=True)
    vectors: Mapped[VectorsRow | None] = relationship(passive_deletes=True)


class AreaRow(Base):
    """One area of a draft: what the text supports, what the report states, what a person says.

    `revised_grade` is what the findings support once people have corrected them; None where none of the area's was.
    """

    __tablename__ = "areas"

    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    area: Mapped[str] = mapped_column(primary_key=True)
    has_text: Mapped[bool]
    suggested_grade: Mapped[str]
    probabilities: Mapped[dict[str, float]] = mapped_column(JSON)
    abstain: Mapped[bool]
    stated_grade: Mapped[str | None]
    grade_before_plan: Mapped[str | None]
    grade_after_plan: Mapped[str | None]
    revised_grade: Mapped[str | None]
    corrected_grade: Mapped[str | None]


class SentenceRow(Base):
    """A sentence of a draft; `position` is its id in the draft, `stems` what the word index holds of it."""

    __tablename__ = "sentences"
    __table_args__ = (Index(None, "draft_id", "position", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"))
    position: Mapped[int]
    section: Mapped[str | None] = mapped_column(index=True)
    text: Mapped[str] = mapped_column(Text)
    start: Mapped[int]
    end: Mapped[int]
    stems: Mapped[str] = mapped_column(Text, deferred=True)

    draft: Mapped[DraftRow] = relationship(back_populates="sentences")
    findings: Mapped[list[FindingRow]] = relationship(
        order_by="FindingRow.probability.desc(), FindingRow.criterion", passive_deletes=True
    )


class FindingRow(Base):
    """What a sentence tells of a criterion: the model's word, or a person's in place of it."""

    __tablename__ = "findings"
    __table_args__ = (Index(None, "criterion", "status"),)

    sentence_id: Mapped[int] = mapped_column(ForeignKey("sentences.id", ondelete="CASCADE"), primary_key=True)
    criterion: Mapped[str] = mapped_column(primary_key=True)
    area: Mapped[str]
    status: Mapped[str]
    probability: Mapped[float]
    corrected: Mapped[bool] = mapped_column(default=False)


class PlanRow(Base):
    """One entry of a draft's action plan."""

    __tablename__ = "plan_entries"

    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    area: Mapped[str | None]
    criteria: Mapped[list[str]] = mapped_column(JSON)
    action: Mapped[str | None] = mapped_column(Text)
    deadline: Mapped[str | None] = mapped_column(String(10))
    deadline_text: Mapped[str | None] = mapped_column(Text)
    responsible: Mapped[str | None] = mapped_column(Text)
    follow_up: Mapped[str | None] = mapped_column(String(10))
    follow_up_text: Mapped[str | None] = mapped_column(Text)
    follow_up_responsible: Mapped[str | None] = mapped_column(Text)


class VectorsRow(Base):
    """The sentence vectors of a draft: float16 [sentences, width], rows of length 1, in the order of the sentences."""

    __tablename__ = "vectors"

    draft_id: Mapped[int] = mapped_column(ForeignKey("drafts.id", ondelete="CASCADE"), primary_key=True)
    width: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CorrectionRow(Base):
    """A person's word against a finding or a grade. Nothing is ever changed here but `undone` and `undone_by`.

    The latest of a target that is not undone holds. A finding is named by its sentence's words as well as its position,
    so that it can be found again in another draft; `was` is the status or grade that the draft had.
    """

    __tablename__ = "corrections"
    __table_args__ = (CheckConstraint("target in ('finding', 'grade')", name="target"),)

    number: Mapped[int] = mapped_column(primary_key=True)  # in the order they were made
    id: Mapped[str] = mapped_column(String(32), unique=True, default=new_id)
    report_id: Mapped[str] = mapped_column(ForeignKey("reports.id", ondelete="CASCADE"), index=True)
    author: Mapped[str]
    created: Mapped[datetime] = mapped_column(default=now)
    model: Mapped[str]
    version: Mapped[str]
    catalogue: Mapped[str]
    target: Mapped[str]
    sentence: Mapped[int | None]
    section: Mapped[str | None]
    text: Mapped[str | None] = mapped_column(Text)
    criterion: Mapped[str | None]
    status: Mapped[str | None]
    area: Mapped[str | None]
    grade: Mapped[str | None]
    was: Mapped[str | None]
    comment: Mapped[str | None] = mapped_column(Text)
    undone: Mapped[datetime | None]
    undone_by: Mapped[str | None]


# --- of a server: no part of the archive's content, so neither in backups nor touched by restoring one ---


class AccountRow(Base):
    """Who may log in. `name` owns reports, so accounts are disabled, never removed."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("role in ('inspector', 'quality', 'admin')", name="role"),)

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))
    password: Mapped[str]  # argon2, with its parameters and salt
    created: Mapped[datetime] = mapped_column(default=now)
    disabled: Mapped[datetime | None]


class LoginRow(Base):
    """A login that holds. `key` is the SHA-256 of the cookie's value, which is kept nowhere."""

    __tablename__ = "logins"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name", ondelete="CASCADE"), index=True)
    created: Mapped[datetime] = mapped_column(default=now)
    used: Mapped[datetime] = mapped_column(default=now)


class JobRow(Base):
    """Files that were sent together. Whoever `owner` and `author` are, its drafts get."""

    __tablename__ = "jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True, default=new_id)
    owner: Mapped[str] = mapped_column(String(100), index=True)
    created: Mapped[datetime] = mapped_column(default=now)
    finished: Mapped[datetime | None]

    files: Mapped[list[JobFileRow]] = relationship(order_by="JobFileRow.position", passive_deletes=True)


class JobFileRow(Base):
    """One file of a job: its draft's report, or what was wrong with it; neither while it waits."""

    __tablename__ = "job_files"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    report: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(Text)


OF_SERVER = frozenset(t.__tablename__ for t in (AccountRow, LoginRow, JobRow, JobFileRow))


def content_tables() -> list[Table]:
    """The tables that are the archive, those first that others hang on."""
    return [t for t in Base.metadata.sorted_tables if t.name not in OF_SERVER]
