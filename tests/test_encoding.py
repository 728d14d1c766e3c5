"""The model's input: every sentence is decided once, with its own neighbours and no one else's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from pipeline.catalogue import load as load_catalogue
from pipeline.findings.base import SentenceInput
from pipeline.findings.encoding import Encoder, pack, passages, section_names

WORDS = ["handledning", "saknas", "varje", "vecka", "ST-läkare", "bedöms", "ej", "."]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    vocabulary = {w: i for i, w in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Encoder(tokenizer, "", max_tokens=48, max_sentence=16)


sentences = st.lists(
    st.builds(
        SentenceInput,
        st.lists(st.sampled_from(WORDS), min_size=0, max_size=30).map(" ".join),
        st.sampled_from(["A", "E", "SVAGHETER", None]),
        st.sampled_from(["r1", "r2", None]),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(sentences)
def test_every_sentence_is_decided_once_by_its_own_tokens(
    encoder: Encoder, given_sentences: list[SentenceInput]
) -> None:
    windows = encoder.windows(given_sentences, section_names(load_catalogue()))
    tokens = encoder.tokens([s.text for s in given_sentences])
    decided = {r: w.ids[a:b] for w in windows for r, (a, b) in zip(w.rows, w.spans, strict=True)}
    assert sorted(r for w in windows for r in w.rows) == list(range(len(given_sentences)))
    assert all(list(decided[i]) == tokens[i] for i in decided)
    assert max(len(w.ids) for w in windows) <= 48


@settings(max_examples=60, deadline=None)
@given(sentences)
def test_context_never_crosses_reports_or_sections(
    encoder: Encoder, given_sentences: list[SentenceInput]
) -> None:
    for group in passages(given_sentences):
        keys = {(given_sentences[i].report, given_sentences[i].section) for i in group}
        assert len(keys) == 1
        assert len(group) == 1 or keys != {(None, given_sentences[group[0]].section)}


@settings(max_examples=60, deadline=None)
@given(sentences)
def test_packing_keeps_windows_whole_and_apart(
    encoder: Encoder, given_sentences: list[SentenceInput]
) -> None:
    windows = encoder.windows(given_sentences, section_names(load_catalogue()))
    packed = pack(windows, rows=len(windows), length=48, pad=encoder.pad)
    assert packed is not None
    for k, w in enumerate(windows):
        there = packed.segment == k + 1
        assert packed.ids[there].tolist() == list(w.ids)
        assert packed.position[there].tolist() == list(range(len(w.ids)))
    flat, spans = packed.ids.ravel(), iter(zip(packed.start, packed.length, strict=True))
    for w in windows:
        for a, b in w.spans:
            start, length = next(spans)
            assert flat[start : start + length].tolist() == list(w.ids[a:b])


def test_what_does_not_fit_is_told(encoder: Encoder) -> None:
    windows = encoder.windows([SentenceInput("saknas " * 14)] * 3, {})
    assert pack(windows, rows=1, length=48, pad=encoder.pad) is None
