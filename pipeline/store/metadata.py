"""What is known of a report beside its file: region, kind of unit, specialty, year. Nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """None where it is not known."""

    region: str | None = None
    unit_kind: str | None = None
    specialty: str | None = None  # only used where the cover tells none
    year: int | None = None  # likewise

    @classmethod
    def of(cls, known: Mapping[str, str]) -> Metadata:
        """From the columns of a metadata file (`pipeline.audit.tables.metadata`); others are left alone."""
        year = known.get("year") or None
        return cls(
            region=known.get("region") or None,
            unit_kind=known.get("unit_kind") or None,
            specialty=known.get("specialty") or None,
            year=int(year) if year else None,
        )
