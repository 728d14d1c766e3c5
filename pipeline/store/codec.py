"""A draft as one JSON document, and back, without loss."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from pydantic import TypeAdapter

from pipeline.report import Draft


@cache
def _adapter() -> TypeAdapter[Draft]:
    return TypeAdapter(Draft)


def dump(draft: Draft) -> str:
    """The draft but for its text (kept beside it) as JSON."""
    return _adapter().dump_json(replace(draft, text="")).decode("utf8")


def load(document: str, text: str) -> Draft:
    """The draft of a document and its text.

    Raises ValueError where the document is none of `dump`'s.
    """
    return replace(_adapter().validate_json(document), text=text)
