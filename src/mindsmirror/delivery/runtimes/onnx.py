"""An ONNX folder in onnxruntime-genai, which decodes with onnxruntime."""

import gc
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.students.decoding import GeneratedText


class OnnxRuntime:
    """onnxruntime-genai with one exported folder; each question is decoded by itself."""

    def __init__(self, folder: Path, context: int) -> None:
        """Load the folder, for prompts with their replies of up to `context` tokens. ModelFileError if that fails."""
        try:
            import onnxruntime_genai
        except ImportError as error:
            raise MissingExtraError("onnxruntime-genai", "export") from error
        self.name = f"onnxruntime-genai {onnxruntime_genai.__version__}"
        self._genai, self._context = onnxruntime_genai, context
        try:
            self._model = onnxruntime_genai.Model(str(folder))
            self._tokenizer = onnxruntime_genai.Tokenizer(self._model)
        except Exception as error:
            raise ModelFileError(f"onnxruntime-genai does not load the exported folder: {error}") from error

    def next_logits(self, sources: Sequence[Sequence[int]]) -> Any:
        """Logits, [B, V]."""
        import numpy as np
        import torch

        rows = [np.asarray(self._started(source).get_logits(), dtype=np.float32) for source in sources]
        return torch.stack([torch.from_numpy(row.reshape(-1, row.shape[-1])[-1].copy()) for row in rows])

    def generate(self, sources: Sequence[Sequence[int]], max_tokens: int) -> list[GeneratedText]:
        """The greedy continuation of each source."""
        return [self._written(source, max_tokens) for source in sources]

    def tokens_of(self, messages: Sequence[dict[str, str]]) -> list[int] | None:
        """What the folder's own template and tokenizer make of a conversation."""
        text = self._tokenizer.apply_chat_template(json.dumps(list(messages)), add_generation_prompt=True)
        return [int(token) for token in self._tokenizer.encode(text)]

    def close(self) -> None:
        """Free the model."""
        del self._tokenizer, self._model
        gc.collect()

    def _started(self, source: Sequence[int]) -> Any:
        """A generator that has read a source."""
        import numpy as np

        params = self._genai.GeneratorParams(self._model)
        params.set_search_options(do_sample=False, max_length=self._context)
        generator = self._genai.Generator(self._model, params)
        generator.append_tokens(np.array([source], dtype=np.int32))
        return generator

    def _written(self, source: Sequence[int], max_tokens: int) -> GeneratedText:
        generator, ids = self._started(source), list[int]()
        while not generator.is_done() and len(ids) < max_tokens:
            generator.generate_next_token()
            ids.append(int(generator.get_next_tokens()[0]))
        ended = len(ids) < max_tokens or generator.is_done()
        return GeneratedText(self._tokenizer.decode(ids).strip(), len(ids), ended)
