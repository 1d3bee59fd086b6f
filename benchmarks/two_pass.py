"""The peer of `training.py`: what the papers' own code does, on Hugging Face's stock parts.

A row is a question with one of its rationales and its label. A batch of rows is padded twice by the stock collator,
once as `predict: question -> label` and once as `explain: question -> rationale`; each goes through the whole model
by itself, and the loss is alpha times the model's own loss of the first plus 1 - alpha times that of the second.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer, models
from torch import Tensor
from torch.utils.data import Dataset
from transformers import DataCollatorForSeq2Seq, PreTrainedTokenizerFast, Trainer, TrainingArguments

from mindsmirror.records import Tag
from mindsmirror.students.base import TokenisedTarget

ALPHA = 0.5
IGNORE = -100

Pair = tuple[TokenisedTarget, TokenisedTarget]
"""A question's label and one of its rationales."""


class PairDataset(Dataset[Pair]):
    """Pairs in a fixed order."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Pair:
        return self._pairs[index]


class TwoTasks:
    """The stock collator, once for each task."""

    def __init__(self, model: Any) -> None:
        self._seq2seq = bool(model.config.is_encoder_decoder)
        words = PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1}, unk_token="<pad>")),
            pad_token="<pad>",
            eos_token="</s>",
        )
        self._pad = DataCollatorForSeq2Seq(words, model=model if self._seq2seq else None)

    def __call__(self, pairs: Sequence[Pair]) -> dict[str, Any]:
        """A batch for each task, by the stock collator."""
        tasks = zip((Tag.PREDICT, Tag.EXPLAIN), zip(*pairs, strict=True), strict=True)
        return {tag.value: self._pad([self._features(row) for row in rows]) for tag, rows in tasks}

    def _features(self, row: TokenisedTarget) -> dict[str, list[int]]:
        if self._seq2seq:
            return {"input_ids": list(row.source), "labels": list(row.target)}
        return {"input_ids": [*row.source, *row.target], "labels": [IGNORE] * len(row.source) + list(row.target)}


class TwoPassTrainer(Trainer):
    """A forward for each task, one backward through both."""

    def __init__(self, model: Any, pairs: Sequence[Pair], arguments: TrainingArguments, **rest: Any) -> None:
        super().__init__(
            model=model, args=arguments, train_dataset=PairDataset(pairs), data_collator=TwoTasks(model), **rest
        )

    def compute_loss(self, model: Any, inputs: Mapping[str, Any], *_: Any, **__: Any) -> Tensor:
        """alpha * label + (1 - alpha) * rationale."""
        label, rationale = (model(**inputs[tag.value]).loss for tag in (Tag.PREDICT, Tag.EXPLAIN))
        loss: Tensor = ALPHA * label + (1 - ALPHA) * rationale
        return loss
