"""A BERT of a few thousand weights with a WordPiece vocabulary, made on the spot: KB-BERT's kind, for tests of training."""

from __future__ import annotations

import string
from pathlib import Path

from pipeline.catalogue import load as load_catalogue


def words() -> list[str]:
    """The catalogue's own words: enough of a vocabulary for tests."""
    letters = str.maketrans(dict.fromkeys(string.punctuation, " "))
    return sorted({w for c in load_catalogue().criteria for w in c.text.translate(letters).split()})


def write(folder: Path, seed: int = 0) -> Path:
    """A folder as `BertModel.save_pretrained` and a WordPiece tokenizer leave it."""
    import torch  # noqa: PLC0415
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors  # noqa: PLC0415
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *string.ascii_letters,
        *"åäöÅÄÖ0123456789.,:;-/()",
    ]
    pieces += [f"##{c}" for c in string.ascii_lowercase + "åäö"] + words()
    vocabulary = {p: i for i, p in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    torch.manual_seed(seed)
    shape = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=512,
    )
    folder.mkdir(parents=True, exist_ok=True)
    BertModel(shape, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
