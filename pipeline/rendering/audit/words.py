"""The Swedish words that the audit's page and workbook share."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.audit.agreement import Agreement, Interval
from pipeline.rendering.words import percent
from pipeline.report import PlanState

STATES: Mapping[PlanState, str] = {
    "answered": "fullständig",
    "incomplete": "ofullständig",
    "overdue": "tidsgränsen har passerat",
    "missing": "saknas i planen",
}
LACKS: Mapping[str, str] = {
    "action": "åtgärd",
    "deadline": "tid",
    "responsible": "ansvarig",
    "follow_up": "uppföljning",
}
SMALL = "få rapporter: osäkert"
NONE = "–"


def number(value: float | None, digits: int = 2) -> str:
    """A number with a decimal comma and a real minus sign."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}".replace(".", ",")
    return text.lstrip("-") if not text.strip("-0,") else text.replace("-", "−")


def reports(n: int) -> str:
    """«1 rapport», «2 rapporter»."""
    return f"{n} rapport" if n == 1 else f"{n} rapporter"


def interval(value: Interval | None, digits: int = 2) -> str:
    """«0,52 till 0,71»."""
    return NONE if value is None else f"{number(value[0], digits)} till {number(value[1], digits)}"


def shares(value: Interval | None) -> str:
    """An interval of shares in per cent."""
    return NONE if value is None else f"{round(100 * value[0])}–{round(100 * value[1])}\u00a0%"


def share(value: float | None) -> str:
    """A share in per cent."""
    return NONE if value is None else percent(value)


def strictness(a: Agreement) -> str:
    """How much stricter than the text the grades are, in words."""
    if a.severity is None:
        return NONE
    word = "strängare" if a.severity > 0 else "mildare" if a.severity < 0 else "lika"
    return f"{number(abs(a.severity))} steg {word}" if a.severity else word
