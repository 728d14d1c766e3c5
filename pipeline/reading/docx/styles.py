"""What paragraphs and runs take from their styles."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pipeline.reading.docx.names import W, child, is_on, number, val

_HEADING = re.compile(r"^(?:heading|rubrik|överskrift)\s?([1-9])$", re.I)
_TITLE = re.compile(r"^(?:title|rubrik|titel)$", re.I)
_AUTOMATIC = ("auto", "000000")


class Styles:
    """Styles by id, with what they are based on."""

    def __init__(self, root: Any | None) -> None:
        styles = [] if root is None else root.findall(W + "style")
        self._by_id: dict[str, Any] = {s.get(W + "styleId", ""): s for s in styles}
        self._default = next(
            (s for s in styles if s.get(W + "type") == "paragraph" and s.get(W + "default") in ("1", "true")),
            None,
        )

    def chain(self, style_id: str | None) -> Iterator[Any]:
        """The style and those it is based on, nearest first; a ring ends where it closes."""
        seen: set[str] = set()
        style = self._by_id.get(style_id or "", None if style_id else self._default)
        while style is not None and (i := style.get(W + "styleId", "")) not in seen:
            seen.add(i)
            yield style
            style = self._by_id.get(val(child(style, "basedOn")) or "")

    def paragraph(self, ppr: Any | None, name: str) -> Any | None:
        """A paragraph property: its own, else the nearest style's."""
        own = child(ppr, name)
        if own is not None:
            return own
        found = (child(s, "pPr", name) for s in self.chain(val(child(ppr, "pStyle"))))
        return next((f for f in found if f is not None), None)

    def run(self, rpr: Any | None, ppr: Any | None, name: str) -> Any | None:
        """A run property: its own, its character style's, else its paragraph's style's."""
        own = child(rpr, name)
        if own is not None:
            return own
        character = val(child(rpr, "rStyle"))
        styles = [*(self.chain(character) if character else ()), *self.chain(val(child(ppr, "pStyle")))]
        found = (child(s, "rPr", name) for s in styles)
        return next((f for f in found if f is not None), None)

    def heading(self, ppr: Any | None) -> int | None:
        """Heading level from 1: by outline level, else by the style's name; None for body text."""
        outline = self.paragraph(ppr, "outlineLvl")
        if outline is not None:
            level = number(val(outline), 9)
            return level + 1 if level < 9 else None
        for style in self.chain(val(child(ppr, "pStyle"))):
            name = val(child(style, "name")) or style.get(W + "styleId", "")
            if match := _HEADING.match(name):
                return int(match[1])
            if _TITLE.match(name):
                return 1
        return None

    def bold(self, rpr: Any | None, ppr: Any | None) -> bool:
        return bool(is_on(self.run(rpr, ppr, "b")))

    def underlined(self, rpr: Any | None, ppr: Any | None) -> bool:
        return (val(self.run(rpr, ppr, "u")) or "none") != "none"

    def hidden(self, rpr: Any | None, ppr: Any | None) -> bool:
        return bool(is_on(self.run(rpr, ppr, "vanish")))

    def colour(self, rpr: Any | None, ppr: Any | None) -> str | None:
        code = (val(self.run(rpr, ppr, "color")) or "auto").lower()
        return None if code in _AUTOMATIC or not re.fullmatch("[0-9a-f]{6}", code) else f"#{code}"
