"""The decision in words, made from the decision itself: what decides the grade, what speaks against, what
would move it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pipeline.grading.judge import Judge, Verdict
from pipeline.grading.words import STATUS, listed, percent, quote
from pipeline.report import SHORTFALLS, CriterionDecision, Sentence

_DECIDES = 0.05  # least fall in probability for a criterion to be told of
_MOST = 4  # criteria told of
_SENTENCES = 2  # sentences quoted for and against each


def explanation(
    verdict: Verdict, criteria: Sequence[CriterionDecision], sentences: Sequence[Sentence]
) -> str:
    """Why the area gets its suggestion, with levels, sentences, and what speaks against."""
    judge, suggested = verdict.judge, verdict.suggested
    head = f"{suggested} föreslås ({percent(verdict.probabilities[suggested])})"
    by_id = {c.id: c for c in criteria}
    texts = {s.id: s.text for s in sentences}
    practice = _practice(judge, suggested, criteria)
    if suggested == judge.scale[0]:
        return f"{head}: {_nothing_wrong(judge, criteria)}{_exceptions(criteria)}{practice}"
    order = judge.decides(verdict.status, suggested)
    deciding = [(c, f) for c, f in order[:_MOST] if f >= _DECIDES] or order[:1]
    parts = [_criterion(verdict, c, by_id, texts) for c, _ in deciding]
    rest = sum(f >= _DECIDES for _, f in order) - len(deciding)
    more = f" Ytterligare {rest} kriterier bidrar." if rest > 0 else ""
    return f"{head}{_because(judge, suggested)}. Avgörande: {' '.join(parts)}{more}{practice}"


def _practice(judge: Judge, suggested: str, criteria: Sequence[CriterionDecision]) -> str:
    """Says so where the practice that was learnt makes the suggestion better than the scale's wording would."""
    if not judge.policy.layer.counted:
        return ""
    statuses = {c.id: c.status for c in criteria}
    ruled = judge.policy.grade_of(judge.area, statuses, judge.catalogue)
    if judge.policy.grades.index(ruled) <= judge.policy.grades.index(suggested):
        return ""
    return (
        f" Efter skalans ordalydelse blir betyget {ruled}; förslaget följer hur inspektörerna bakom rapporterna "
        "som betygslagret är anpassat till har graderat."
    )


def _because(judge: Judge, suggested: str) -> str:
    """What the grade means, where one rule of the policy gives it in this area."""
    rules = [r for r in judge.policy.rules if judge.policy.on_scale(r.grade, judge.scale) == suggested]
    rules = [r for r in rules if any(judge.catalogue.areas[judge.area].at(c.level) for c in r.any)]
    return f": {rules[0].because}" if len(rules) == 1 and rules[0].because else ""


def _nothing_wrong(judge: Judge, criteria: Sequence[CriterionDecision]) -> str:
    met = sum(c.status == "met" for c in criteria)
    total = len(judge.criteria)
    if not criteria:
        return "texten tar inte upp något av områdets kriterier, och tystnad räknas som uppfyllt."
    silent = total - len(criteria)
    tail = f"; om {silent} är texten tyst, vilket räknas som uppfyllt" if silent else ""
    return f"{met} av områdets {total} kriterier bedöms som uppfyllda{tail}."


def _exceptions(criteria: Sequence[CriterionDecision]) -> str:
    short = [c for c in criteria if c.status in SHORTFALLS]
    if not short:
        return ""
    told = listed([f"{c.id} ({STATUS[c.status]}, mening {listed(c.evidence)})" for c in short])
    return f" Undantag som inte ändrar betyget: {told}."


def _criterion(
    verdict: Verdict, c: int, by_id: Mapping[str, CriterionDecision], texts: Mapping[int, str]
) -> str:
    judge, status = verdict.judge, verdict.status
    criterion = judge.criteria[c]
    level = judge.catalogue.levels.get(criterion.level, criterion.level)
    name = f"{criterion.id} ({level}: {criterion.text.rstrip('.')})"
    decision = by_id.get(criterion.id)
    if decision is None or decision.status not in SHORTFALLS:
        return f"{name} är osäkert, sannolikhet för brist {percent(float(status[c, 1:].sum()))}."
    told = f"{name} bedöms som {STATUS[decision.status]} ({percent(decision.probability)})"
    out = f"{told} enligt {_sentences(decision.evidence, texts)}."
    return f"{out} Emot talar {_sentences(decision.against, texts)}." if decision.against else out


def _sentences(ids: Sequence[int], texts: Mapping[int, str]) -> str:
    told = "; ".join(f"mening {i} {quote(texts[i])}" for i in ids[:_SENTENCES])
    return f"{told} och {len(ids) - _SENTENCES} till" if len(ids) > _SENTENCES else told


def counterfactual(verdict: Verdict) -> str:
    """The smallest change of criteria that would move the suggestion, for the better, else for the worse."""
    judge, status = verdict.judge, verdict.status
    names = [c.id for c in judge.criteria]
    if relief := judge.smallest_relief(status, verdict.suggested):
        changed, better = relief
        met = "uppfyllt" if len(changed) == 1 else "uppfyllda"
        return f"Om {listed([names[c] for c in changed])} vore {met} skulle förslaget bli {better}."
    if fall := judge.nearest_fall(status, verdict.suggested):
        c, then, worse = fall
        now = percent(float(status[c, 1:].sum()))
        return f"Om {names[c]} vore {STATUS[then]} (nu {now} för en brist) skulle förslaget bli {worse}."
    return "Ingen ändring av ett enskilt kriterium skulle ändra förslaget."
