"""The fixed words of the report templates, read from `configs/parsing/template-sv.yaml`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from pipeline.resources import assets

_LETTERS = re.compile(r"[\W_]+")


def letters(text: str) -> str:
    """Letters and digits only, case-folded: what survives wraps, bullets and typography."""
    return _LETTERS.sub("", text).casefold()


def _by_letters(groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    return {letters(word): key for key, many in groups.items() for word in many}


@dataclass(frozen=True)
class Template:
    """Word → role, words as `letters` gives them."""

    lists: Mapping[str, str]
    parts: Mapping[str, str]
    levels: Mapping[str, str]
    scale: frozenset[str]
    table: frozenset[str]
    contents: frozenset[str]
    lists_heading: frozenset[str]
    phrases: tuple[str, ...]
    titles: tuple[str, ...]
    title_tails: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]  # kind of review → its words
    cover: Mapping[str, str]
    regulations: re.Pattern[str]
    page: re.Pattern[str]
    grades: Mapping[str, tuple[str, ...]]
    plan_headings: frozenset[str]
    plan_labels: Mapping[str, str]
    plan_words: tuple[tuple[str, str], ...]  # label as written, field; longest first
    months: Mapping[str, int]


def _page(words: Iterable[str]) -> re.Pattern[str]:
    word = "|".join(map(re.escape, words))
    return re.compile(
        rf"[-–\s]*(?P<word>(?:{word})\.?\s*)?\d{{1,3}}\s*(?:\(\s*\d{{1,3}}\s*\)|(?P<of>av|of|/)\s*\d{{1,3}})?[-–\s]*",
        re.I,
    )


def _template(raw: Mapping[str, Any]) -> Template:
    labels = raw["plan"]["labels"]
    words = [(word, key) for key, many in labels.items() for word in many]
    return Template(
        lists=_by_letters(raw["lists"]),
        parts=_by_letters(raw["parts"]),
        levels=_by_letters(raw["levels"]),
        scale=frozenset(map(letters, raw["scale"])),
        table=frozenset(map(letters, raw["table"])),
        contents=frozenset(map(letters, raw["contents"])),
        lists_heading=frozenset(map(letters, raw["lists_heading"])),
        phrases=tuple(raw["phrases"]),
        titles=tuple(raw["titles"]),
        title_tails=tuple(raw["title_tails"]),
        kinds={k: tuple(v) for k, v in raw["kinds"].items()},
        cover=_by_letters(raw["cover"]),
        regulations=re.compile("|".join(raw["regulations"]), re.I),
        page=_page(raw["page"]),
        grades={k: tuple(v) for k, v in raw["grades"].items()},
        plan_headings=frozenset(map(letters, raw["plan"]["headings"])),
        plan_labels=_by_letters(labels),
        plan_words=tuple(sorted(words, key=lambda w: -len(w[0]))),
        months={m: n for n, m in enumerate(raw["months"], 1)},
    )


@cache
def template() -> Template:
    """The template's words, read once."""
    path = assets("configs") / "parsing" / "template-sv.yaml"
    return _template(yaml.safe_load(path.read_text(encoding="utf8")))
