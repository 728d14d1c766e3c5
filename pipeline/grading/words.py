"""Small Swedish pieces that reasons and explanations share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.report import Status

STATUS: Mapping[Status, str] = {
    "met": "uppfyllt",
    "partly": "delvis uppfyllt",
    "unmet": "inte uppfyllt",
}
_QUOTE = 160  # characters


def percent(p: float) -> str:
    """A probability in whole per cent; what is not quite 0 or 100 does not say that it is."""
    value = round(100 * p)
    if value == 0 and p > 0:
        return "<1 %"
    return ">99 %" if value == 100 and p < 1 else f"{value} %"


def listed(items: Sequence[object]) -> str:
    """«1», «1 och 2», «1, 2 och 3»."""
    words = [str(x) for x in items]
    return " och ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def quote(text: str) -> str:
    """A sentence in quotation marks, shortened at a word where it is long."""
    text = " ".join(text.split())
    if len(text) > _QUOTE:
        text = text[:_QUOTE].rsplit(" ", 1)[0].rstrip(",;:.–-") + " …"
    return f"«{text}»"
