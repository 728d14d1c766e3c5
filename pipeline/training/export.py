"""A trained network as what ships: an ONNX graph in int8, the criteria's vectors, the tokenizer.

Quantisation is of the weights (per output channel, symmetric): matrices for dynamic int8 products, embeddings per row
and read back on the fly. What it costs is measured where a model is exported, see experiments/.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from pipeline.catalogue import Catalogue
from pipeline.findings.bert import CRITERIA, GRAPH, INPUTS, OUTPUTS, TOKENIZER
from pipeline.findings.encoding import Encoder
from pipeline.training.feed import wording_windows
from pipeline.training.model import FindingsNetwork
from pipeline.training.start import pool_wordings, tensors

Precision = Literal["float32", "int8-weights", "int8-dynamic"]
BIG = 4096  # weights smaller than this stay as they are


def to_onnx(net: FindingsNetwork, encoder: Encoder, catalogue: Catalogue, path: Path) -> None:
    """The network's `forward` as a float32 ONNX graph with all sizes free."""
    net = net.eval().cpu()
    batch = tensors(encoder.batch(wording_windows(encoder, catalogue)[:2]), torch.device("cpu"))
    example = (
        *(batch[k] for k in INPUTS[:4]),
        torch.zeros(len(catalogue.criteria), net.width),
        torch.zeros(len(catalogue.criteria)),
    )
    w, t, n, s, c = (
        torch.export.Dim(d, min=1, max=m)
        for d, m in (
            ("windows", 4096),
            ("tokens", 512),
            ("sentences", 65536),
            ("span", 512),
            ("criteria", 4096),
        )
    )
    program = torch.onnx.export(
        net,
        example,
        input_names=list(INPUTS),
        output_names=list(OUTPUTS),
        dynamo=True,
        dynamic_shapes=({0: w, 1: t}, {0: w, 1: t}, {0: n, 1: s}, {0: n, 1: s}, {0: c}, {0: c}),
        optimize=True,
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=False)


def int8(
    w: np.ndarray[Any, Any], axis: int, carried: bool = False
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(int8 values, float32 scales), symmetric, with a scale for each slice along `axis`; w is two-dimensional.

    Values are rounded to the nearest, or with what is rounded off `carried` on to the slice's next value (error diffusion,
    Floyd & Steinberg 1976): a slice's sum is kept to half a step, and so are changes much smaller than a step.
    """
    peak = np.abs(w).max(axis=tuple(i for i in range(w.ndim) if i != axis))
    scale = np.where(peak == 0, 1, peak / 127).astype(np.float32)
    shape = [1] * w.ndim
    shape[axis] = -1
    exact = w / scale.reshape(shape)
    if not carried:
        return np.clip(np.rint(exact), -127, 127).astype(np.int8), scale
    steps = np.moveaxis(exact, axis, -1)
    out, left = np.empty(steps.shape, np.int8), np.zeros(steps.shape[-1], exact.dtype)
    for i, row in enumerate(steps):
        rounded = np.clip(np.rint(row + left), -127, 127)
        out[i], left = rounded, row + left - rounded
    return np.moveaxis(out, -1, axis), scale


def _embeddings(graph: onnx.GraphProto) -> None:
    """Large tables behind a Gather become int8 rows with a scale each, multiplied back after the look-up."""
    initial = {i.name: i for i in graph.initializer}
    nodes = []
    for node in graph.node:
        table = initial.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or len(table.dims) != 2 or np.prod(table.dims) < BIG:
            nodes.append(node)
            continue
        q, scale = int8(numpy_helper.to_array(table), 0)
        name, index, out = table.name, node.input[1], node.output[0]
        graph.initializer.remove(table)
        graph.initializer.extend(
            [
                numpy_helper.from_array(q, f"{name}_q"),
                numpy_helper.from_array(scale[:, None], f"{name}_scale"),
            ]
        )
        nodes += [
            helper.make_node("Gather", [f"{name}_q", index], [f"{out}_q"], axis=0),
            helper.make_node("Cast", [f"{out}_q"], [f"{out}_f"], to=TensorProto.FLOAT),
            helper.make_node("Gather", [f"{name}_scale", index], [f"{out}_s"], axis=0),
            helper.make_node("Mul", [f"{out}_f", f"{out}_s"], [out]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _weights_only(graph: onnx.GraphProto, carried: bool) -> None:
    """Matrices become int8 with a scale an output channel; the runtime multiplies them back once, when it loads."""
    used = {i for n in graph.node if n.op_type in ("MatMul", "Gemm") for i in n.input}
    for table in [
        i for i in graph.initializer if i.name in used and len(i.dims) == 2 and np.prod(i.dims) >= BIG
    ]:
        q, scale = int8(numpy_helper.to_array(table), 1, carried)
        graph.initializer.remove(table)
        graph.initializer.extend(
            [
                numpy_helper.from_array(q, f"{table.name}_q"),
                numpy_helper.from_array(scale, f"{table.name}_scale"),
            ]
        )
        graph.node.insert(
            0,
            helper.make_node(
                "DequantizeLinear", [f"{table.name}_q", f"{table.name}_scale"], [table.name], axis=1
            ),
        )


def quantise(source: Path, target: Path, precision: Precision, carried: bool = False) -> None:
    """A float32 graph with its weights in int8: read back once at load (int8-weights), or multiplied in int8 with
    activations quantised as they come (int8-dynamic: faster, and 7-bit weights so that no product overflows on
    processors without VNNI). `carried`: see `int8`; of int8-weights' matrices."""
    if precision == "int8-dynamic":
        from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

        quantize_dynamic(
            source,
            target,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul"],
        )
        source = target
    model = onnx.load(str(source))
    _embeddings(model.graph)
    if precision == "int8-weights":
        _weights_only(model.graph, carried)
    onnx.checker.check_model(model)
    onnx.save(model, str(target))


@torch.no_grad()
def write(
    net: FindingsNetwork,
    encoder: Encoder,
    catalogue: Catalogue,
    folder: Path,
    precision: Precision,
    carried: bool = False,
) -> tuple[str, ...]:
    """Graph, criteria's vectors and tokenizer into `folder`; their names. `carried`: how weights are rounded, see `int8`."""
    folder.mkdir(parents=True, exist_ok=True)
    net = net.eval().cpu()
    full = folder / "full.onnx"
    to_onnx(net, encoder, catalogue, full if precision != "float32" else folder / GRAPH)
    if precision != "float32":
        quantise(full, folder / GRAPH, precision, carried)
        full.unlink()
    vectors, bias = net.vectors(pool_wordings(net, encoder, catalogue, torch.device("cpu")))
    np.savez(folder / CRITERIA, vectors=vectors.numpy(), bias=bias.numpy(), base=net.base.detach().numpy())
    encoder.tokenizer.save(str(folder / TOKENIZER))
    return GRAPH, CRITERIA, TOKENIZER


def size(net: nn.Module) -> int:
    """Parameters of a network."""
    return sum(p.numel() for p in net.parameters())
