"""Grades that the file tells: regrade remarks in narratives, «Gradering: B», and marks on the printed scale."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.catalogue import Catalogue
from pipeline.parsing.rows import Row
from pipeline.parsing.template import Template
from pipeline.report import StatedGrade

_GRADE = r"[\"”'«(]?([A-D])[\"”'»)]?(?![\w.]*[A-Za-zåäö0-9-])"
_FROM_TO = re.compile(
    rf"(?:från\s+)?(?:\w+\s+)?{_GRADE}\s*(?:→|->|=>|–>|(?:\w+\s+){{0,4}}?till\s+(?:gradering(?:en)?\s+|graden\s+)?){_GRADE}"
)
_TO = re.compile(
    rf"(?:till|som|nu|blir|är|:)\s+(?:en\s+|ett\s+)?(?:grad(?:en|ering(?:en)?)?\s+|betyg(?:et)?\s+)?{_GRADE}"
)
_ANY = re.compile(rf"(?<![\w-]){_GRADE}(?![-:])")
_SCALE = re.compile(r"\bA\W+B\W+(?:C\W+)?D\b")  # the letters to choose from, not a grade
_TICKED = re.compile(r"[☒☑✓✔✗✘■●◉▣⬛]|[\[(]\s?[xX✓✔]\s?[\])]|[xX](?=\s+[A-D][.):\s])")


@dataclass(frozen=True)
class Told:
    """A grade that a text tells, and the one before, where a change is told."""

    grade: str
    before: str | None
    changed: bool


def _has(text: str, stems: Collection[str]) -> bool:
    return any(s in text for s in stems)


def remark(sentences: Sequence[str], t: Template) -> Told | None:
    """The last grade that the sentences of a narrative tell, with the one before it."""
    told: Told | None = None
    breach, answered = False, False
    g = t.grades
    for sentence in sentences:
        low = re.sub(r"\d+[- ]?grad\w*", "", f" {sentence.lower()} ")  # «360-graders»
        breach = breach or (_has(low, g["breach"]) and _has(low, g["binding"]))
        before, answered = answered, _has(low, g["plans"]) and _has(low, g["came"])
        letters = _ANY.findall(sentence)
        if _SCALE.search(sentence):
            continue
        if not letters or not _has(low, (*g["about"], *g["change"], *g["stay"])) or _has(low, g["earlier"]):
            continue
        if not _has(low, g["about"]) and not _FROM_TO.search(sentence) and not _has(low, g["stay"]):
            continue
        after = before or answered or _has(low, g["answer"])
        found = _read(sentence, low, letters, breach, after, t)
        told = _follow(told, found) if found else told
    return told


def _follow(told: Told | None, found: Told) -> Told:
    """A later remark after an earlier one: «Området graderas D.», then «… ändrad till C»."""
    if told is None or found.before or not found.changed:
        return found
    return Told(found.grade, told.grade, True)


def _read(
    sentence: str, low: str, letters: Sequence[str], breach: bool, after: bool, t: Template
) -> Told | None:
    """What one sentence tells. `breach`: a breach has been told; `after`: that something came in after the review."""
    g = t.grades
    if _has(low, g["stay"]):
        return Told(letters[-1], letters[-1], False)
    done = rf"\b(?:är|har|ändras|blir)\s+(?:\w+\s+)?(?:{'|'.join(g['change'])}|{_GRADE})"
    if _has(low, g["condition"]) and not re.search(done, low, re.I):
        return None
    if _has(low, g["change"]) or "→" in sentence or "->" in sentence:
        if m := _FROM_TO.search(sentence):
            return Told(m.group(2), m.group(1), True)
        to = _TO.findall(sentence)
        grade = to[-1] if to else letters[-1]
        others = [x for x in letters if x != grade]
        before = others[0] if others else ("D" if grade == "C" or breach else None)
        return Told(grade, before, True)
    to = _TO.findall(sentence)
    if not to and len(letters) > 1:
        return None
    grade = (to or letters)[-1]
    regraded = grade == "C" and after  # a plan is asked for, and answered with C, only where the grade was D
    return Told(grade, "D" if regraded else None, regraded)


def _marks(rows: Sequence[Row]) -> str | None:
    """The grade whose line of a scale is marked: a tick, else bold or colour on that line alone."""
    lines: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.standing and row.standing.startswith("scale:"):
            lines[row.standing[6:]].append(row)
    tests: tuple[Callable[[Row], bool], ...] = (
        lambda r: r.line.marked or _TICKED.search(r.text) is not None,
        lambda r: r.line.bold,
        lambda r: r.line.colour is not None,
    )
    for n, test in enumerate(tests):
        marked = [g for g, some in lines.items() if any(test(r) for r in some)]
        if len(marked) == 1 and len(lines) > 1:
            return marked[0]
        if marked and n == 0:  # several are ticked: the file does not say
            return None
    return None


def stated(
    rows: Sequence[Row],
    sentences: Mapping[str, Sequence[str]],
    planned: Collection[str],
    catalogue: Catalogue,
    t: Template,
) -> dict[str, StatedGrade]:
    """What the file tells of each area. `sentences`: narrative sentences by area; `planned`: areas in the action plan."""
    scales: dict[str, list[Row]] = defaultdict(list)
    headings: dict[str, str] = {}
    for row in rows:
        if row.role == "scale" and row.section:
            scales[row.section].append(row)
        if row.head and row.head.grade and row.section:
            headings[row.section] = row.head.grade
    extra = _printed_c(scales, planned, catalogue)
    out = {}
    for area in catalogue.areas:
        said = sentences.get(area, ())
        marked = _marks(scales[area]) or headings.get(area)
        told = remark(said, t) or (Told("C", "D", True) if area in extra else None)
        out[area] = _combine(bool(said), told, marked)
    return out


def _combine(has_text: bool, told: Told | None, marked: str | None) -> StatedGrade:
    if told is None:
        return StatedGrade(has_text, marked, marked)
    before = told.before
    if told.changed and before is None:
        before = marked if marked != told.grade else None
    return StatedGrade(has_text, told.grade, before if told.changed else told.before or told.grade)


def _printed_c(
    scales: Mapping[str, Sequence[Row]], planned: Collection[str], catalogue: Catalogue
) -> set[str]:
    """Areas without råd whose printed scale has a C line, which is printed only after a regrade.

    Not where a template prints it in every area: then it tells nothing, unless the area is in the action plan.
    """
    without = [a for a in catalogue.areas if "C" not in catalogue.scale(a) and scales.get(a)]
    printed = {a for a in without if any(r.standing == "scale:C" for r in scales[a])}
    if len(without) > 1 and len(printed) < len(without):
        return printed
    return {a for a in printed if a in planned}
