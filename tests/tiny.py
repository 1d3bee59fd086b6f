"""Tiny models of every architecture family, made on the spot: two layers, one token a character, no downloads.

Their weights are drawn wider than a real model's start, so that attention, positions and windows matter: a wrong
mask changes the loss by far more than rounding does. One thread, because they are slower on several.
"""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from mindsmirror.records import Stage, Tag, Target
from mindsmirror.students.base import Student
from mindsmirror.students.causal import CausalStudent
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.load import load_student
from mindsmirror.students.seq2seq import Seq2SeqStudent

torch.set_num_threads(1)
# The Trainer ends with a full garbage collection: longer than its few steps here, were imports looked through again.
gc.freeze()

AnyStudent = CausalStudent | Seq2SeqStudent

CAUSAL = ("llama", "qwen2", "gemma3")
FAMILIES = (*CAUSAL, "t5")
SEQ2SEQ = ("t5", "bart")
WINDOW = 8
"""Positions that a sliding layer of the Gemma and Mistral models sees."""

PAD, EOS, BOS, USER, REPLY = "<pad>", "</s>", "<s>", "<u>", "<r>"
SPECIAL = [PAD, EOS, BOS, USER, REPLY]
TEMPLATE = "<s>{% for m in messages %}<u>{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<r>{% endif %}"


def tokenizer(template: str | None, *, ends: bool = False) -> Any:
    """Byte-level, without merges: any text, a token a byte. `ends`: it closes what it reads, as T5's does."""
    words = {token: place for place, token in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    rules = Tokenizer(models.BPE(vocab=words, merges=[]))
    rules.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    rules.decoder = decoders.ByteLevel()
    if ends:
        rules.post_processor = processors.TemplateProcessing(single=f"$A {EOS}", special_tokens=[(EOS, words[EOS])])
    return PreTrainedTokenizerFast(
        tokenizer_object=rules,
        pad_token=PAD,
        eos_token=EOS,
        bos_token=BOS,
        additional_special_tokens=[USER, REPLY],
        chat_template=template,
    )


def model(kind: str, words: int, *, spread: float = 0.2, dropout: float = 0.0) -> Any:
    """A random model of that family, always the same one."""
    torch.manual_seed(11)
    shape: dict[str, Any] = {
        "vocab_size": words,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "initializer_range": spread,
        "attention_dropout": dropout,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }
    # A tied Gemma, whose embeddings are scaled up, repeats its last token whatever it has read.
    gemma = shape | {"sliding_window": WINDOW, "query_pre_attn_scalar": 8, "tie_word_embeddings": False}
    layers = ["sliding_attention", "full_attention"]
    made: dict[str, Callable[[], Any]] = {
        "llama": lambda: LlamaForCausalLM(LlamaConfig(**shape, tie_word_embeddings=True)),
        "qwen2": lambda: Qwen2ForCausalLM(Qwen2Config(**shape, tie_word_embeddings=False)),
        "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**gemma, layer_types=layers)),
        "gemma2": lambda: Gemma2ForCausalLM(Gemma2Config(**gemma, layer_types=layers)),
        "mistral": lambda: MistralForCausalLM(MistralConfig(**shape, sliding_window=WINDOW)),
        "gpt2": lambda: GPT2LMHeadModel(_gpt2(words, spread, dropout)),
        "t5": lambda: T5ForConditionalGeneration(_t5(words, spread, dropout)),
        "bart": lambda: BartForConditionalGeneration(_bart(words, spread)),
    }
    return made[kind]()


def _gpt2(words: int, spread: float, dropout: float) -> GPT2Config:
    """Positions that are learnt: unlike rotary ones, they show when all are shifted."""
    return GPT2Config(
        vocab_size=words,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=512,
        initializer_range=spread,
        attn_pdrop=dropout,
        resid_pdrop=dropout,
        embd_pdrop=dropout,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )


def _t5(words: int, spread: float, dropout: float) -> T5Config:
    """T5 v1.1: gated GELU, and a head of its own."""
    return T5Config(
        vocab_size=words,
        d_model=32,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        dropout_rate=dropout,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        initializer_factor=5 * spread,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )


def _bart(words: int, spread: float) -> BartConfig:
    """An encoder-decoder whose positions are learnt, with scaled embeddings and a bias on its logits."""
    return BartConfig(
        vocab_size=words,
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        max_position_embeddings=512,
        init_std=spread,
        scale_embedding=True,
        dropout=0.0,
        attention_dropout=0.0,
        activation_dropout=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=2,
    )


def save(kind: str, folder: Path, *, chat: bool = True, spread: float = 0.2, dropout: float = 0.0) -> Path:
    """A folder that holds such a model with its tokenizer, as if it came from the hub."""
    reads = tokenizer(TEMPLATE if chat and kind not in SEQ2SEQ else None, ends=kind in SEQ2SEQ)
    made = model(kind, len(reads), spread=spread, dropout=dropout)
    made.generation_config = GenerationConfig(
        pad_token_id=0, eos_token_id=1, decoder_start_token_id=0 if kind in SEQ2SEQ else None
    )
    made.save_pretrained(folder)
    reads.save_pretrained(folder)
    return folder


def load(folder: Path, **settings: Any) -> AnyStudent:
    """The student in a folder."""
    student: Student = load_student(StudentConfig(model=str(folder), **settings))
    assert isinstance(student, CausalStudent | Seq2SeqStudent)
    return student


def pair(question: str, right: str, wrong: str, weight: float = 1.0) -> list[Target]:
    """A right and a wrong text, each with the other as its counterpart; the wrong one is unlearnt."""
    one = Target(
        tag=Tag.EXPLAIN, example=question, question=question, text=right, data={"contrast": wrong}, weight=weight
    )
    return [one, one.model_copy(update={"text": wrong, "data": {"contrast": right, "unlearn": True}})]


def lesson(*said: tuple[Tag, str, str], name: str = "thinking", alpha: float = 0.5, **settings: Any) -> Stage:
    """A stage of targets (tag, question, text); a question is a family. alpha weighs predict and verdict."""
    return Stage(
        name=name,
        targets=tuple(Target(tag=tag, example=question, question=question, text=text) for tag, question, text in said),
        task_weights={Tag.PREDICT: alpha, Tag.EXPLAIN: 1 - alpha, Tag.VERDICT: alpha, Tag.CRITIQUE: 1 - alpha},
        **settings,
    )


def answers(score: float, questions: int = 1000) -> list[bool]:
    """Of so many validation questions, which are answered right: that share of them."""
    return [place < round(score * questions) for place in range(questions)]
