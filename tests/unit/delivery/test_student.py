"""An exported student: it is asked in its own runtime, and one that answers otherwise is not kept."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import exported
import numpy as np
import onnxruntime
import pytest
import torch

from mindsmirror.delivery import gguf_file
from mindsmirror.delivery.card_facts import CardFacts
from mindsmirror.delivery.fidelity import EXACT, p_correct
from mindsmirror.delivery.folder import FIDELITY
from mindsmirror.delivery.formats import STUDENT_FORMATS
from mindsmirror.delivery.how_to_ask import verdict_body
from mindsmirror.delivery.onnx_folder import write_onnx
from mindsmirror.delivery.runtimes.base import ServedStudent
from mindsmirror.delivery.runtimes.llama_cpp import LlamaCppRuntime
from mindsmirror.delivery.runtimes.plain import TransformersRuntime
from mindsmirror.delivery.student import check_export, write_student
from mindsmirror.errors import DataError, ModelFileError, RecipeError, UnknownNameError
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Tag
from mindsmirror.students.base import Student
from mindsmirror.students.load import JUDGE
from mindsmirror.students.text import VERDICT_WORDS
from mindsmirror.tasks.base import Splits

LORA = "tiny-mirror-judge-8.7K-F16-LoRA.gguf"
ALL = ("safetensors", "gguf", "ollama", "openvino", "onnx")


@pytest.fixture(scope="module")
def judging(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same student with an adapter that judges; not to be written to."""
    return exported.judging_folder(tmp_path_factory.mktemp("judging"), folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's folder; not to be written to."""
    return exported.student_folder(tmp_path_factory.mktemp("student"))


def test_llama_cpp_says_what_the_student_says(folder: Path, tmp_path: Path) -> None:
    trained = exported.trained(folder)
    found = write_student(exported.source(folder), "gguf", ["f16", "q8_0"], tmp_path / "out", trained, exported.card)
    assert [each.file for each in found] == ["tiny-mirror-150K-F16.gguf", "tiny-mirror-150K-Q8_0.gguf"]
    exact = found[0]
    assert exact.failed == ()
    assert exact.same_prompts == exact.same_first_token == exact.same_answers == 1
    assert exact.divergence < 1e-3
    assert exact.judge is not None
    assert exact.judge.rationales == len(exported.QUESTIONS)
    assert exact.judge.largest_difference < 0.01
    assert exact.bytes == (tmp_path / "out" / exact.file).stat().st_size
    assert "llama.cpp" in exact.runtime
    written = json.loads((tmp_path / "out" / FIDELITY).read_text())
    assert [each["weights"] for each in written] == ["f16", "q8_0"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [FIDELITY, "README.md", *(e.file for e in found)]
    )


@pytest.mark.parametrize("weights", ["bf16", "fp16", "fp32"])
def test_a_folder_is_loaded_as_it_was_saved(folder: Path, tmp_path: Path, weights: str) -> None:
    found = write_student(
        exported.source(folder), "safetensors", [weights], tmp_path / "out", exported.trained(folder), exported.card
    )
    assert found[0].file == "out"
    assert found[0].same_prompts == 1
    assert found[0].divergence < (1e-9 if weights == "fp32" else 0.01)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["dtype"] == {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}[weights]


def test_a_wrong_conversion_is_found_and_not_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the reordering of queries and keys llama.cpp loads the file and writes nonsense."""
    monkeypatch.setattr(gguf_file, "reordered", lambda name, values, config: values)
    with pytest.raises(ModelFileError, match=r"not the trained one.*nats off"):
        write_student(
            exported.source(folder), "gguf", ["f16"], tmp_path / "out", exported.trained(folder), exported.card
        )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_passes_is_kept_beside_one_that_fails(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = exported.trained(folder)
    whole = trained.fidelity
    monkeypatch.setattr(
        trained,
        "fidelity",
        lambda *given: whole(*given).model_copy(update={"failed": ("it is far off",) if "Q8_0" in given[1] else ()}),
    )
    with pytest.raises(ModelFileError, match=r"Q8_0.gguf \(q8_0\): it is far off.*What passed is in"):
        write_student(exported.source(folder), "gguf", ["f16", "q8_0"], tmp_path / "out", trained, exported.card)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["README.md", FIDELITY, "tiny-mirror-150K-F16.gguf"]
    assert json.loads((tmp_path / "out" / FIDELITY).read_text())[1]["failed"] == ["it is far off"]


def test_a_template_that_reads_prompts_otherwise_is_found(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "gguf.GGUFWriter.add_chat_template",
        lambda self, template: self.add_string("tokenizer.chat_template", template.replace("user", "User") + "!"),
    )
    with pytest.raises(ModelFileError, match="prompts as other tokens"):
        write_student(
            exported.source(folder), "gguf", ["f16"], tmp_path / "out", exported.trained(folder), exported.card
        )


def test_what_cannot_be_exported_is_refused_first(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'gguf'"):
        check_export("ggufs", [], folder, tmp_path / "out")
    with pytest.raises(UnknownNameError, match="q8_0"):
        check_export("gguf", ["q8"], folder, tmp_path / "out")
    with pytest.raises(RecipeError, match="one model"):
        check_export("safetensors", ["bf16", "fp16"], folder, tmp_path / "out")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(DataError, match="not empty"):
        check_export("gguf", [], folder, tmp_path)
    assert check_export("gguf", ["f16", "f16"], folder, tmp_path / "out") == ("f16",)
    assert check_export("safetensors", [], folder, tmp_path / "out") == ("bf16",)


@pytest.mark.parametrize("weights", ["int8", "fp16"])
def test_openvino_says_what_the_student_says(folder: Path, tmp_path: Path, weights: str) -> None:
    found = write_student(
        exported.source(folder), "openvino", [weights], tmp_path / "out", exported.trained(folder), exported.card
    )
    assert found[0].failed == ()
    assert found[0].same_prompts == 1
    assert found[0].divergence < 0.05
    assert "OpenVINO" in found[0].runtime
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"openvino_model.xml", "openvino_model.bin", "openvino_tokenizer.xml", "config.json", FIDELITY} <= names
    assert not any(name.endswith(".gguf") for name in names)


@pytest.mark.parametrize("weights", ["int8", "fp32"])
def test_onnxruntime_says_what_the_student_says(folder: Path, tmp_path: Path, weights: str) -> None:
    source, out = exported.source(folder), tmp_path / "out"
    (found,) = write_student(source, "onnx", [weights], out, exported.trained(folder), exported.card)
    assert found.failed == ()
    assert found.same_prompts == 1
    assert found.divergence < (1e-4 if weights == "fp32" else 0.05)
    assert "onnxruntime" in found.runtime
    assert found.bytes > sum(path.stat().st_size for path in (out / "onnx").iterdir())


@pytest.mark.parametrize(("weights", "dtype", "suffix"), [("int8", "q8", "_quantized"), ("fp32", "fp32", "")])
def test_transformers_js_finds_the_student_by_its_names(
    folder: Path, tmp_path: Path, weights: str, dtype: str, suffix: str
) -> None:
    """Its documented layout, and a first step with the inputs that it makes of what the graph declares."""
    write_onnx(folder, tmp_path, weights)
    graph = f"model{suffix}.onnx"
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == [graph, f"{graph}_data"]
    names = ["config.json", "genai_config.json", "generation_config.json", "onnx", "tokenizer.json"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [*names, "tokenizer_config.json"]
    config = json.loads((tmp_path / "config.json").read_text())
    assert config.pop("transformers.js_config") == {"dtype": dtype, "use_external_data_format": {graph: True}}
    assert config == json.loads((folder / "config.json").read_text())
    template = json.loads((tmp_path / "tokenizer_config.json").read_text())["chat_template"]
    assert template == (folder / "chat_template.jinja").read_text()

    session = onnxruntime.InferenceSession(tmp_path / "onnx" / graph)
    student = exported.trained(folder).predictor.student
    read = list(student.source(Tag.EXPLAIN, exported.QUESTIONS[0], None))
    feeds = {"input_ids": np.array([read]), "attention_mask": np.ones((1, len(read)), np.int64)}
    for each in session.get_inputs():
        if each.name.startswith("past_key_values."):
            sizes = [size if isinstance(size, int) else int(size == "batch_size") for size in each.shape]
            feeds[each.name] = np.zeros(sizes, np.float32)
    (logits,) = session.run(["logits"], feeds)
    expected = student.next_logits(student.model, [read])[0]
    assert torch.allclose(torch.from_numpy(logits[0, -1]), expected, atol=1e-3 if weights == "fp32" else 0.5)
    assert int(logits[0, -1].argmax()) == int(expected.argmax())


@pytest.mark.parametrize("to", ALL)
def test_a_judge_that_is_an_adapter_is_compared_where_it_is_carried(judging: Path, tmp_path: Path, to: str) -> None:
    trained, out = exported.trained(judging), tmp_path / "out"
    (kind,) = check_export(to, [], judging, out)
    (found,) = write_student(exported.source(judging), to, [kind], out, trained, exported.card)
    assert found.failed == () and found.divergence < 0.05 and found.same_prompts == 1
    (written,) = json.loads((out / FIDELITY).read_text())
    carried = {"safetensors": JUDGE, "gguf": LORA}.get(to)
    assert found.adapter == carried
    assert {name for name in (JUDGE, LORA) if (out / name).exists()} == ({carried} if carried else set())
    if carried:
        assert found.judge is not None and found.judge.rationales == len(exported.QUESTIONS)
        assert found.judge.mean_difference < 0.02
        assert found.without_judge is None and "adapter" not in found.line
    else:
        assert found.judge is None and written["judge"] is None
        assert "does not judge; export --to gguf or safetensors" in written["without_judge"]
        assert found.line.endswith(written["without_judge"])


def test_llama_cpp_judges_with_the_adapter_as_the_student_does(judging: Path, tmp_path: Path) -> None:
    """Requests with and without it share a server: it changes no text, and without it the verdicts are others."""
    trained, out = exported.trained(judging), tmp_path / "out"
    found = write_student(exported.source(judging), "gguf", ["f16", "q8_0"], out, trained, exported.card)
    assert [each.adapter for each in found] == [LORA, LORA] and found[0].same_texts == 1
    judge = found[0].judge
    assert judge is not None and judge.largest_difference < 0.01
    alone = LlamaCppRuntime(out / found[0].file, 512)
    assert trained.fidelity(out / found[0].file, "alone", "f16", alone, EXACT).without_judge is not None
    served = replace(trained.predictor, student=cast(Student, ServedStudent(trained.predictor.student, alone)))
    thinker = p_correct(replace(served, judge=None), trained.asked, trained.judged)
    assert max(abs(one - other) for one, other in zip(thinker, trained.p_correct, strict=True)) > 0.05
    alone.close()


def test_the_judge_sets_in_where_it_was_taught_to(judging: Path, tmp_path: Path) -> None:
    """One token earlier or two later are further off than the rounding to 16 bits."""
    trained, source = exported.trained(judging), exported.source(judging)
    said = ("The answer is 8.", "It is 3.", "Hm, 7 + 7. It is 8.", "No")
    trained.judged = [(example, text, None) for example in trained.asked.examples for text in said]
    before = (*source.adapted[:1], *source.adapted)
    off = []
    for number, adapted in enumerate([source.adapted, before, source.adapted[2:]]):
        folder = tmp_path / str(number)
        folder.mkdir()
        moved = source._replace(adapted=adapted)
        runtime = STUDENT_FORMATS["gguf"].open(moved, STUDENT_FORMATS["gguf"].write(moved, folder, "f16"))
        judge = trained.fidelity(folder, "moved", "f16", runtime, EXACT).judge
        runtime.close()
        assert judge is not None
        off.append(judge.largest_difference)
    assert off[0] < 0.02 < 0.04 < min(off[1:])


def test_the_cards_request_has_the_students_verdict_of_llama_cpp(judging: Path, tmp_path: Path) -> None:
    """What is posted is the card's body; what comes back is the word that the student finds likeliest."""
    trained, source, gguf = exported.trained(judging), exported.source(judging), STUDENT_FORMATS["gguf"]
    (example,) = [each for each in trained.asked.examples if each.id == "2"]
    task = replace(exported.TASK, splits=Splits((), (), (example,)))
    card = CardFacts("tiny", "mirror", "m", "./tiny", ["t"], task, [Tag.EXPLAIN], VerdictRequest("m"), None, None)
    runtime = gguf.open(source, gguf.write(source, tmp_path, "f16"))
    assert isinstance(runtime, LlamaCppRuntime)
    words = []
    for rationale in ("The answer is 8.", "It is 3.", "No"):
        shares = verdict_probabilities(trained.predictor, VerdictRequest("m"), [(example.text, rationale)])[0]
        words.append(max(zip(shares, VERDICT_WORDS, strict=True))[1])
        reply = runtime.call("/v1/chat/completions", verdict_body(card, rationale))
        assert reply["choices"][0]["message"]["content"] == words[-1]
    assert len(set(words)) == 2
    runtime.close()


def test_a_judge_that_never_sets_in_is_found_and_not_kept(judging: Path, tmp_path: Path) -> None:
    source = exported.source(judging)
    source = source._replace(adapted=source.adapted[:1] * len(source.adapted))
    with pytest.raises(ModelFileError, match="probabilities are"):
        write_student(source, "gguf", ["f16"], tmp_path / "out", exported.trained(judging), exported.card)
    assert list(tmp_path.iterdir()) == []


def test_the_adapter_is_what_judges_in_a_folder_that_was_saved(judging: Path, tmp_path: Path) -> None:
    trained, out = exported.trained(judging), tmp_path / "out"
    write_student(exported.source(judging), "safetensors", ["fp32"], out, trained, exported.card)
    again = exported.trained(out)
    assert again.p_correct == pytest.approx(trained.p_correct, abs=1e-5)
    texts = [(before.rationale, before.answer) for before in trained.observed.predictions]
    assert [(after.rationale, after.answer) for after in again.observed.predictions] == texts
    shutil.rmtree(out / JUDGE)
    alone = exported.trained(out)
    assert max(abs(one - other) for one, other in zip(alone.p_correct, trained.p_correct, strict=True)) > 0.05
    lost = TransformersRuntime(out, exported.source(out).config)
    found = trained.fidelity(out, "out", "fp32", lost, EXACT)
    assert any("probabilities are" in each for each in found.failed)


@pytest.mark.parametrize("to", ["gguf", "ollama", "openvino", "onnx"])
def test_encoder_decoders_are_refused_where_no_runtime_has_them(
    tiny_folder: Callable[..., Path], tmp_path: Path, to: str
) -> None:
    with pytest.raises(ModelFileError, match=r"encoder-decoder \(t5\).*--to safetensors"):
        check_export(to, [], tiny_folder("t5"), tmp_path / "out")
