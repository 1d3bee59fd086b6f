"""A tiny T5 laid out as `google/t5-v1_1-small` is published: SentencePiece's own vocabulary and PyTorch's own weights.

The other tiny models are folders as Transformers saves them today; this one has neither `tokenizer.json` nor
`model.safetensors`, so that what reads the paper's students reads it.
"""

import io
import json
from pathlib import Path

import sentencepiece
import tiny
import torch

SENTINELS = 100
"""Tokens that T5 fills gaps with; they follow the vocabulary."""
PADDED = 8
"""Rows of the embedding beyond the tokens: the published one has 28."""
TEXTS = [
    f"{tag}: Dan had {n} pens and lost {m}. How many pens are left? The answer is {n} - {m}. correct wrong uncertain"
    for tag in ("predict", "explain", "verdict", "critique")
    for n in range(12)
    for m in range(n)
]


def write(folder: Path) -> Path:
    """The folder, with a random model, always the same one."""
    folder.mkdir(parents=True)
    pieces = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS),
        model_writer=pieces,
        vocab_size=120,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(pieces.getvalue())
    words = sentencepiece.SentencePieceProcessor(model_proto=pieces.getvalue()).get_piece_size() + SENTINELS
    model = tiny.model("t5", words + PADDED)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    named = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    sentinels = [f"<extra_id_{number}>" for number in range(SENTINELS)]
    files = {
        "config.json": model.config.to_dict() | {"architectures": ["T5ForConditionalGeneration"]},
        "special_tokens_map.json": named | {"additional_special_tokens": sentinels},
        "tokenizer_config.json": named | {"additional_special_tokens": sentinels, "extra_ids": SENTINELS},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder
