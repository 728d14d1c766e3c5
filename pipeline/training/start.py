"""What a training starts from: a fresh head on an encoder, or a model that is there already.

A model folder (`spur export`) holds all that the network is: its graph's weights, the tokenizer, the criteria's vectors.
Going on from it needs no encoder, and learns a few new reports in minutes instead of hours. Criteria whose wording the
model knows keep what was learnt of them; others start from their wording, as in scoring.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from pipeline.catalogue import Catalogue
from pipeline.findings import bert, manifest
from pipeline.findings.encoding import Batch, Encoder
from pipeline.findings.manifest import Manifest
from pipeline.report import SpurError
from pipeline.resources import assets
from pipeline.training.encoder import EncoderConfig, source_folder
from pipeline.training.encoder import load as load_encoder
from pipeline.training.feed import wording_windows
from pipeline.training.model import FindingsNetwork, HeadConfig

if TYPE_CHECKING:
    from pipeline.training.recipe import Recipe

Tensors = dict[str, Tensor]
Arrays = dict[str, NDArray[np.float32]]
OWN = ("residual", "bias", "base")  # of the trained criteria: in criteria.npz, not in the graph


def tensors(batch: Batch, device: torch.device) -> Tensors:
    return {
        k: torch.from_numpy(getattr(batch, k)).to(device, non_blocking=True)
        for k in ("ids", "mask", "token_index", "token_mask")
    }


def pool_wordings(
    net: FindingsNetwork, encoder: Encoder, catalogue: Catalogue, device: torch.device
) -> Tensor:
    """The criteria's wordings as pooled sentences [criteria, width], in the catalogue's order."""
    w = tensors(encoder.batch(wording_windows(encoder, catalogue)), device)
    return net.pool(net.states(w["ids"], w["mask"]), w["token_index"], w["token_mask"])


def make_network(
    recipe: Recipe, encoder_folder: Path | None, catalogue: Catalogue
) -> tuple[FindingsNetwork, Encoder]:
    """The network that a recipe starts from, in training mode, and the maker of its input."""
    if recipe.start is not None:
        return _from_model(model_folder(recipe.start), recipe, catalogue)
    return _fresh(recipe, encoder_folder, catalogue)


def source(recipe: Recipe) -> Path | None:
    """The built encoder's folder, where the recipe starts from one. Raises SpurError where it has not been built."""
    return None if recipe.start is not None else source_folder(EncoderConfig.load(recipe.encoder))


def model_folder(start: str) -> Path:
    """The folder of a recipe's `start`: a shipped model by name, or a path."""
    shipped = assets("models") / start
    return shipped if (shipped / manifest.FILE).is_file() else Path(start)


def read_manifest(start: str) -> Manifest:
    """What a model to start from says of itself. Raises SpurError where it is no BERT that tells its shape."""
    folder = model_folder(start)
    read = manifest.read(folder)
    manifest.require(folder, read, bert.KIND, (bert.GRAPH, bert.TOKENIZER, bert.CRITERIA))
    if "shape" not in read.settings:
        raise SpurError(f"{folder}: its manifest does not tell the network's shape; export it again")
    return read


def shape(net: FindingsNetwork) -> dict[str, Any]:
    """What the weights alone don't tell of a network; for the manifest."""
    return {"encoder": net.encoder.config.to_diff_dict(), "head": asdict(net.config)}


def _fresh(
    recipe: Recipe, encoder_folder: Path | None, catalogue: Catalogue
) -> tuple[FindingsNetwork, Encoder]:
    """A fresh head on its encoder, centred on the catalogue's wordings."""
    config = EncoderConfig.load(recipe.encoder)
    base, tokenizer = load_encoder(config, encoder_folder, recipe.attention_dropout)
    encoder = Encoder(tokenizer, config.prefix, min(recipe.max_tokens, config.max_tokens))
    net = FindingsNetwork(base, len(catalogue.criteria), recipe.head)
    net.eval()
    with torch.no_grad():
        net.start_from(pool_wordings(net, encoder, catalogue, torch.device("cpu")))
    return net.train(), encoder


