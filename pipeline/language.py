"""Swedish sentences and tokens: boundaries right for SPUR reports, and the same as a spaCy pipeline.

Boundaries are found in the characters, not in tokens, so that offsets are exact and parsing needs no spaCy. `nlp()` gives
the blank-`sv` pipeline whose `doc.sents` are the same sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.report import Report, Sentence
from pipeline.resources import assets

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

UPPER, LOWER = "A-ZÅÄÖÉÜØÆ", "a-zåäöéüøæàèáß"
_CLOSERS = r"[\"”“»’'\)\]]*"
# The end of a sentence before white space or the end, and one glued to the next sentence («slut.Nästa», «två?Kan»).
_END = re.compile(
    rf"(?P<mark>[.!?…]+){_CLOSERS}(?=\s|$)|(?<=[{LOWER}\d\)])(?P<glued>[.!?])(?=[{UPPER}][{LOWER}{UPPER}-])"
)
_SIGN = r"(?:[•▪◦●▶►➢➤‣⁃\ufffd]|\(cid:\d+\))"
_INLINE = re.compile(rf"(?<=\s){_SIGN}\s+")
_HOLLOW = rf"o\s+(?=[{UPPER}\d])"  # the hollow bullet of Word, as extracted text has it
_DASH = re.compile(r"[-–—*·]\s+")
_ENUMERATOR = re.compile(r"\(?(?:\d{1,2}|[a-zåäö]|[ivx]{1,4})[.)]\)?-?")
_OPENERS = "\"”“»«'([–-—*·"
_WORD = re.compile(r"\S+$")
_INITIAL = re.compile(rf"(?:^|[\s(])([{UPPER}])\.$")


@dataclass(frozen=True, slots=True)
class Words:
    """The closed word classes of `configs/language/sv.yaml`, lower-case, abbreviations with their full stops."""

    leading: frozenset[str]
    closing: frozenset[str]
    running: frozenset[str]
    binding: frozenset[str]


@cache
def words() -> Words:
    """The word lists, read once."""
    raw = yaml.safe_load((assets("configs") / "language" / "sv.yaml").read_text(encoding="utf8"))
    return Words(**{k: frozenset(str(raw[k]).split()) for k in ("leading", "closing", "running", "binding")})


def _last_word(text: str) -> str:
    m = _WORD.search(text)
    word = m.group().lstrip("([\"”»'/") if m else ""
    return word[:1].lower() + word[1:] if word[1:].islower() else word


def _abbreviated(before: str, after: str) -> bool:
    """Whether the full stop that ends `before` belongs to an abbreviation, not to a sentence."""
    word = _last_word(before).rpartition("/")[2]
    if word in words().closing or not word:
        return False
    if word in words().leading:
        return not re.search(r"(?:\d\s*|/\s?|\bper |:e )[a-z]{1,3}\.$", before)  # «6 v.», «1 gång/v.»: a unit
    if re.fullmatch(rf"(?:[{LOWER}]{{1,3}}\.){{2,}}", word):  # any other dotted one, «n.n.»
        return True
    if m := _INITIAL.search(before):
        return _initial(before[: m.start()], m.group(1), after)
    return False


def _initial(before: str, letter: str, after: str) -> bool:
    """«A. Andersson» and «Dr. B. Bok», not «… ändrad till C. Verksamheten …»."""
    previous = before.split()[-1:] or [""]
    name_before = previous[0][:1].isupper()
    if letter in "ABCD" and previous[0] and not name_before:
        return False
    return bool(re.match(rf"\s+[{UPPER}]", after)) and (
        name_before or not previous[0] or letter not in "ABCDEFGH"
    )


def _opens(after: str) -> bool:
    """Whether what follows can begin a sentence: a capital, a digit, a bullet, an opening quote, or nothing."""
    rest = after.lstrip()
    lead = rest.lstrip(_OPENERS + " ")
    if not lead:
        return True
    if rest[0] in "-–—*·" and _DASH.match(rest):
        return True
    return lead[0].isupper() or lead[0].isdigit() or not (lead[0].isalnum() or lead[0] in ",;:.!?…/%)")


def _in_brackets(sentence: str, after: str) -> bool:
    """Whether a bracket is open here that closes soon: «(Se bilaga. Även X.)» is one sentence with its host."""
    if sentence.rfind("(") <= sentence.rfind(")"):
        return False
    close, reopen = after.find(")"), after.find("(")
    return 0 <= close < 200 and (reopen < 0 or close < reopen)


def _is_end(line: str, start: int, m: re.Match[str]) -> bool:
    sentence, after = line[start : m.end()], line[m.end() :]
    if m["glued"]:
        word = _last_word(sentence[:-1])
        return len(word) > 2 and not re.search(r"[@.:/\\]|www", word) and f"{word}." not in words().leading
    if not _opens(after):
        return False
    if _ENUMERATOR.fullmatch(sentence.strip(' *•–-"(')) or _enumerates(sentence):
        return False
    if m["mark"] == "." and after.strip() and _abbreviated(line[start : m.start() + 1], after):
        return False
    return not _in_brackets(sentence, after)


def _enumerates(sentence: str) -> bool:
    """A number inside a sentence that numbers what follows: «… följande: 1. Införa …»."""
    return bool(re.search(r":\s+\(?1[.)]$", sentence))


def _bounds(line: str) -> Iterator[int]:
    """Where sentences end in one line."""
    start = 0
    events = sorted([*_END.finditer(line), *_INLINE.finditer(line)], key=lambda m: m.start())
    for m in events:
        if m.re is _INLINE:
            yield m.start()
            start = m.start()
        elif m.end() > start and _is_end(line, start, m):
            yield m.end()
            start = m.end()


def _trim(line: str, start: int, end: int) -> tuple[int, int] | None:
    """Without white space and leading bullets; None where no letter or digit is left."""
    while start < end and line[start].isspace():
        start += 1
    while (m := re.compile(rf"(?:{_SIGN}|[-–—*·])\s+|{_HOLLOW}").match(line, start, end)) is not None:
        start = m.end()
    while end > start and line[end - 1].isspace():
        end -= 1
    return (start, end) if any(c.isalnum() for c in line[start:end]) else None


def split(text: str) -> list[tuple[int, int]]:
    """Half-open ranges of the sentences of `text`, in order. A line break always ends a sentence.

    No range begins with a bullet or holds only punctuation.
    """
    out, at = [], 0
    for line in text.split("\n"):
        start = 0
        for end in [*_bounds(line), len(line)]:
            if found := _trim(line, start, end):
                out.append((at + found[0], at + found[1]))
            start = end
        at += len(line) + 1
    return out


def ends_sentence(line: str) -> bool:
    """Whether a line ends where a sentence may end: closing punctuation that is not an abbreviation's."""
    m = re.search(rf"[.!?…]+{_CLOSERS}$", line.rstrip())
    if m is None:
        return False
    word = _last_word(line.rstrip())
    return (
        word not in words().leading and not re.fullmatch(rf"(?:[{LOWER}]{{1,2}}\.){{2,}}", word)
    ) or word in words().closing


