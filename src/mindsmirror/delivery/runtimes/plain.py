"""A student's folder in Transformers, in the precision of its files: the runtime of safetensors."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindsmirror.inference.predictor import Predictor
from mindsmirror.students.base import Student
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.decoding import GeneratedText, SamplingParams
from mindsmirror.students.load import JUDGE, load_judge, load_student

TOGETHER = 32
"""Texts that are decoded together."""


class TransformersRuntime:
    """A saved student, loaded again from what was written."""

    def __init__(self, folder: Path, config: StudentConfig) -> None:
        import torch
        import transformers

        self.name = f"Transformers {transformers.__version__}"
        self._student: Student = load_student(config, folder)
        self._judge = load_judge(self._student.model, folder)
        self.adapter = JUDGE if self._judge is not None else None
        # The weights are the file's, and computing is in fp32: this compares files, not kernels.
        self._model = self._student.model.to(torch.float32).eval()

    def next_logits(self, sources: Sequence[Sequence[int]]) -> Any:
        """Logits, [B, V]."""
        import torch

        parts = [sources[start : start + TOGETHER] for start in range(0, len(sources), TOGETHER)]
        return torch.cat([self._student.next_logits(self._model, part) for part in parts])

    def generate(self, sources: Sequence[Sequence[int]], max_tokens: int) -> list[GeneratedText]:
        """The greedy continuation of each source."""
        texts: list[GeneratedText] = []
        for start in range(0, len(sources), TOGETHER):
            part = sources[start : start + TOGETHER]
            texts += [each[0] for each in self._student.generate(self._model, part, SamplingParams(max_tokens))]
        return texts

    def tokens_of(self, messages: Sequence[dict[str, str]]) -> list[int] | None:
        """What the folder's own template and tokenizer make of a conversation."""
        tokenizer = self._student.tokenizer
        if not tokenizer.chat_template:
            return None
        text = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
        return list(tokenizer(text, add_special_tokens=False).input_ids)

    def judging(self, asked: Predictor) -> Predictor:
        """The saved student and its adapter in a predictor's place; it judges as it thinks if it has no adapter."""
        return replace(asked, student=self._student, model=self._model, judge=self._judge)

    def close(self) -> None:
        """Free the model."""
        self._model = self._judge = None
        del self._student
