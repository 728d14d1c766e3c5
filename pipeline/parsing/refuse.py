"""Whether a document is the review of a unit at all, and of the kind that the catalogue is for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from pipeline.catalogue import Catalogue
from pipeline.parsing.rows import Row
from pipeline.parsing.template import Template
from pipeline.report import SpurError

SHORT = 40  # letters that make a narrative
HINT = "kontrollera att det är en granskningsrapport med områdena {first}–{last}"


def check(
    rows: Sequence[Row],
    narratives: Mapping[str, int],
    items: Collection[str],
    catalogue: Catalogue,
    t: Template,
) -> None:
    """Raises SpurError, in Swedish, where the rows are not a report that can be graded with the catalogue.

    `narratives`: letters of running text by area; `items`: the lists that have items.
    """
    _kind(rows, catalogue, t)
    told = [a for a, n in narratives.items() if n >= SHORT]
    criteria = len({r.standing for r in rows if r.standing in catalogue.by_id})
    scales = len({r.section for r in rows if r.role == "scale" or (r.head and r.head.kind == "scale")})
    # Criteria with comments, but without any grading or lists, are a questionnaire.
    asked = criteria >= 5 and not scales and not items
    frame = len(items) >= 2 or (criteria >= 5 and not asked) or scales >= 2
    many = not asked and len(told) >= 6 and sum(narratives.values()) >= 250 * len(told)
    if len(told) >= 2 and (frame or many):
        return
    if told and criteria + 2 * scales >= 4 and frame:
        return
    names = list(catalogue.areas)
    hint = HINT.format(first=names[0], last=names[-1])
    if not told:
        raise SpurError(
            f"inte en SPUR-rapport: inget av områdena {names[0]}–{names[-1]} har någon text; {hint}"
        )
    raise SpurError(
        f"inte en SPUR-rapport: {len(told)} av {len(names)} områden hittades, men varken listor med styrkor och svagheter, "
        f"bedömningskriterier eller gradering; {hint}"
    )


def _count(words: Iterable[str], text: str) -> int:
    return sum(len(re.findall(rf"\b{re.escape(w.lower())}", text)) for w in words)


def _kind(rows: Sequence[Row], catalogue: Catalogue, t: Template) -> None:
    """Reports of another kind say so in their title, or speak of little else."""
    own = t.kinds.get(catalogue.kind, (f"{catalogue.kind}-",))
    others = {k: words for k, words in t.kinds.items() if k != catalogue.kind}
    others |= {word: (word,) for word in catalogue.other_kinds}
    title = " ".join(r.text for r in rows[:40] if r.role == "cover" or r.furniture).lower()
    whole = " ".join(r.text for r in rows if r.standing is None).lower()
    for other, words in others.items():
        titled = _count(words, title) and not _count(own, title)
        everywhere = _count(words, whole) > max(4, 3 * _count(own, whole))
        if everywhere or (titled and _count(words, whole) > _count(own, whole)):
            raise SpurError(
                f"rapport av annat slag ({other}): den kan inte bedömas med katalogen {catalogue.name}; "
                "ange rätt kriteriekatalog med --catalogue"
            )
