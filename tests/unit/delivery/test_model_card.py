"""A student's card: the hub's library reads it, and it says what a user of the files has to know."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from mindsmirror.annotation.prompts import prompts_for
from mindsmirror.answers import Number
from mindsmirror.delivery.card_facts import CardFacts
from mindsmirror.delivery.compare import WITHOUT_JUDGE
from mindsmirror.delivery.fidelity import Fidelity, JudgeFidelity
from mindsmirror.delivery.formats import STUDENT_FORMATS
from mindsmirror.delivery.how_to_ask import verdict_body
from mindsmirror.delivery.model_card import LIBRARIES, base_model, model_card, student_licence
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Example, Tag
from mindsmirror.reporting.schema import ArmResult, Report, StudentJudge
from mindsmirror.tasks.base import Splits, Task

QUESTION = Example(id="q", text="How many 'legs' do 2 cows have?", gold="8")
TASK = Task("legs", 3, "CC BY-NC 4.0 (non-commercial use only)", Number(), Splits((), (), (QUESTION,)))
HOSTILE = "<script>|a\nb`"


def front_matter(text: str) -> dict[str, Any]:
    card: Any = ModelCard(text)
    return dict(card.data.to_dict())


def result(name: str, mode: str, accuracy: float | None) -> ArmResult:
    return ArmResult(name=name, method="m", mode=mode, seed=0, n=50, accuracy=accuracy, ci95=(0.1, 0.5))


def facts(**changed: Any) -> CardFacts:
    parts: dict[str, Any] = {
        "arms": (result("untrained", "think", 0.02), result("other", "think", 0.9), result("mirror", "think", 0.4)),
        "student_judge": StudentJudge(arm="mirror", n=60, auroc=0.71, auroc_ci95=(0.6, 0.8)),
        "provenance": {"seed": "7"},
    }
    report = Report.model_construct(**parts)
    plain = CardFacts(
        name="mine-mirror",
        arm="mirror",
        method="minds_mirror",
        student="smollm2-135m-instruct",
        teachers=["qwen2.5-coder-1.5b-instruct", HOSTILE],
        task=TASK,
        tags=[Tag.PREDICT, Tag.EXPLAIN],
        judging=VerdictRequest("mirror"),
        prompts=prompts_for(Number()),
        report=report,
    )
    return plain._replace(**changed)


def fidelity(file: str, *failed: str) -> Fidelity:
    judge = JudgeFidelity(
        rationales=60, mean_difference=0.0123, largest_difference=0.1, auroc_before=0.71, auroc_after=0.69
    )
    return Fidelity(
        file=file,
        weights="q8_0",
        bytes=145_000_000,
        runtime="llama.cpp",
        questions=50,
        same_prompts=1,
        divergence=0.001,
        same_first_token=1,
        same_texts=0.8,
        same_answers=0.9,
        right_before=0.4,
        right_after=0.38,
        judge=judge,
        tokens_per_second=60,
        bounds={},
        failed=failed,
    )


@pytest.mark.parametrize("to", STUDENT_FORMATS)
def test_the_hub_reads_the_card(to: str) -> None:
    front = front_matter(model_card(facts(), to, [fidelity("a.gguf")]))
    assert front["license"] == "apache-2.0"
    assert front.get("base_model") == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert front["base_model_relation"] == "finetune"
    assert front["library_name"] == LIBRARIES[to]
    ((evaluated,),) = [model["results"] for model in front["model-index"]]
    assert evaluated["dataset"] == {"name": "legs", "type": "legs", "split": "test"}
    assert [metric["value"] for metric in evaluated["metrics"]] == [0.4]


def test_the_card_says_what_a_user_has_to_know() -> None:
    text = model_card(facts(), "gguf", [fidelity("good.gguf"), fidelity("bad.gguf", "far off")])
    assert "| before training | think | 50 | 2.0 % | 10.0 % to 50.0 % |" in text
    assert "| this model | think | 50 | 40.0 % | 10.0 % to 50.0 % |" in text
    assert "90.0 % | 10.0 %" not in text
    assert "60 of its own rationales: 0.71 (0.60 to 0.80)" in text
    assert "| good.gguf | 145.0 MB | llama.cpp | 90.0 % | 40.0 %, 38.0 % | 0.012 | 0.71, 0.69 |" in text
    assert "bad.gguf" not in text
    assert "llama-cli -m good.gguf" in text
    assert "`explain`" in text and "`verdict`" in text
    assert "Somebody's solution: RATIONALE" in text
    assert "non-commercial use only" in text.split("## Use and limits")[1]
    assert "<script>" not in text
    assert text.count("~~~") == 4


def test_a_browser_is_told_how_to_ask() -> None:
    text = model_card(facts(), "onnx", [fidelity("out")])
    script = text.split("```js\n")[1].split("```")[0]
    assert 'pipeline("text-generation", "./")' in script
    (asked,) = [line for line in script.splitlines() if line.startswith("const asked")]
    content = json.loads(asked.split("content: ")[1].removesuffix(" }];"))
    assert content.endswith("\n\nexplain") and content.count("\n") == 2


def test_what_is_not_known_is_left_out_or_said() -> None:
    bare = facts(student="./mine", report=None, prompts=None, judging=None, tags=[Tag.PREDICT])
    text = model_card(bare, "safetensors", [fidelity("out").model_copy(update={"judge": None, "right_before": None})])
    front = front_matter(text)
    assert front.get("base_model") is None
    assert front["license"] == "other"
    assert "model-index" not in front
    assert "has no report" in text
    assert "no longer there" in text
    assert "verdict" not in text.split("## How to ask it")[1]


def test_files_without_their_judge_promise_no_verdict() -> None:
    report = facts().report
    assert report is not None
    voted = report.model_copy(update={"arms": (*report.arms, result("mirror", "mirror", 0.5))})
    file = fidelity("a.gguf").model_copy(update={"judge": None, "without_judge": WITHOUT_JUDGE})
    text = model_card(facts(report=voted), "ollama", [file])
    assert "does not judge; export --to gguf or safetensors has the judge." in text
    assert "and judges it" not in text and "`verdict`" not in text and "AUROC of its" not in text
    assert "probability of" not in text.split("## Use and limits")[1]
    assert "| this model | think |" in text and "| this model | mirror |" not in text
    ((evaluated,),) = [model["results"] for model in front_matter(text)["model-index"]]
    assert [metric["value"] for metric in evaluated["metrics"]] == [0.4]


def test_a_folder_with_an_adapter_says_how_to_have_verdicts() -> None:
    file = fidelity("out").model_copy(update={"adapter": "judge"})
    text = model_card(facts(), "safetensors", [file])
    assert "and judges it" in text and "AUROC of its" in text
    asking = text.split("## How to ask it")[1]
    assert "the folder `judge`" in asking and 'mindsmirror.load(".").ask(' in asking
    assert "- `verdict`" not in asking


def test_a_gguf_card_says_how_a_server_judges() -> None:
    files = [fidelity("a.gguf", "far off"), fidelity("b.gguf")]
    found = [each.model_copy(update={"adapter": "b-LoRA.gguf"}) for each in files]
    text = model_card(facts(), "gguf", found)
    assert "and judges it" in text and "`b-LoRA.gguf` beside them is the adapter" in text
    script = text.split("## How to ask it")[1].split("```sh\n")[2].split("```")[0]
    assert "llama-server -m b.gguf --lora-scaled b-LoRA.gguf:0 --parallel 1" in script
    body = json.loads(script.split(" -d '")[1].rstrip().removesuffix("'"))
    assert body == verdict_body(facts(), "RATIONALE")
    assert [turn["content"] for turn in body["messages"]][1:] == ["RATIONALE", "verdict"]
    alone = verdict_body(facts(judging=VerdictRequest("mirror", sees_question=False)), "It is 3.")
    assert alone["messages"] == [{"role": "user", "content": "It is 3.\n\nverdict"}]


@pytest.mark.parametrize(
    ("student", "base", "licence"),
    [
        ("smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct", "apache-2.0"),
        ("google/t5-v1_1-small", "google/t5-v1_1-small", "other"),
        ("./folder/model", None, "other"),
        ("/folder", None, "other"),
        ("a/b/c", None, "other"),
    ],
)
def test_a_students_origin_is_known_by_its_name(student: str, base: str | None, licence: str) -> None:
    assert base_model(student) == base
    assert student_licence(student) == licence


def test_the_snippet_for_transformers_runs(
    tiny_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = model_card(facts(), "safetensors", [fidelity("out")])
    code = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(tiny_folder("llama"))
    exec(compile(code.replace("=200", "=3"), "card", "exec"), {})
    assert len(capsys.readouterr().out.strip("\n")) <= 3
