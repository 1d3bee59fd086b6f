"""What OpenVINO compiled of a student computes what PyTorch does, and takes the same steps."""

from collections.abc import Sequence
from pathlib import Path

import exported
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from unit.students.test_causal_state import asked_about

from mindsmirror.delivery.openvino_folder import write_openvino
from mindsmirror.records import Tag
from mindsmirror.students.base import Student
from mindsmirror.students.causal_state import CausalState, SharingState
from mindsmirror.students.compiled import CompiledModel, CompiledState, open_compiled
from mindsmirror.students.config import COMPILED, StudentConfig
from mindsmirror.students.decoding import SamplingParams
from mindsmirror.students.load import load_student


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's folder with its graph."""
    found = exported.student_folder(tmp_path_factory.mktemp("compiled"))
    (found / COMPILED).mkdir()
    write_openvino(found, found / COMPILED, "fp16", exported.ABOUT)
    return found


@pytest.fixture(scope="module")
def student(folder: Path) -> Student:
    """The student, its weights rounded as the graph's are."""
    found = load_student(StudentConfig(model=str(folder)))
    found.model.half().float().eval()
    return found


@pytest.fixture(scope="module")
def compiled(folder: Path) -> CompiledModel:
    """The graph, in fp32 on every processor."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mindsmirror.system.hardware.has_bf16", lambda: False)
        return CompiledModel(folder / COMPILED)


def walked(state: SharingState, kept: Sequence[Tensor], tokens: Sequence[int]) -> list[Tensor]:
    """Log-probabilities after reading, and after each choice of rows and one more token."""
    found = [state.read()]
    for rows, token in zip(kept, tokens, strict=True):
        state.keep(rows)
        found.append(state.step(torch.full((len(rows),), token)))
    return [logits.log_softmax(-1) for logits in found]


@settings(max_examples=30, deadline=None)
@given(sources=asked_about(), rows=st.data(), share=st.booleans())
def test_reading_and_writing_are_those_of_pytorch(
    student: Student, compiled: CompiledModel, sources: list[tuple[int, ...]], rows: st.DataObject, share: bool
) -> None:
    kept, count = [], len(sources)
    for _ in range(rows.draw(st.integers(0, 3))):
        chosen = rows.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=6))
        kept.append(torch.tensor(chosen))
        count = len(chosen)
    tokens = rows.draw(st.lists(st.integers(3, 40), min_size=len(kept), max_size=len(kept)))
    with torch.inference_mode():
        ours = walked(CompiledState(compiled, sources, 0, share=share), kept, tokens)
        plain = walked(CausalState(student.model, sources, 0, share=share), kept, tokens)
    for one, other in zip(ours, plain, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)


def test_rows_are_chosen_together_where_no_token_lies_between(student: Student, compiled: CompiledModel) -> None:
    sources = [(5, 6, 7), (8, 9), (10, 11, 12, 13)]
    found = []
    with torch.inference_mode():
        for state in (
            CompiledState(compiled, sources, 0, share=False),
            CausalState(student.model, sources, 0, share=False),
        ):
            state.read()
            state.keep(torch.tensor([2, 0, 0, 1]))
            state.keep(torch.tensor([3, 0]))
            found.append(state.step(torch.tensor([20, 21])).log_softmax(-1))
    torch.testing.assert_close(*found, atol=2e-3, rtol=0)


def test_batches_do_not_meet(compiled: CompiledModel) -> None:
    """Two batches in turn, each from its own keys and values."""
    with torch.inference_mode():
        alone = CompiledState(compiled, [(5, 6, 7)], 0, share=False)
        expected = [alone.read(), alone.step(torch.tensor([9]))]
        one, other = (CompiledState(compiled, [source], 0, share=False) for source in ((5, 6, 7), (30, 31)))
        first = one.read()
        other.read()
        torch.testing.assert_close([first, one.step(torch.tensor([9]))], expected)


def test_a_student_writes_through_it(student: Student, compiled: CompiledModel) -> None:
    sources = [student.source(Tag.EXPLAIN, text, None) for text in exported.QUESTIONS]
    greedy = student.generate(compiled, sources, SamplingParams(10))
    both = student.generate(compiled, sources, SamplingParams(10, 0.8, 3, [1, 2, 3, 4], greedy_first=True))
    plain = student.generate(student.model, sources, SamplingParams(10))
    assert [len(texts) for texts in both] == [3] * len(sources)
    for ours, first, theirs in zip(greedy, both, plain, strict=True):
        assert ours[0].text == first[0].text == theirs[0].text
        assert ours[0].log_probability == pytest.approx(theirs[0].log_probability, abs=5e-3)


def test_it_is_found_where_it_is_to_be_used(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_compiled(folder, "auto") is not None
    assert open_compiled(folder, "fp32") is None
    assert open_compiled(None, "auto") is None
    assert open_compiled(tmp_path, "auto") is None
    (tmp_path / COMPILED).mkdir()
    (tmp_path / COMPILED / "openvino_model.xml").write_text("no graph")
    assert open_compiled(tmp_path, "auto") is None
    monkeypatch.setattr("mindsmirror.system.hardware.device", lambda: "cuda")
    assert open_compiled(folder, "auto") is None
