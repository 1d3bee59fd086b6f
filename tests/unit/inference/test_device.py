"""A student is asked on the device that the machine has, with one model, cast as the machine says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pretend_gpu
import pytest
import tiny
import torch
from plain import without_log_probabilities

from mindsmirror.answers import Number
from mindsmirror.evaluation.arms import AskedArm, ask_modes
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor, asked_while_learning, inference_model
from mindsmirror.methods import VerdictRequest, read_arm
from mindsmirror.records import MODES, Example
from mindsmirror.students.config import StudentConfig
from mindsmirror.system import hardware
from mindsmirror.tasks.base import Splits, Task

Folder = Callable[..., Path]
ARM = read_arm({"name": "mirror", "method": "minds_mirror"})
SUMS = Task(name="sums", version=1, licence="", answers=Number(), splits=Splits((), (), ()))
ASKED = [Example(id=text, text=text, gold="5") for text in ("2 + 3?", "How many legs have 2 hens and 1 fly?")]
JUDGED = [("2 + 3?", "It is 5."), ("How many?", "I do not know.")]


def asked_arm(folder: Path, precision: str = "fp32") -> AskedArm:
    config = EvaluationConfig(samples=2, max_tokens=8)
    return AskedArm(SUMS, StudentConfig(model=str(folder)), config, precision, seed=3, arm=ARM, model=folder)


def opened(folder: Path, precision: str = "fp32") -> Predictor:
    return asked_arm(folder, precision).open()


def answers(predictor: Predictor, folder: Path) -> Any:
    return ask_modes(predictor, asked_arm(folder), MODES, ASKED)


@pytest.mark.parametrize("kind", ["llama", "gemma3", "gpt2", "t5"])
def test_every_mode_runs_on_the_device_and_answers_what_the_processor_would(
    kind: str, tiny_folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = opened(tiny_folder(kind))
    expected, probabilities = (
        answers(here, tiny_folder(kind)),
        verdict_probabilities(here, VerdictRequest("mirror"), JUDGED),
    )
    monkeypatch.setattr(hardware, "device", lambda: pretend_gpu.NAME)
    with pretend_gpu.PretendGPU():
        there = opened(tiny_folder(kind))
        assert all(isinstance(value.data, pretend_gpu.There) for value in there.model.parameters())
        found, judged = (
            answers(there, tiny_folder(kind)),
            verdict_probabilities(there, VerdictRequest("mirror"), JUDGED),
        )
    torch.testing.assert_close(torch.tensor(judged), torch.tensor(probabilities), rtol=1e-4, atol=1e-6)
    for mode in ("predict", "think", "vote"):
        assert without_log_probabilities(found[mode]) == without_log_probabilities(expected[mode])


def test_the_pretended_device_refuses_what_a_gpu_refuses() -> None:
    with pretend_gpu.PretendGPU():
        there = torch.ones(3).to(pretend_gpu.DEVICE)
        assert (there + there.new_ones(3) + 1).tolist() == [3, 3, 3]
        with pytest.raises(RuntimeError, match="and of the processor"):
            there + torch.ones(3)
        assert type(there.cpu()) is torch.Tensor


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_student_that_is_opened_is_the_only_model(precision: str, tiny_folder: Folder) -> None:
    predictor = opened(tiny_folder("llama"), precision)
    assert predictor.model is predictor.student.model
    assert {value.dtype for value in predictor.model.parameters()} == {hardware.dtype(precision)}
    assert not predictor.model.training and not any(value.requires_grad for value in predictor.model.parameters())


def test_weights_are_cast_and_the_frequencies_of_positions_are_not(tiny_folder: Folder) -> None:
    stock = dict(tiny.load(tiny_folder("llama")).model.named_buffers())
    model = inference_model(tiny.load(tiny_folder("llama")).model, "bf16")
    assert {value.dtype for value in model.parameters()} == {torch.bfloat16}
    assert stock and all(torch.equal(value, stock[name]) for name, value in model.named_buffers())


def test_a_model_that_learns_is_asked_itself_or_by_a_cast_copy(tiny_folder: Folder) -> None:
    model = tiny.load(tiny_folder("llama")).model.train()
    with asked_while_learning(model, "fp32") as ready:
        assert ready is model and not ready.training
    assert model.training
    with asked_while_learning(model, "bf16") as ready:
        assert {value.dtype for value in ready.parameters()} == {torch.bfloat16} and not ready.training
        assert not any(value.requires_grad for value in ready.parameters())
        assert ready.get_output_embeddings().weight is not model.get_output_embeddings().weight
        assert model.training
    assert all(value.requires_grad and value.dtype == torch.float32 for value in model.parameters())


def test_a_model_learns_on_after_a_failed_question(tiny_folder: Folder) -> None:
    model = tiny.load(tiny_folder("llama")).model.train()
    with pytest.raises(KeyError), asked_while_learning(model, "fp32"):
        raise KeyError
    assert model.training
