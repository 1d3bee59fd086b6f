"""What a student writes: greedy and sampled texts, alone and in company, and the logits that a judge reads."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.records import Tag
from mindsmirror.students.base import pad
from mindsmirror.students.decoding import GeneratedText, SamplingParams, TextPieces, read_generated

Folder = Callable[..., Path]
QUESTIONS = ("Tom has 3 nuts. How many?", "2?", "How many legs have 2 hens, 1 cow and 3 flies together, at most?")


def sources(student: tiny.AnyStudent) -> list[tuple[int, ...]]:
    return [student.source(Tag.EXPLAIN, question, None) for question in QUESTIONS]


def greedy(student: tiny.AnyStudent, source: tuple[int, ...], steps: int) -> tuple[list[int], list[float]]:
    """The likeliest token, again and again, by whole passes without a cache; and how likely each was."""
    model, begun, likely = student.model.eval(), list[int](), list[float]()
    while len(begun) < steps and 1 not in begun:
        if model.config.is_encoder_decoder:
            out = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([[0, *begun]]))
        else:
            out = model(input_ids=torch.tensor([[*source, *begun]]))
        begun.append(int(out.logits[0, -1].argmax()))
        likely.append(float(out.logits[0, -1].log_softmax(-1)[begun[-1]].detach()))
    return begun, likely


def assert_written(student: tiny.AnyStudent, source: tuple[int, ...], found: Sequence[GeneratedText]) -> None:
    """That one text was written which plain passes write, with the mean log-probability of its tokens."""
    tokens, likely = greedy(student, source, 12)
    [text] = found
    assert text.tokens == len(tokens) and text.log_probability == pytest.approx(fmean(likely), abs=1e-4)
    assert text._replace(log_probability=None) == read_generated(
        student.tokenizer, torch.tensor(tokens), end=student.end
    )


@pytest.mark.parametrize("kind", [*tiny.FAMILIES, "mistral", "gpt2"])
def test_greedy_texts_are_those_of_plain_passes_whoever_shares_the_batch(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    together = student.generate(student.model, sources(student), SamplingParams(12))
    for source, found in zip(sources(student), together, strict=True):
        assert_written(student, source, found)


@pytest.mark.parametrize("kind", [*tiny.FAMILIES, "mistral", "gpt2"])
def test_what_all_sources_begin_with_changes_no_text(kind: str, tiny_folder: Folder) -> None:
    """Long enough to be read once for all: positions, masks and windows must be those of each source by itself."""
    student = tiny.load(tiny_folder(kind))
    instruction = "Count how many legs there are in total. Now, how many legs have "
    asked = [student.source(Tag.EXPLAIN, instruction + end, None) for end in ("2 hens?", "1 cow and 3 flies?", "it?")]
    together = student.generate(student.model, asked, SamplingParams(12))
    for source, found in zip(asked, together, strict=True):
        assert_written(student, source, found)


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_a_models_own_sampling_habits_are_dropped(kind: str, tiny_folder: Folder, tmp_path: Path) -> None:
    """Qwen's generation_config asks for a repetition penalty and top-k: a student must not inherit them."""
    folder = tmp_path / "habits"
    shutil.copytree(tiny_folder(kind), folder)
    settings = folder / "generation_config.json"
    habits = {"repetition_penalty": 9.0, "no_repeat_ngram_size": 1, "min_new_tokens": 12, "top_k": 1}
    settings.write_text(json.dumps(json.loads(settings.read_text()) | habits))
    plain, student = tiny.load(tiny_folder(kind)), tiny.load(folder)
    assert student.generate(student.model, sources(student), SamplingParams(12)) == plain.generate(
        plain.model, sources(plain), SamplingParams(12)
    )


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_samples_are_grouped_by_source_and_follow_the_seed(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind, spread=0.02))

    def drawn(seed: int) -> list[list[str]]:
        sampling = SamplingParams(6, temperature=1.0, samples=4, seeds=(seed, seed + 10, seed + 20))
        made = student.generate(student.model, sources(student), sampling)
        return [[text.text for text in texts] for texts in made]

    first = drawn(3)
    assert [len(texts) for texts in first] == [4, 4, 4]
    assert drawn(3) == first
    assert drawn(4) != first
    assert all(len(set(texts)) > 1 for texts in first)


