"""A trained decoder-only student that OpenVINO compiled for this processor: it writes texts faster than PyTorch does.

PyTorch spends much of a token on calling thirty layers from Python; a compiled graph is called once. The weights are
those of the student in 16 bits, and OpenVINO multiplies in bf16 where the processor can (docs/benchmarks.md). Only
writing goes this way: the judge reads, and training learns, through PyTorch.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mindsmirror.students.causal_state import SharingState
from mindsmirror.students.config import COMPILED, GRAPH
from mindsmirror.system import hardware
from mindsmirror.system.openvino_settings import LEAST_THREADS, bears_bf16, openvino_settings, replaces_pytorch
from mindsmirror.system.signal_stack import signal_stack_kept


class CompiledModel:
    """A graph in memory, which any number of batches may use one after the other."""

    def __init__(self, folder: Path) -> None:
        """The graph in `folder`. RuntimeError if OpenVINO does not read or compile it."""
        import openvino

        core = openvino.Core()
        graph = core.read_model(folder / GRAPH)
        _last_token_only(graph)
        in_bf16 = hardware.has_bf16() and bears_bf16()
        settings = {
            "INFERENCE_NUM_THREADS": max(LEAST_THREADS, torch.get_num_threads()),
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if in_bf16 else "f32",
            "KV_CACHE_PRECISION": "f16" if in_bf16 else "f32",
        }
        with signal_stack_kept():
            self._compiled = core.compile_model(graph, "CPU", openvino_settings() | settings)

    def request(self) -> Any:
        """Room for one batch's keys and values."""
        return self._compiled.create_infer_request()


class CompiledState(SharingState):
    """Texts that OpenVINO writes."""

    def __init__(self, model: CompiledModel, sources: Sequence[Sequence[int]], padding: int, *, share: bool) -> None:
        super().__init__(sources, padding, share=share)
        self._request = model.request()
        self._rows: Tensor | None = None
        """Rows that were chosen since the last tokens; the graph chooses them when it reads the next ones."""

    def reorder(self, rows: Tensor) -> None:
        """Have these rows chosen with the next tokens."""
        self._rows = rows if self._rows is None else self._rows[rows]

    def compute(self, tokens: Tensor, positions: Tensor) -> Tensor:
        """Logits of the last token of each row."""
        rows = torch.arange(len(tokens)) if self._rows is None else self._rows
        self._rows = None
        given = {
            "input_ids": tokens.contiguous().numpy(),
            "attention_mask": self._mask.contiguous().numpy(),
            "position_ids": positions.contiguous().numpy(),
            "beam_idx": rows.to(torch.int32).numpy(),
        }
        found = self._request.infer(given, share_inputs=True, share_outputs=True)
        # The next call writes over what this one returned.
        return torch.from_numpy(found[0][:, -1]).clone()


def open_compiled(student: Path | None, precision: str) -> CompiledModel | None:
    """The compiled graph beside a student's weights; None where there is none, or it is not to be used here."""
    if student is None or not replaces_pytorch(precision) or not (student / COMPILED / GRAPH).exists():
        return None
    try:
        return CompiledModel(student / COMPILED)
    except (ImportError, RuntimeError):
        # Another version wrote it, or this machine has no OpenVINO: PyTorch asks the same student, only slower.
        return None


def _last_token_only(graph: Any) -> None:
    """Let the output head see the last token of each row alone: it is the largest product of all."""
    import numpy as np
    from openvino import opset13 as ops

    head = graph.outputs[0].get_node()
    while head.get_type_name() != "MatMul":
        head = head.input_value(0).get_node()
    begin, end, step, axis = (
        ops.constant(np.array([value], dtype=np.int64)) for value in (-1, np.iinfo(np.int64).max, 1, 1)
    )
    head.input(0).replace_source_output(ops.slice(head.input_value(0), begin, end, step, axis).output(0))
    graph.validate_nodes_and_infer_types()
