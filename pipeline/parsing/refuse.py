"""Whether a document is the review of a unit at all, and of the kind that the catalogue is for."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from pipeline.catalogue import Catalogue
from pipeline.parsing.rows import Row
from pipeline.report import SpurError

SHORT = 40  # letters that make a narrative
HINT = "kontrollera att det är en granskningsrapport med områdena {first}–{last}"


def check(
    rows: Sequence[Row], narratives: Mapping[str, int], items: Collection[str], catalogue: Catalogue
) -> None:
    """Raises SpurError, in Swedish, where the rows are not a report that can be graded with the catalogue.

    `narratives`: letters of running text by area; `items`: the lists that have items.
    """
    _kind(rows, catalogue)
    told = [a for a, n in narratives.items() if n >= SHORT]
    criteria = len({r.standing for r in rows if r.standing in catalogue.by_id})
    scales = len({r.section for r in rows if r.role == "scale"})
    frame = len(items) >= 2 or criteria >= 5 or scales >= 2
    many = len(told) >= 6 and sum(narratives.values()) >= 250 * len(told)
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


def _kind(rows: Sequence[Row], catalogue: Catalogue) -> None:
    """Reports of another kind say so in their title, or speak of nothing else."""
    if not catalogue.other_kinds:
        return
    head = " ".join(r.text for r in rows[:40] if r.role in ("cover", "other", None)).lower()
    whole = " ".join(r.text for r in rows).lower()
    own = rf"\b{catalogue.kind.lower()}-|specialiseringstjänstgöring|\b{catalogue.kind.lower()}\b"
    for other in catalogue.other_kinds:
        word = re.escape(other.lower())
        titled = re.search(rf"\b{word}\b", head) and not re.search(own, head)
        everywhere = len(re.findall(rf"\b{word}", whole)) > max(4, 3 * len(re.findall(own, whole)))
        if titled or everywhere:
            raise SpurError(
                f"rapport av annat slag ({other}): den kan inte bedömas med {catalogue.name}; "
                "ange rätt kriteriekatalog med --catalogue"
            )
