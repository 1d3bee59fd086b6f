"""Compiles a run's trained students for this processor, after training and before they are asked.

The graph lies in the student's own folder, so whoever loads the student finds it. It is kept only if it writes as
PyTorch does: both read the same questions and the same tokens after them, and their distributions may differ by what
rounding to 8 bits of precision explains (`EIGHT_BITS`, delivery/fidelity.py), which is what bf16 has.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.methods import ArmConfig
from mindsmirror.records import Tag
from mindsmirror.runs.description import trained_model
from mindsmirror.runs.folder import Run
from mindsmirror.runs.recipe import Recipe
from mindsmirror.students.config import COMPILED, GRAPH
from mindsmirror.system.files import storage_guard, whole_folder
from mindsmirror.system.openvino_settings import replaces_pytorch
from mindsmirror.system.progress import Working, say
from mindsmirror.tasks.base import Task

QUESTIONS, TOKENS = 8, 16
"""Questions, and tokens after each, by which graph and model are compared."""


def compile_students(run: Run, recipe: Recipe, task: Task) -> None:
    """Compile every trained student for which that is worth it, unless it is compiled already.

    Left as they are, and asked through PyTorch, are students on a GPU, in fp32, and of architectures that are not
    converted here; and those whose recipe says so lose their graph.
    """
    for arm in recipe.arm:
        model = trained_model(run.folder, arm)
        if not recipe.evaluation.compile:
            shutil.rmtree(model / COMPILED, ignore_errors=True)
        elif not (model / COMPILED).exists() and _can_be(model, recipe):
            with Working(f"compiling the student of {arm.name} for this processor"):
                _compile(model, recipe, task, arm)


def _can_be(model: Path, recipe: Recipe) -> bool:
    if not replaces_pytorch(recipe.training.precision):
        return False
    from mindsmirror.delivery.gguf_file import check_gguf

    try:
        check_gguf(model)
    except ModelFileError:
        return False
    return True


def _compile(model: Path, recipe: Recipe, task: Task, arm: ArmConfig) -> None:
    from mindsmirror.delivery.fidelity import EIGHT_BITS
    from mindsmirror.delivery.gguf_file import About
    from mindsmirror.delivery.openvino_folder import write_openvino
    from mindsmirror.evaluation.evaluate import main_mode

    examples = [*task.splits.valid, *task.splits.train][:QUESTIONS]
    tag = Tag.EXPLAIN if main_mode(arm) == "think" else Tag.PREDICT
    try:
        with storage_guard(model), whole_folder(model / COMPILED) as part:
            write_openvino(model, part, "fp16", About(arm.name, "", "compiled"))
            for file in part.iterdir():
                if file.stem != Path(GRAPH).stem:
                    file.unlink()
            apart = _difference(model, part, recipe, tag, [example.text for example in examples])
            if not apart <= EIGHT_BITS.divergence:
                raise ModelFileError(f"it is {apart:.3g} nats off (at most {EIGHT_BITS.divergence:g})")
    except (MissingExtraError, ModelFileError, RuntimeError) as error:
        say(f"{arm.name}: asked through PyTorch, since OpenVINO does not write as it does: {error}")
    else:
        say(f"{arm.name}: asked through OpenVINO, {apart:.1e} nats from PyTorch")


def _difference(model: Path, graph: Path, recipe: Recipe, tag: Tag, questions: Sequence[str]) -> float:
    """Mean divergence of the graph's distributions from the model's, in nats, over questions and greedy tokens."""
    import torch

    from mindsmirror.delivery.fidelity import divergence
    from mindsmirror.inference.predictor import inference_model
    from mindsmirror.students.causal_state import CausalState
    from mindsmirror.students.compiled import CompiledModel, CompiledState
    from mindsmirror.students.load import load_student

    student = load_student(recipe.student, model)
    ready = inference_model(student.model, recipe.training.precision)
    sources = [student.source(tag, question, None) for question in questions]
    padding = student.tokenizer.eos_token_id
    plain = CausalState(ready, sources, padding, share=False)
    compiled: Any = CompiledState(CompiledModel(graph), sources, padding, share=False)
    found = []
    with torch.inference_mode():
        before, after = plain.read(), compiled.read()
        for _ in range(TOKENS):
            found.append(divergence(before, after)[0])
            tokens = before.argmax(-1)
            before, after = plain.step(tokens), compiled.step(tokens)
    return sum(found) / len(found)