@pytest.mark.parametrize("kind", [*tiny.FAMILIES, "gpt2"])
def test_logits_after_a_source_and_what_was_begun(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    model = student.model.eval()
    begun = (72, 73)
    found = student.next_logits(model, sources(student), begun)
    for row, source in zip(found, sources(student), strict=True):
        if kind == "t5":
            out = model(input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([[0, *begun]]))
        else:
            out = model(input_ids=torch.tensor([[*source, *begun]]))
        torch.testing.assert_close(row, out.logits[0, -1].detach(), rtol=1e-4, atol=1e-5)


class Elsewhere:
    """Stands for a model on another device: takes no tensor that is not there."""

    device = torch.device("meta")

    def __init__(self, config: Any) -> None:
        self.config = config

    def __call__(self, **inputs: Any) -> SimpleNamespace:
        assert {value.device for value in inputs.values() if isinstance(value, torch.Tensor)} == {self.device}
        return SimpleNamespace(logits=torch.zeros(3, 1, 9), past_key_values=None)

    def get_encoder(self) -> Callable[..., Any]:
        return lambda **inputs: (self(**inputs).logits,)

    def get_output_embeddings(self) -> torch.nn.Module:
        return torch.nn.Linear(1, 9)


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_inputs_follow_the_model_to_its_device(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    model = Elsewhere(student.model.config)
    assert student.next_logits(model, sources(student), (72,)).shape == (3, 9)
    assert len(student.generate(model, sources(student), SamplingParams(1))) == 3


def test_a_text_ends_before_the_first_end_token() -> None:
    reads = tiny.tokenizer(None)
    a, b = reads("ab", add_special_tokens=False).input_ids
    ended = read_generated(reads, torch.tensor([a, b, 1, 1, a]), end=frozenset({1}))
    assert (ended.text, ended.tokens, ended.ended) == ("ab", 3, True)
    cut = read_generated(reads, torch.tensor([a, b]), end=frozenset({1}))
    assert (cut.text, cut.tokens, cut.ended) == ("ab", 2, False)
    other = read_generated(reads, torch.tensor([a, 4, b]), end=frozenset({1, 4}))
    assert (other.text, other.tokens, other.ended) == ("a", 2, True)


def test_padding_on_either_side() -> None:
    tokens, mask = pad([(5, 6), (7,)], 9)
    assert tokens.tolist() == [[5, 6], [7, 9]]
    assert mask.tolist() == [[1, 1], [1, 0]]
    tokens, mask = pad([(5, 6), (7,)], 9, left=True)
    assert tokens.tolist() == [[5, 6], [9, 7]]
    assert mask.tolist() == [[1, 1], [0, 1]]


def test_a_reply_also_ends_at_the_tokens_that_the_model_names(tiny_folder: Folder, tmp_path: Path) -> None:
    folder = tmp_path / "ends"
    shutil.copytree(tiny_folder("llama"), folder)
    settings = folder / "generation_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text()) | {"eos_token_id": [1, 4]}))
    student = tiny.load(folder)
    assert sorted(student.end) == [1, 4]
    assert student.target("a")[-1] == 1


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_the_pieces_of_a_text_are_told_as_they_are_written_and_make_up_the_text(kind: str, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    told: dict[int, list[str]] = {}

    def watch(number: int, piece: str) -> None:
        told.setdefault(number, []).append(piece)

    alone = student.generate(student.model, sources(student), SamplingParams(24))
    watched = student.generate(student.model, sources(student), SamplingParams(24, watch=watch))
    assert watched == alone
    for number, [text] in enumerate(watched):
        assert "".join(told.get(number, [])) == text.text
    assert sum(map(len, told.values())) > len(told), "a text is told as it is written, not at its end"


@given(st.text(), st.sampled_from(["", "</s>", "</s>the next text"]))
def test_the_pieces_of_any_text_make_up_the_text(text: str, after: str) -> None:
    """A token a byte: characters of several bytes must not be told before they are whole."""
    reads = tiny.tokenizer(None)
    ids = [*reads(text, add_special_tokens=False).input_ids, *reads(after, add_special_tokens=False).input_ids]
    told: list[str] = []
    pieces = TextPieces(reads, frozenset({reads.eos_token_id}), lambda _, piece: told.append(piece))
    for token in ids:
        pieces.add([0], [token])
    whole = read_generated(reads, torch.tensor(ids, dtype=torch.long), end=frozenset({reads.eos_token_id})).text
    pieces.finish(0, whole)
    assert "".join(told) == whole
