"""The probability of each verdict against a plain pass over the whole text, word by word."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from plain import row_nll
from tokenizers import pre_tokenizers

from mindsmirror.answers import Number
from mindsmirror.errors import ModelFileError
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.inference.vote import judged_samples
from mindsmirror.methods import VerdictRequest
from mindsmirror.records import Example, Sample, Tag
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.causal import CausalStudent
from mindsmirror.students.text import VERDICT_WORDS
from mindsmirror.tasks.base import Splits, Task

Folder = Callable[..., Path]
SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
OWN = VerdictRequest("a")
PUBLISHED = VerdictRequest("a", Tag.PREDICT, sees_question=False)
JUDGED = [
    ("2+3?", "2 and 3 is 5. The answer is 5."),
    ("Tom has 7 nuts and eats 2 of them. How many are left?", "The answer is 9."),
    ("1?", "1."),
    ("9-4?", "9 less 4 is 6. The answer is 6."),
]


def plain(student: tiny.AnyStudent, source: tuple[int, ...], differ: int) -> list[float]:
    """Log-probability of each word's token number `differ`, each word read whole and by itself; then normalised."""
    model = student.model.eval()
    words = [student.target(word) for word in VERDICT_WORDS]
    logs = [-row_nll(model, TokenisedTarget("", Tag.VERDICT, source, word))[differ] for word in words]
    shares: list[float] = torch.softmax(torch.stack(logs), 0).tolist()
    return shares


@pytest.mark.parametrize("kind", tiny.FAMILIES)
@pytest.mark.parametrize("batch", [1, 3, 64])
def test_it_is_the_share_of_the_words_first_tokens(kind: str, batch: int, tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder(kind))
    found = verdict_probabilities(Predictor(student, student.model.eval(), SUMS, batch=batch), OWN, JUDGED)
    for (question, rationale), shares in zip(JUDGED, found, strict=True):
        source = student.source(Tag.VERDICT, question, rationale)
        assert shares == pytest.approx(plain(student, source, 0), rel=1e-4)
        assert sum(shares) == pytest.approx(1)
    assert len({round(shares[0], 6) for shares in found}) == len(JUDGED)


def test_as_published_the_judge_reads_the_rationale_alone_under_predict(tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder("t5"))
    found = verdict_probabilities(Predictor(student, student.model.eval(), SUMS), PUBLISHED, JUDGED)
    for (_, rationale), shares in zip(JUDGED, found, strict=True):
        assert shares == pytest.approx(plain(student, student.source(Tag.PREDICT, None, rationale), 0), rel=1e-4)


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_what_all_words_begin_with_is_read_first(kind: str, tiny_folder: Folder) -> None:
    """A tokenizer that writes a space before a word, as SentencePiece does: the words differ at their second token."""
    student = tiny.load(tiny_folder(kind))
    student.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    firsts = {student.target(word)[0] for word in VERDICT_WORDS}
    assert len(firsts) == 1
    found = verdict_probabilities(Predictor(student, student.model.eval(), SUMS), OWN, JUDGED)
    for (question, rationale), shares in zip(JUDGED, found, strict=True):
        source = student.source(Tag.VERDICT, question, rationale)
        assert shares == pytest.approx(plain(student, source, 1), rel=1e-4)


def test_words_that_two_tokens_cannot_tell_apart_are_refused(tiny_folder: Folder) -> None:
    class Blunt(CausalStudent):
        def target(self, text: str) -> tuple[int, ...]:
            return (7, len(text)) if text == "correct" else (8, len(text))

    loaded = tiny.load(tiny_folder("llama"))
    blunt = Blunt(loaded.model, loaded.tokenizer, max_source=512, max_target=256)
    with pytest.raises(ModelFileError, match="first tokens are alike"):
        verdict_probabilities(Predictor(blunt, blunt.model, SUMS), OWN, JUDGED)


def test_only_samples_that_answer_are_judged(tiny_folder: Folder) -> None:
    student = tiny.load(tiny_folder("llama"))
    ready = Predictor(student, student.model.eval(), SUMS)
    asked = [Example(id=str(number), text=question) for number, (question, _) in enumerate(JUDGED[:2])]

    def sample(text: str, answer: str | None) -> Sample:
        return Sample(text=text, answer=answer, right=None, tokens=1)

    samples = [(sample("Hm.", None), sample(JUDGED[0][1], "5")), (sample(JUDGED[1][1], "9"), sample("", None))]
    expected = verdict_probabilities(ready, OWN, JUDGED[:2])
    found = judged_samples(ready, OWN, asked, samples)
    shares: list[list[Any]] = [[s.p_correct for s in of_question] for of_question in found]
    assert shares == [[None, pytest.approx(expected[0][0])], [pytest.approx(expected[1][0]), None]]
    # What was judged before is not judged again.
    known = [(sample(JUDGED[0][1], "5").model_copy(update={"p_correct": 0.123}),), ()]
    assert judged_samples(ready, OWN, asked, known) == known
    silent = [(sample("Hm.", None),), ()]
    assert judged_samples(ready, OWN, asked, silent) == silent


@pytest.mark.parametrize("kind", tiny.FAMILIES)
def test_a_bf16_student_has_logits_finer_than_bf16(
    kind: str, tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trained students have logits of some 40, where neighbours in bf16 lie 0.25 apart."""
    student = tiny.load(tiny_folder(kind))
    model = student.model.to(torch.bfloat16).eval()
    sources = [student.source(Tag.VERDICT, f"{n}+{n}?", f"{n} and {n} is {2 * n}.") for n in range(4)]
    found = student.next_logits(model, sources)
    assert found.dtype == torch.float32 and not torch.equal(found, found.bfloat16().float())
    # The head is the model's own again, and what it gives in bf16 is the same but for rounding.
    assert "forward" not in vars(model.get_output_embeddings())
    monkeypatch.setattr(f"mindsmirror.students.{'seq2seq' if kind == 't5' else 'causal'}.head_in_fp32", nullcontext)
    rounded = student.next_logits(model, sources).float()
    assert torch.equal(rounded, rounded.bfloat16().float())
    torch.testing.assert_close(found, rounded, rtol=2**-7, atol=2**-7)
