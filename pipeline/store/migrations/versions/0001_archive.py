"""The archive: reports, drafts and what is in them, corrections; the word index of the sentences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE sentence_words USING fts5("
    "stems, content='sentences', content_rowid='id', tokenize=\"unicode61 remove_diacritics 0\")",
    "CREATE TRIGGER sentence_words_insert AFTER INSERT ON sentences BEGIN "
    "INSERT INTO sentence_words(rowid, stems) VALUES (new.id, new.stems); END",
    "CREATE TRIGGER sentence_words_delete AFTER DELETE ON sentences BEGIN "
    "INSERT INTO sentence_words(sentence_words, rowid, stems) VALUES ('delete', old.id, old.stems); END",
    "CREATE TRIGGER sentence_words_update AFTER UPDATE OF stems ON sentences BEGIN "
    "INSERT INTO sentence_words(sentence_words, rowid, stems) VALUES ('delete', old.id, old.stems); "
    "INSERT INTO sentence_words(rowid, stems) VALUES (new.id, new.stems); END",
)
# Stemmed by us, so `simple` and not `swedish`: both databases find the same, and «inte» is no stop word here.
_POSTGRESQL_INDEX = ("CREATE INDEX ix_sentences_words ON sentences USING gin (to_tsvector('simple', stems))",)


def upgrade() -> None:
    _tables()
    statements = _SQLITE_INDEX if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL_INDEX
    for statement in statements:
        op.execute(statement)


def _tables() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("file", sa.String(), nullable=True),
        sa.Column("added", sa.DateTime(), nullable=False),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("specialty", sa.String(), nullable=True),
        sa.Column("date", sa.String(length=10), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("regulation", sa.String(), nullable=True),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("inspectors", sa.JSON(), nullable=False),
        sa.Column("region", sa.String(), nullable=True),
        sa.Column("unit_kind", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(op.f("ix_reports_owner_content"), "reports", ["owner", "content"], unique=True)
    op.create_index(op.f("ix_reports_year"), "reports", ["year"], unique=False)
    op.create_table(
        "corrections",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("sentence", sa.Integer(), nullable=True),
        sa.Column("section", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("criterion", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("area", sa.String(), nullable=True),
        sa.Column("grade", sa.String(), nullable=True),
        sa.Column("was", sa.String(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("undone", sa.DateTime(), nullable=True),
        sa.Column("undone_by", sa.String(), nullable=True),
        sa.CheckConstraint("target in ('finding', 'grade')", name=op.f("ck_corrections_target")),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_corrections_report_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_corrections")),
        sa.UniqueConstraint("id", name=op.f("uq_corrections_id")),
    )
    op.create_index(op.f("ix_corrections_report_id"), "corrections", ["report_id"], unique=False)
    op.create_table(
        "drafts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("report_id", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("catalogue", sa.String(), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["reports.id"], name=op.f("fk_drafts_report_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_index(
        "ix_drafts_current",
        "drafts",
        ["report_id"],
        unique=True,
        sqlite_where=sa.text("current"),
        postgresql_where=sa.text("current"),
    )
    op.create_index(
        op.f("ix_drafts_report_id_model_version_catalogue"),
        "drafts",
        ["report_id", "model", "version", "catalogue"],
        unique=True,
    )
    op.create_table(
        "areas",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("has_text", sa.Boolean(), nullable=False),
        sa.Column("suggested_grade", sa.String(), nullable=False),
        sa.Column("probabilities", sa.JSON(), nullable=False),
        sa.Column("abstain", sa.Boolean(), nullable=False),
        sa.Column("stated_grade", sa.String(), nullable=True),
        sa.Column("grade_before_plan", sa.String(), nullable=True),
        sa.Column("grade_after_plan", sa.String(), nullable=True),
        sa.Column("corrected_grade", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_areas_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("draft_id", "area", name=op.f("pk_areas")),
    )
    op.create_table(
        "plan_entries",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("area", sa.String(), nullable=True),
        sa.Column("criteria", sa.JSON(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("deadline", sa.String(length=10), nullable=True),
        sa.Column("deadline_text", sa.Text(), nullable=True),
        sa.Column("responsible", sa.Text(), nullable=True),
        sa.Column("follow_up", sa.String(length=10), nullable=True),
        sa.Column("follow_up_text", sa.Text(), nullable=True),
        sa.Column("follow_up_responsible", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_plan_entries_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("draft_id", "position", name=op.f("pk_plan_entries")),
    )
    op.create_table(
        "sentences",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("stems", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_sentences_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sentences")),
    )
    op.create_index(
        op.f("ix_sentences_draft_id_position"), "sentences", ["draft_id", "position"], unique=True
    )
    op.create_index(op.f("ix_sentences_section"), "sentences", ["section"], unique=False)
    op.create_table(
        "vectors",
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["draft_id"], ["drafts.id"], name=op.f("fk_vectors_draft_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("draft_id", name=op.f("pk_vectors")),
    )
    op.create_table(
        "findings",
        sa.Column("sentence_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.String(), nullable=False),
        sa.Column("area", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sentence_id"], ["sentences.id"], name=op.f("fk_findings_sentence_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sentence_id", "criterion", name=op.f("pk_findings")),
    )
    op.create_index(op.f("ix_findings_criterion_status"), "findings", ["criterion", "status"], unique=False)
