"""Why a stated grade and its text agree or not, in Swedish, made from the decision itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.catalogue import Catalogue
from pipeline.grading import Policy
from pipeline.grading.words import STATUS, listed, percent, quote
from pipeline.report import SHORTFALLS, AreaDraft, CriterionDecision, Draft

_MOST = 3  # criteria named
_WORDING = 90  # characters of a criterion's wording
_KINDS = {
    "F": ("föreskrift", "föreskrifter"),
    "R": ("allmänt råd", "allmänna råd"),
    "K": ("indikator", "indikatorer"),
}


@dataclass(frozen=True, slots=True)
class Question:
    """An area's draft against its stated grade before the plan; `last` is the grade after it."""

    letter: str
    area: AreaDraft
    stated: str
    last: str
    unanswered: tuple[str, ...] = ()


def reason(q: Question, draft: Draft, catalogue: Catalogue, policy: Policy) -> tuple[str, tuple[int, ...]]:
    """(why, ids of the sentences that it rests on)."""
    order = policy.grades
    texts = {s.id: s.text for s in draft.sentences}
    gap = order.index(q.area.suggested_grade) - order.index(q.stated)
    if gap > 0:
        text, ids = _too_good(q, texts, catalogue, policy)
    elif gap < 0:
        text, ids = _too_bad(q, texts, catalogue, policy)
    else:
        text, ids = _agree(q, catalogue, policy)
    return " ".join([text, *_more(q)]), tuple(dict.fromkeys(ids))


def _share(q: Question, grade: str) -> str:
    return percent(float(q.area.probabilities.get(grade, 0.0)))


def speaking_for(q: Question, grade: str, catalogue: Catalogue, policy: Policy) -> list[CriterionDecision]:
    """The decisions that give the area a grade worse than `grade`: each by itself, or else all together."""
    order = policy.grades

    def worse(decisions: Sequence[CriterionDecision]) -> bool:
        got = policy.grade_of(q.letter, {c.id: c.status for c in decisions}, catalogue)
        return order.index(got) > order.index(grade)

    def order_of(c: CriterionDecision) -> tuple[int, bool, float]:
        return list(catalogue.levels).index(levels[c.id]), c.status != "unmet", -c.probability

    short = [c for c in q.area.criteria if c.status in SHORTFALLS and c.id in catalogue.by_id]
    levels = {c.id: catalogue.by_id[c.id].level for c in short}
    single = [c for c in short if worse([c])]
    if single or not worse(short):
        return sorted(single, key=order_of)
    least = [c for c in short if levels[c.id] == list(catalogue.levels)[-1]]
    return sorted(least if worse(least) else short, key=order_of)


def _named(decisions: Sequence[CriterionDecision], texts: dict[int, str], catalogue: Catalogue) -> str:
    out = []
    for c in decisions[:_MOST]:
        wording = short_wording(catalogue.by_id[c.id].text)
        said = (
            f", mening {c.evidence[0]} {quote(texts[c.evidence[0]])}"
            if c.evidence and c.evidence[0] in texts
            else ""
        )
        out.append(f"{c.id} ({wording}; {STATUS[c.status]}, {percent(c.probability)}{said})")
    rest = len(decisions) - _MOST
    return "; ".join(out) + (f"; och {rest} till" if rest > 0 else "")


def short_wording(text: str) -> str:
    """A criterion's wording as it is named in a reason: cut at a word where it is long."""
    text = text.rstrip(".")
    return text if len(text) <= _WORDING else text[:_WORDING].rsplit(" ", 1)[0].rstrip(",;:(") + " …"


def _counted(decisions: Sequence[CriterionDecision], catalogue: Catalogue) -> str:
    """«2 föreskrifter inte uppfylls och 1 allmänt råd bara delvis uppfylls»."""
    parts = []
    for level, words in _words(catalogue).items():
        its = [c for c in decisions if catalogue.by_id[c.id].level == level]
        for status, how in (("unmet", "inte uppfylls"), ("partly", "bara delvis uppfylls")):
            if n := sum(c.status == status for c in its):
                parts.append(f"{n} {words[n != 1]} {how}")
    return listed(parts)