def _from_model(folder: Path, recipe: Recipe, catalogue: Catalogue) -> tuple[FindingsNetwork, Encoder]:
    from transformers import BertConfig, BertModel  # noqa: PLC0415

    told = read_manifest(str(folder))
    s = told.settings
    config = BertConfig(**{**s["shape"]["encoder"], "attention_probs_dropout_prob": recipe.attention_dropout})
    head = replace(
        HeadConfig(**s["shape"]["head"]),
        dropout=recipe.head.dropout,
        residual_dropout=recipe.head.residual_dropout,
    )
    net = FindingsNetwork(BertModel(config, add_pooling_layer=False), len(catalogue.criteria), head)
    tokenizer = Tokenizer.from_file(str(folder / bert.TOKENIZER))
    encoder = Encoder(tokenizer, s["prefix"], min(recipe.max_tokens, s["max_tokens"]), s["max_sentence"])
    _fill(net, read_graph(folder / bert.GRAPH), folder)
    net.eval()
    with torch.no_grad():
        own = net.read_criteria(pool_wordings(net, encoder, catalogue, torch.device("cpu")))
        _recall(net, own, folder, told, catalogue)
    return net.train(), encoder


def _fill(net: FindingsNetwork, weights: Arrays, folder: Path) -> None:
    state = {k: torch.from_numpy(v) for k, v in weights.items()}
    missing, _ = net.load_state_dict(state, strict=False)
    if lacking := sorted(set(missing) - set(OWN)):
        raise SpurError(f"{folder}: the graph lacks {', '.join(lacking[:3])}: not written by `spur export`?")


def _recall(net: FindingsNetwork, read: Tensor, folder: Path, told: Manifest, catalogue: Catalogue) -> None:
    """What had been learnt of each criterion beyond its wording, by wording."""
    known = {wording: k for k, wording in enumerate(told.criteria.values())}
    with np.load(folder / bert.CRITERIA, allow_pickle=False) as z:
        vectors, bias, base = (torch.from_numpy(z[k]) for k in ("vectors", "bias", "base"))
    net.base.copy_(base)
    for c, criterion in enumerate(catalogue.criteria):
        if (k := known.get(criterion.text)) is not None:
            net.residual[c] = vectors[k] - read[c]
            net.bias[c] = bias[k] - base


def read_graph(path: Path) -> Arrays:
    """The parameters of an exported graph under the network's names, de-quantised.

    Export folds and renames some matrices; they are found by the bias that their product is added to, which keeps its name.
    """
    import onnx  # noqa: PLC0415
    from onnx import numpy_helper  # noqa: PLC0415

    graph = onnx.load(str(path)).graph
    held = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}

    def table(name: str) -> NDArray[np.float32] | None:
        """A matrix by the name that a product takes it by, through transposition and de-quantisation."""
        if name in held:
            return np.asarray(held[name], np.float32)
        if f"{name}_q" in held:
            scale = held[f"{name}_scale"]
            return np.asarray(held[f"{name}_q"] * (scale if scale.ndim > 1 else scale[None]), np.float32)
        node = made.get(name)
        if node is not None and node.op_type == "Transpose":
            inner = table(node.input[0])
            return None if inner is None else inner.T
        return None

    out = {k: v for k, v in held.items() if v.dtype == np.float32 and not k.startswith("val_")}
    out |= {k[:-2]: t for k in held if k.endswith("_q") and (t := table(k[:-2])) is not None}
    for node in graph.node:
        product, bias = _product(node, made)
        if product is None or not bias.endswith(".bias") or bias not in held:
            continue
        if (matrix := table(product.input[1])) is not None:
            turned = any(a.name == "transB" and a.i for a in product.attribute)
            out[bias.removesuffix("bias") + "weight"] = matrix if turned else matrix.T
    return {k: np.array(v, np.float32, order="C") for k, v in out.items()}  # copies: they are trained


def _product(node: Any, made: dict[str, Any]) -> tuple[Any, str]:
    """(the matrix product whose bias a node adds, the bias' name), or (None, "")."""
    if node.op_type == "Gemm" and len(node.input) == 3:
        return node, str(node.input[2])
    if node.op_type == "Add":
        for a, b in (node.input, reversed(node.input)):
            if (other := made.get(a)) is not None and other.op_type == "MatMul":
                return other, str(b)
    return None, ""
