"""What the workbench gives and takes: plain data, the same for the API and the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from pipeline.audit import Audit, Cases
from pipeline.report import Draft
from pipeline.search.listing import Listed
from pipeline.store.accounts import Role
from pipeline.store.archive import Entry
from pipeline.store.corrections import Correction

Way = Literal["both", "words", "meaning"]


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
class Archive:
    """One page of the archive; `total` counts all that the filters let through."""

    items: tuple[Listed, ...]
    total: int
    offset: int
    limit: int


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
class Audited:
    """An audit and its cases, as `pipeline.rendering.audit` takes them. `ids`: report's name in the audit -> report id."""

    audit: Audit
    cases: Cases
    ids: Mapping[str, str]
