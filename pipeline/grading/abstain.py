"""When a suggestion should not be trusted, and why, in Swedish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.grading.decisions import Case
from pipeline.grading.judge import Verdict
from pipeline.grading.layer import Layer
from pipeline.grading.words import listed, percent
from pipeline.report import SHORTFALLS, STATUSES


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to abstain, and grades that it makes possible beside the conformal set."""

    reason: str
    grades: tuple[str, ...] = ()


def unsure(probabilities: Mapping[str, float], suggested: str, layer: Layer) -> str | None:
    """The likeliest grade beside the suggested one, where that is not sure enough; None where it is.

    Who abstains for doubt names what the doubt is between, so the rival belongs in the set even where the conformal
    level alone would leave it out.
    """
    if probabilities[suggested] >= layer.decide:
        return None
    return max((g for g in probabilities if g != suggested), key=lambda g: probabilities[g])


def _conflict(verdict: Verdict, case: Case) -> Doubt | None:
    """Sure sentences against each other about a criterion whose status changes the suggestion."""
    judge = verdict.judge
    for c, criterion in enumerate(judge.criteria):
        sure = [x for x in case.found.get(criterion.id, []) if x[1].probability >= judge.policy.conflict]
        short = [case.sentences[i].id for i, f in sure if f.status in SHORTFALLS]
        met = [case.sentences[i].id for i, f in sure if f.status not in SHORTFALLS]
        if not (short and met):
            continue
        worst = max((f.status for _, f in sure), key=STATUSES.index)
        supposed = (judge.suppose(verdict.status, (c, s)) for s in ("met", worst))
        other = {judge.suggestion(judge.distribution(s)) for s in supposed}
        if other - {verdict.suggested}:
            return Doubt(
                f"Texten motsäger sig om {criterion.id}: mening {listed(short)} talar om en brist, "
                f"mening {listed(met)} om att kriteriet är uppfyllt.",
                tuple(other),
            )
    return None


def doubt(verdict: Verdict, case: Case) -> Doubt | None:
    """Why the area's suggestion should not be relied on; None where it may be."""
    judge, policy = verdict.judge, verdict.policy
    own = [s for s in case.sentences if s.section == judge.area]
    if not judge.has_text:
        return Doubt(
            "Området saknar text i rapporten: förslaget bygger på vad andra avsnitt säger och på hur området "
            "brukar bedömas.",
            judge.scale,
        )
    if len(own) < policy.least_sentences or sum(len(s.text) for s in own) < policy.least_characters:
        return Doubt("Området har för lite text för att bedömas.", judge.scale)
    if conflict := _conflict(verdict, case):
        return conflict
    if rival := unsure(verdict.probabilities, verdict.suggested, policy.layer):
        odds = " och ".join(f"{g} {percent(verdict.probabilities[g])}" for g in (verdict.suggested, rival))
        return Doubt(f"Inget betyg är säkert nog: sannolikheten är {odds}.", (rival,))
    return None
