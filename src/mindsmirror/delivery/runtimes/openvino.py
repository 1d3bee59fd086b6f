"""An OpenVINO folder in OpenVINO GenAI, as a user runs it: in the precision that OpenVINO chooses for the processor.

GenAI gives no scores of tokens, so those come from the same model through OpenVINO itself.
"""

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.students.config import GRAPH
from mindsmirror.students.decoding import GeneratedText
from mindsmirror.system.openvino_settings import openvino_settings
from mindsmirror.system.signal_stack import signal_stack_kept

CACHE_GB = 1
TOGETHER = 32
"""Texts that are decoded together."""


class OpenVINORuntime:
    """OpenVINO GenAI's continuous batching over an exported folder."""

    def __init__(self, folder: Path) -> None:
        """ModelFileError if OpenVINO does not load the folder."""
        try:
            import openvino
            import openvino_genai
        except ImportError as error:
            raise MissingExtraError("openvino-genai") from error
        self.name = f"OpenVINO GenAI {openvino_genai.__version__.split('-')[0]}"
        self._ov, self._genai = openvino, openvino_genai
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size, scheduler.max_num_seqs = CACHE_GB, TOGETHER
        settings = openvino_settings()
        try:
            with signal_stack_kept():
                self._scores = openvino.Core().compile_model(folder / GRAPH, "CPU", settings)
                self._pipeline = openvino_genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", settings)
        except RuntimeError as error:
            raise ModelFileError(f"OpenVINO does not load the exported folder: {str(error)[-300:]}") from error
        self._tokenizer = self._pipeline.get_tokenizer()
        self._next_id = 0

    def next_logits(self, sources: Sequence[Sequence[int]]) -> Any:
        """Logits, [B, V]; each source is read by itself."""
        import numpy as np
        import torch

        request, rows = self._scores.create_infer_request(), []
        for source in sources:
            request.reset_state()
            tokens = np.array([source], dtype=np.int64)
            inputs = {
                "input_ids": tokens,
                "attention_mask": np.ones_like(tokens),
                "position_ids": np.arange(len(source), dtype=np.int64)[None],
                "beam_idx": np.zeros(1, dtype=np.int32),
            }
            rows.append(torch.from_numpy(request.infer(inputs)[0][0, -1].astype(np.float32)))
        return torch.stack(rows)

    def generate(self, sources: Sequence[Sequence[int]], max_tokens: int) -> list[GeneratedText]:
        """The greedy continuation of each source."""
        import numpy as np

        config = self._genai.GenerationConfig()
        config.set_eos_token_id(self._tokenizer.get_eos_token_id())
        config.max_new_tokens = max_tokens
        handles = []
        for source in sources:
            tokens = self._ov.Tensor(np.array([source], dtype=np.int64))
            handles.append(self._pipeline.add_request(self._next_id, tokens, config))
            self._next_id += 1
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()
        return [self._text(handle.read_all()[0]) for handle in handles]

    def tokens_of(self, messages: Sequence[dict[str, str]]) -> list[int] | None:
        """What the folder's own template and tokenizer make of a conversation."""
        text = self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True)
        return [int(token) for token in self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]]

    def close(self) -> None:
        """Free the model and its cache."""
        del self._tokenizer, self._pipeline, self._scores
        gc.collect()

    def _text(self, output: Any) -> GeneratedText:
        ids = list(output.generated_ids)
        ended = output.finish_reason == self._genai.GenerationFinishReason.STOP
        return GeneratedText(self._tokenizer.decode(ids).strip(), len(ids), ended)
