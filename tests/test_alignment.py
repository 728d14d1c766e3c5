"""Parsed text finds its way back to the text that it came from."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from pipeline.alignment import align

WORDS = st.lists(st.text("abcdeåäö.,", min_size=1, max_size=8), min_size=1, max_size=30)


def visible(text: str) -> str:
    return "".join(text.split())


@given(WORDS, st.data())
def test_text_that_was_wrapped_anew_is_found_whole(words: list[str], data: st.DataObject) -> None:
    gaps = st.lists(st.sampled_from([" ", "\n", "  \n\n", "\f"]), min_size=len(words), max_size=len(words))
    source, target = ("".join(w + g for w, g in zip(words, data.draw(gaps), strict=True)) for _ in range(2))
    found = align(source, target)
    for i, char in enumerate(target):
        if not char.isspace():
            assert source[found.start[i] : found.end[i]] == char
    assert visible(source[slice(*found.ranges(0, len(target))[0])]) == visible(target)


@given(st.text("ab cdå\n", max_size=200), st.text("ab cdå\n", max_size=200))
def test_whatever_the_texts_no_character_is_used_twice_or_taken_for_another(source: str, target: str) -> None:
    found = align(source, target)
    places = [(int(a), int(b)) for a, b in zip(found.start, found.end, strict=True) if a >= 0]
    assert len(set(places)) == len(places)
    for i, (a, b) in enumerate(zip(found.start, found.end, strict=True)):
        assert a < 0 or source[a:b] == target[i]


def test_a_header_that_was_moved_out_of_a_sentence_does_not_lose_its_second_half() -> None:
    source = (
        "Handledningen är väl inplanerad i\nGranskning av ST, Norra kliniken\nsida 2\nschemat. Bedömningar görs.\n"
        "Granskning av ST, Norra kliniken\nsida 3\nIUP saknas för två."
    )
    target = (
        "Handledningen är väl inplanerad i schemat. Bedömningar görs.\nGranskning av ST, Norra kliniken\nsida 2\n"
        "Granskning av ST, Norra kliniken\nsida 3\nIUP saknas för två."
    )
    found = align(source, target)
    first, second = "Handledningen är väl inplanerad i schemat.", "Bedömningar görs."
    assert found.range(0, len(first)) == (0, source.index("schemat.") + 8)
    at = target.index(second)
    assert source[slice(*found.range(at, at + len(second)) or ())] == second
    headers = [found.range(m.start(), m.end()) for m in re.finditer("Granskning", target)]
    assert sorted(source[slice(*h or ())] for h in headers) == ["Granskning"] * 2 and headers[0] != headers[1]


def test_hyphens_ligatures_and_combining_marks() -> None:
    source, target = (
        "Kva-\nlitets\u00adarbetet a\u0308r e\ufb03cient. IUP",
        "Kvalitetsarbetet är efficient. IUP",
    )
    found = align(source, target)
    assert found.range(0, 16) == (0, source.index(" a\u0308r"))
    assert found.range(17, 19) == (source.index("a\u0308"), source.index(" e\ufb03"))
    assert source[slice(*found.range(20, 30) or ())] == "e\ufb03cient."


def test_parts_far_apart_are_told_apart() -> None:
    far = "\n".join(f"annat {i}" for i in range(200))
    target = f"Första halvan av stycket. Den andra halvan av det.\n{far}"
    found = align(f"Första halvan av stycket.\n{far}\nDen andra halvan av det.", target)
    assert len(found.ranges(0, 49)) == 2
    assert found.range(0, 49) == (0, 25)
    assert found.range(3, 3) is None
