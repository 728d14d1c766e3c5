"""Ticked signs in the text: [x], ☒, ✓, a filled circle among empty ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pipeline.report import Line

TICKED = "☑☒✓✔✅✗✘✕✖⊠⌧🗸🗹🗷❎"
EMPTY = "☐□○◯❏❐❑❒❍▢⬜◻◌"
FILLED = "●■◉⦿◼⬛▣"
NEIGHBOURS = 8  # lines to either side that belong to the same scale
_BOXED = rf"\[\s?[xX✓✔]\s?\]|\([xX]\)|[{TICKED}]"
_TICK = rf"(?:{_BOXED}|[xX](?!\S))"
_STARTS = re.compile(rf"^{_TICK}")
_ENDS = re.compile(rf"(?:{_BOXED}|\s[xX])$")
_ALONE = re.compile(rf"^(?:{_TICK}|[{FILLED}])$")


def is_ticked(text: str) -> bool:
    """Whether a line starts or ends with a ticked sign ([x], (x), a lone X, ☒, ☑, ✓, ✗)."""
    text = text.strip()
    return bool(_STARTS.match(text) or _ENDS.search(text))


def odd_ones(states: Sequence[bool | None]) -> list[bool]:
    """Which filled signs stand out: `states` has True (filled), False (empty) or None (no sign) a line.

    Filled counts where an empty one stands within NEIGHBOURS lines, or where it is the only sign there:
    a run of filled ones without an empty one is a list's bullets.
    """
    out = []
    for i, state in enumerate(states):
        near = [*states[max(0, i - NEIGHBOURS) : i], *states[i + 1 : i + 1 + NEIGHBOURS]]
        out.append(state is True and (False in near or True not in near))
    return out


def _state(text: str) -> bool | None:
    """Filled, empty, or no such sign at a line's start or end."""
    text = text.strip()
    for end in (text[:1], text[-1:]):
        if end and end in FILLED:
            return True
        if end and end in EMPTY:
            return False
    return False if text.startswith(("[ ]", "[]", "( )")) else None


def mark_signs(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with `marked` set where the text itself shows a ticked sign.

    A ticked sign alone in a table's cell marks the whole row.
    """
    states = [_state(line.text) for line in lines]
    filled = [
        s is True and False in states[max(0, i - NEIGHBOURS) : i + 1 + NEIGHBOURS]
        for i, s in enumerate(states)
    ]
    ticked = [f or is_ticked(line.text) for f, line in zip(filled, lines, strict=True)]
    rows = {
        line.cell[:2]
        for line, t in zip(lines, ticked, strict=True)
        if line.cell and (line.marked or (t and _ALONE.match(line.text.strip())))
    }
    return tuple(
        replace(line, marked=True) if line.text and (t or (line.cell and line.cell[:2] in rows)) else line
        for line, t in zip(lines, ticked, strict=True)
    )
