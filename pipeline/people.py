"""Names of people in reports: found by what stands around them, never by lists of names, and hidden with the role kept.

The cover names its inspectors. Elsewhere a name is capitalised words that follow a role or title («studierektor Anna
Ek»), that a role follows («Anna Ek, verksamhetschef»), or two and more in a row that are written with a small letter
nowhere. What belongs to the cover's unit, place or specialty is no name. A rule hides too much sooner than
too little; what it hid is told, so that a person can look.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import yaml

from pipeline.language import LOWER, UPPER
from pipeline.report import Facts, Report, Sentence
from pipeline.resources import assets

NN = "NN"
_LEAST = 3  # characters of a name that is hidden where it stands alone
_WORD = rf"[{UPPER}][{LOWER}]+(?:-[{UPPER}][{LOWER}]+)*"
_NAME = rf"{_WORD}(?: +(?:(?:von|af|de|van|der) +)?(?:[{UPPER}]\. *)?{_WORD}){{0,3}}"
_LOWER_WORD = re.compile(rf"(?<![\w-])[{LOWER}][{LOWER}-]+")
_PLAIN: Mapping[str, re.Pattern[str]] = {
    "[e-post]": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "[personnummer]": re.compile(r"(?<!\d)(?:19|20)?\d{6}[-+]\d{4}(?!\d)"),
    "[telefon]": re.compile(
        r"(?<![\d-])(?:\+46|0)[\s-]?\d{1,3}[\s/-]{1,3}\d{2,3}(?:[\s-]?\d{2,3}){1,3}(?!\d)"
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A name and the rule that told it: cover, role, apposition or row."""

    name: str
    rule: str


@dataclass(frozen=True, slots=True)
class Masked:
    """What was hidden in one sentence of a report."""

    report: str
    sentence: int
    words: str
    replacement: str
    rule: str


@dataclass(frozen=True)
class _Patterns:
    role: str
    titles: frozenset[str]
    after: re.Pattern[str]
    before: re.Pattern[str]
    row: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    raw = yaml.safe_load((assets("configs") / "language" / "sv.yaml").read_text(encoding="utf8"))
    endings = "|".join(sorted(str(raw["roles"]).split(), key=len, reverse=True))
    titles = str(raw["titles"]).split()
    inflected = r"(?:e?n|a|er|or|ar|erna|orna|arna|na)?s?"
    role = rf"(?i:[\w-]*(?:{endings}){inflected})"
    title = "|".join(re.escape(t) for t in sorted(titles, key=len, reverse=True))
    opener = rf"(?<![\w-])(?:{role}|(?:{title}))"
    gap = rf"(?P<gap> *[,:(] *| +)(?:(?:är|heter) +)?(?:(?:{title}) +)*"
    return _Patterns(
        role,
        frozenset(t.lower().rstrip(".") for t in titles),
        re.compile(rf"{opener}{gap}(?P<name>{_NAME})"),
        re.compile(rf"(?<![\w-])(?P<name>{_NAME}) *(?:,|\(|\bsom är\b) *(?:[{LOWER}]+ +)?{role}(?![\w-])"),
        re.compile(rf"(?<![\w-])(?P<name>{_WORD}(?: +{_WORD})+)"),
    )


@cache
def _stop_words() -> frozenset[str]:
    from spacy.lang.sv.stop_words import STOP_WORDS  # noqa: PLC0415  spaCy only where names are sought

    return frozenset(STOP_WORDS)


def small_words(texts: Iterable[str]) -> frozenset[str]:
    """Words that texts write with a small letter: in other places a capital doesn't make names of them."""
    return frozenset(w for t in texts for w in _LOWER_WORD.findall(t))


def _base(word: str) -> str:
    word = word.lower()
    return word[:-1] if word.endswith("s") and len(word) > _LEAST else word


def _is_role(word: str) -> bool:
    return word.lower().rstrip(".") in _patterns().titles or bool(re.fullmatch(_patterns().role, word))


def _parts(name: str, other: frozenset[str]) -> list[str]:
    """The words of a would-be name without those at its ends that are none."""
    words = name.split()

    def no_name(w: str) -> bool:
        return w.lower() in other or _base(w) in other or _is_role(w)

    while words and no_name(words[0]):
        words.pop(0)
    cut = next((i for i, w in enumerate(words) if w[:1].isupper() and no_name(w)), len(words))
    return words[:cut]


def _told(report: Report, sentences: Sequence[Sentence]) -> list[str]:
    """What people write of people: sentences, and who answers for what in the action plan."""
    plan = (w for e in report.action_plan for w in (e.action, e.responsible, e.follow_up_responsible) if w)
    return [*(s.text for s in sentences), *plan]


def names(
    texts: Sequence[str], facts: Facts | None = None, common: frozenset[str] = frozenset()
) -> tuple[Found, ...]:
    """Names of people in a report's sentences, each once, longest first; `common`: words that are no names
    (`small_words` of as many reports as are at hand)."""
    facts, p = facts or Facts(), _patterns()
    place = " ".join(filter(None, (facts.unit, facts.place, facts.specialty))).lower()
    other = common | small_words(texts) | _stop_words() | frozenset(re.findall(r"[\w-]+", place))
    found = dict.fromkeys(facts.inspectors, "cover")
    for rule, pattern, least in (("role", p.after, 1), ("apposition", p.before, 2), ("row", p.row, 2)):
        for m in (m for t in texts for m in pattern.finditer(t)):
            words = _parts(m["name"], other)
            enough = least if rule != "role" or not m["gap"].strip() else 2
            if len(words) >= enough and any(len(w) >= _LEAST for w in words):
                found.setdefault(" ".join(words), rule)
    return tuple(Found(n, r) for n, r in sorted(found.items(), key=lambda x: (-len(x[0]), x[0])))


def hide(text: str, hidden: Mapping[str, str], other: frozenset[str] = frozenset()) -> str:
    """`text` with whole names replaced ({name: replacement}), and first and family names where they stand alone with a
    capital letter, but for words that are `other` than names."""
    for name, instead in sorted(hidden.items(), key=lambda x: -len(x[0])):
        words = r"\s+".join(map(re.escape, name.split()))
        text = re.sub(rf"(?<!\w){words}(?=s?(?!\w))", instead, text, flags=re.IGNORECASE)
        for part in name.split():
            alone = len(part) >= _LEAST and part[:1].isupper() and part.lower() not in other
            if alone and not _is_role(part):
                text = re.sub(rf"(?<!\w){re.escape(part)}(?=s?(?!\w))", instead, text)
    return text


def pseudonymise(
    report: Report, sentences: Sequence[Sentence], common: frozenset[str] = frozenset(), name: str = ""
) -> tuple[list[str], list[Masked]]:
    """The texts of a report's sentences with NN for every name («studierektor NN»), and what was hidden where."""
    told = _told(report, sentences)
    found, other = names(told, report.facts, common), common | small_words(told) | _stop_words()
    texts, masked = [], list[Masked]()
    for s in sentences:
        text = s.text
        for f in found:
            changed = hide(text, {f.name: NN}, other)
            if changed != text:
                masked.append(Masked(name, s.id, f.name, NN, f.rule))
                text = changed
        for instead, pattern in _PLAIN.items():
            for m in pattern.finditer(text):
                masked.append(Masked(name, s.id, m.group(), instead, "pattern"))
            text = pattern.sub(instead, text)
        texts.append(text)
    return texts, masked
