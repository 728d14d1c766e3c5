"""Documents as files: one module a format, imported when that format is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from pipeline.corpus.document import Document

FORMATS = ("pdf", "docx", "txt", "md")


def printer(fmt: str) -> Callable[[Document], bytes]:
    """The function that prints a document as the bytes of a file of one format of `FORMATS`.

    Raises ModuleNotFoundError where the format's library (reportlab: the render extra) is not installed.
    """
    if fmt not in FORMATS:
        raise ValueError(f"format {fmt!r}: one of {', '.join(FORMATS)}")
    return cast(Callable[[Document], bytes], importlib.import_module(f"{__name__}.{fmt}").print_)