_NUMBERED = re.compile(r"\s*\(?(?:\d{1,2}|[a-zåäö])[.)]\s+")


def sentences(report: Report) -> tuple[Sentence, ...]:
    """Narrative sentences and list items of a report in order, ids from 0; `text == report.text[start:end]`.

    An item of several sentences gives several; a number or bullet before an item is left out.
    """
    out: list[Sentence] = []
    for block in report.blocks:
        if block.kind not in ("list", "narrative"):
            continue
        for start, end in _block(report.text[block.start : block.end], numbered=block.kind == "list"):
            a, b = block.start + start, block.start + end
            out.append(Sentence(len(out), block.section, report.text[a:b], a, b))
    return tuple(out)


def _block(text: str, numbered: bool) -> Iterator[tuple[int, int]]:
    for start, end in split(text):
        m = (
            _NUMBERED.match(text, start, end)
            if numbered and (start == 0 or "\n" in text[:start][-4:])
            else None
        )
        if m is None or any(c.isalnum() for c in text[m.end() : end]):
            yield (m.end() if m else start), end


def nlp() -> Language:
    """The blank-`sv` spaCy pipeline with our tokens and sentences.

    Abbreviations are one token («bl.a.», «resp.»), «ST -läkare» is one, «slut.Nästa» is three.
    """
    import spacy  # noqa: PLC0415 - parsing does not pay for it
    from spacy.language import Language  # noqa: PLC0415
    from spacy.util import compile_infix_regex  # noqa: PLC0415

    for name, function in (("spur_sentences", _set_sentences), ("spur_joins", _join_tokens)):
        if not Language.has_factory(name):
            Language.component(name, func=function)
    pipeline = spacy.blank("sv")
    tokenizer: Any = pipeline.tokenizer
    infixes = [*(pipeline.Defaults.infixes or ()), rf"(?<=[{LOWER}\d\)])[.!?](?=[{UPPER}])"]
    tokenizer.infix_finditer = compile_infix_regex(infixes).finditer
    for word in sorted(words().leading | words().closing):
        if "." in word:
            for form in {word, word[0].upper() + word[1:]}:
                tokenizer.add_special_case(form, [{"ORTH": form}])
    pipeline.add_pipe("spur_joins")
    pipeline.add_pipe("spur_sentences")
    return pipeline


def _join_tokens(doc: Doc) -> Doc:
    """«ST -läkare»: a word torn from its hyphen is one token."""
    with doc.retokenize() as retokenizer:
        for m in re.finditer(rf"\b[{UPPER}][{UPPER}\d]+ -[{LOWER}]{{3,}}", doc.text):
            if (span := doc.char_span(*m.span())) is not None and len(span) > 1:
                retokenizer.merge(span)
    return doc


def _set_sentences(doc: Doc) -> Doc:
    """Sentence starts where `split` has them; what lies between sentences belongs to the one before."""
    starts = [s for s, _ in split(doc.text)]
    tokens = list(doc)
    for token in tokens:
        token.is_sent_start = token.i == 0
    at = 0
    for start in starts:
        while at < len(tokens) and tokens[at].idx < start:
            at += 1
        if at < len(tokens) and at > 0:
            tokens[at].is_sent_start = True
    return doc
