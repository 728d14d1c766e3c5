"""Names of WordprocessingML elements."""

from __future__ import annotations

from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def local(element: Any) -> str:
    """The name without its namespace; "" for comments and instructions."""
    tag = element.tag
    return str(tag).rpartition("}")[2] if isinstance(tag, str) else ""


def child(element: Any, *path: str) -> Any | None:
    """The first descendant along a path of `w:` names."""
    for name in path:
        element = element.find(W + name) if element is not None else None
    return element


def val(element: Any | None, default: str | None = None) -> str | None:
    """The attribute `w:val`."""
    return default if element is None else element.get(W + "val", default)


def number(text: str | None, default: int = 0) -> int:
    try:
        return int(text or default)
    except ValueError:
        return default


def is_on(element: Any | None) -> bool | None:
    """A toggle property: None where it is not told."""
    return (
        None if element is None else (val(element, "1") or "1").lower() not in ("0", "false", "off", "none")
    )