def _words(catalogue: Catalogue) -> dict[str, tuple[str, str]]:
    return {k: _KINDS.get(k, (name.lower(), name.lower())) for k, name in catalogue.levels.items()}


def _too_good(
    q: Question, texts: dict[int, str], catalogue: Catalogue, policy: Policy
) -> tuple[str, list[int]]:
    suggested = q.area.suggested_grade
    against = speaking_for(q, q.stated, catalogue, policy)
    if not against:
        return (
            f"Graderat {q.stated} fastän texten sammantaget talar för {suggested} ({_share(q, suggested)}, mot "
            f"{_share(q, q.stated)} för {q.stated}); inget enskilt kriterium avgör.",
            [i for c in q.area.criteria for i in c.evidence[:1]],
        )
    ids = [i for c in against for i in c.evidence]
    return (
        f"Graderat {q.stated} fastän {_counted(against, catalogue)} enligt texten: "
        f"{_named(against, texts, catalogue)}. Texten talar för {suggested} ({_share(q, suggested)}).",
        ids,
    )


def _too_bad(
    q: Question, texts: dict[int, str], catalogue: Catalogue, policy: Policy
) -> tuple[str, list[int]]:
    suggested = q.area.suggested_grade
    better = policy.grades[policy.grades.index(q.stated) - 1]
    for_it = speaking_for(q, better, catalogue, policy)
    told = speaking_for(q, policy.grades[0], catalogue, policy)
    tail = f" Texten talar för {suggested} ({_share(q, suggested)})."
    if for_it:  # told, but the text as a whole is not sure enough of it
        return (
            f"Graderat {q.stated}, och texten kan läsas så: {_named(for_it, texts, catalogue)}. Sammantaget talar den "
            f"mer för {suggested} ({_share(q, suggested)}, mot {_share(q, q.stated)} för {q.stated}).",
            [i for c in for_it for i in c.evidence],
        )
    if told:
        return (
            f"Graderat {q.stated} fastän {_lacking(q.stated, policy)}. Det som berättas är "
            f"{_named(told, texts, catalogue)}.{tail}",
            [i for c in told for i in c.evidence],
        )
    met = [c for c in q.area.criteria if c.status not in SHORTFALLS]
    said = listed([c.id for c in met[:_MOST]])
    good = f"; {said} sägs vara {'uppfyllt' if len(met) == 1 else 'uppfyllda'}" if met else ""
    return (
        f"Graderat {q.stated} fastän ingen brist i området hittas i texten{good}.{tail}",
        [i for c in met for i in c.evidence[:1]],
    )


def _lacking(stated: str, policy: Policy) -> str:
    """What a text under this grade should tell and does not."""
    rule = next((r for r in policy.rules if r.grade == stated), None)
    levels = {(c.level, c.at) for c in rule.any} if rule else set()
    if levels == {("F", "unmet")}:
        return "programmet inte hittar att texten berättar om en föreskrift som inte följs"
    return "programmet inte hittar brister i texten som ger det betyget"


def _agree(q: Question, catalogue: Catalogue, policy: Policy) -> tuple[str, list[int]]:
    best = policy.grades[0]
    against = speaking_for(q, best, catalogue, policy) if q.stated != best else []
    why = f": {', '.join(c.id for c in against[:_MOST])}" if against else ""
    return (
        f"Texten stöder graderingen {q.stated} ({_share(q, q.stated)}){why}.",
        [i for c in against for i in c.evidence],
    )


def _more(q: Question) -> list[str]:
    out = []
    if q.unanswered:
        out.append(
            f"Omgraderat till {q.last}, men handlingsplanen nämner inte {listed(q.unanswered)}, som texten talar om."
        )
    if not q.area.has_text:
        out.append("Området saknar egen text i rapporten, så jämförelsen säger lite.")
    elif q.area.abstain and q.area.reason:
        out.append(f"Förslaget är osäkert: {q.area.reason}")
    return out
