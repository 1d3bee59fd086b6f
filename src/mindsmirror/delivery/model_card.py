"""The card of an exported student: where it comes from, what it can, how it is asked, and what it is not for.

README.md as the hub reads it: front matter written by huggingface_hub, then a page for a reader. The results are those
of the run's report, with their intervals; how the files compare is what was measured after the export (fidelity.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from mindsmirror.delivery.card_facts import CardFacts
from mindsmirror.delivery.cards import licence_id, plain, sentence
from mindsmirror.delivery.fidelity import Fidelity
from mindsmirror.delivery.how_to_ask import how_to_ask
from mindsmirror.models import catalogue
from mindsmirror.records import Example, Purpose
from mindsmirror.reporting.formatting import percent, score, score_range
from mindsmirror.reporting.schema import UNTRAINED, ArmResult

LIBRARIES = {
    "safetensors": "transformers",
    "gguf": "gguf",
    "ollama": "gguf",
    "openvino": "openvino",
    "onnx": "transformers.js",
}
"""The hub's name of the library that loads a format."""
METHOD = "Minds Mirror, which implements Mind's Mirror (Liu et al., NAACL 2024, [arXiv 2311.09214](https://arxiv.org/abs/2311.09214))"


def base_model(student: str) -> str | None:
    """The hub's id of a student before training; None if it is a folder."""
    if student in catalogue.entries():
        return catalogue.entries()[student].hub.repo
    return student if student.count("/") == 1 and not student.startswith((".", "/", "~")) else None


def student_licence(student: str) -> str:
    """The licence of a student before training, as the hub calls it; `other` if the catalogue does not know it."""
    entry = catalogue.entries().get(student)
    return licence_id(entry.licence) if entry else "other"


def model_card(facts: CardFacts, to: str, found: Sequence[Fidelity]) -> str:
    """README.md of the files of a student in one format.

    The card of files without their judge has no results that take a judge.
    """
    from huggingface_hub import ModelCardData

    if _without_judge(found):
        facts = facts._replace(judging=None)
    base = base_model(facts.student)
    # Quantised files, too: the base is the student before its training, and what trained it says more.
    relation: dict[str, Any] = {"base_model": base, "base_model_relation": "finetune"} if base else {}
    data = ModelCardData(
        license=student_licence(facts.student),
        library_name=LIBRARIES[to],
        pipeline_tag="text-generation",
        tags=["distillation", "rationales", "self-evaluation", "mindsmirror"],
        model_name=facts.name,
        eval_results=_results(facts) or None,
        **relation,
    )
    return "\n".join(["---", data.to_yaml().strip(), "---", "", *_page(facts, to, found)]) + "\n"


def _results(facts: CardFacts) -> list[Any]:
    from huggingface_hub import EvalResult

    return [
        EvalResult(
            task_type="text-generation",
            dataset_type=facts.task.name,
            dataset_name=facts.task.name,
            dataset_split="test",
            metric_type="accuracy",
            metric_name=f"accuracy ({result.mode})",
            metric_value=round(result.accuracy, 4),
        )
        for result in _own(facts)
        if result.accuracy is not None
    ]


def _own(facts: CardFacts) -> list[ArmResult]:
    arms = facts.report.arms if facts.report else ()
    return [result for result in arms if result.name == facts.arm and (facts.judges or result.mode != "mirror")]


def _without_judge(found: Sequence[Fidelity]) -> str | None:
    """Why the files do not judge, if they do not."""
    return next((each.without_judge for each in found if each.without_judge), None)


def _page(facts: CardFacts, to: str, found: Sequence[Fidelity]) -> Iterator[str]:
    able = "answers questions, writes out its reasoning" + (", and judges it" if facts.judges else "")
    yield f"# {plain(facts.name)}"
    yield ""
    yield f"A small model that {able}. It was distilled from {plain(', '.join(facts.teachers))} by {METHOD}."
    yield ""
    yield f"- Student before training: {plain(facts.student)}. Licence: {_licence(facts.student)}."
    yield f"- Teacher: {plain(', '.join(facts.teachers))}. Licence: {', '.join(sorted(map(_licence, facts.teachers)))}."
    licence = plain(facts.task.licence)
    yield f"- Task: {plain(facts.task.name)} (version {facts.task.version}). Licence of its questions: {licence}."
    yield f"- Method: `{facts.method}` (arm {plain(facts.arm)})."
    for key, value in (facts.report.provenance if facts.report else {}).items():
        yield f"- {plain(key)}: {plain(value)}"
    yield from ["", "## Results", "", *_scores(facts)]
    yield from ["", "## Files", "", *_files(found)]
    yield from ["", "## How to ask it", "", *how_to_ask(facts, to, found)]
    yield from ["", "## What the teacher was asked", "", *_prompt(facts)]
    yield from ["", "## Use and limits", "", *_limits(facts)]


def _licence(model: str) -> str:
    entry = catalogue.entries().get(model)
    return entry.licence if entry else "see its publisher, whose terms also apply to what it wrote"


def _scores(facts: CardFacts) -> Iterator[str]:
    if facts.report is None or not _own(facts):
        yield "The run has no report, so nothing is said here."
        return
    yield "Test questions that neither training nor the choice of a checkpoint has seen; 95 % intervals."
    yield ""
    yield "| model | mode | questions | accuracy | interval |"
    yield "| --- | --- | --- | --- | --- |"
    before = [result for result in facts.report.arms if result.name == UNTRAINED]
    for result in (*before, *_own(facts)):
        if result.accuracy is not None and result.ci95 is not None:
            low, high = result.ci95
            name = "before training" if result.name == UNTRAINED else "this model"
            share = f"{percent(result.accuracy)} | {percent(low)} to {percent(high)}"
            yield f"| {name} | {result.mode} | {result.n} | {share} |"
    judge = facts.report.student_judge
    if facts.judges and judge is not None and judge.arm == facts.arm and judge.auroc is not None:
        sure = f" ({score_range(judge.auroc_ci95)})" if judge.auroc_ci95 else ""
        yield ""
        yield f'AUROC of its probability of "correct" on {judge.n} of its own rationales: {score(judge.auroc)}{sure};'
        yield "a guess has 0.50."


def _files(found: Sequence[Fidelity]) -> Iterator[str]:
    yield (
        f"Each file was loaded in its runtime and asked {found[0].questions} questions beside the trained student in "
        "fp32. Shares are of the questions; `fidelity.json` has all figures."
    )
    yield ""
    yield "| file | size | runtime | same answers | right before, after | P(correct) off by | AUROC before, after |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in found:
        if each.failed:
            continue
        right = _pair(each.right_before, each.right_after, percent)
        judge = each.judge
        off = f"{judge.mean_difference:.3f}" if judge else ""
        area = _pair(judge.auroc_before, judge.auroc_after, score) if judge else ""
        file, size = plain(each.file), f"{each.bytes / 1e6:.1f} MB"
        yield (f"| {file} | {size} | {each.runtime} | {percent(each.same_answers)} | {right} | {off} | {area} |")
    beside = sorted({each.adapter for each in found if each.adapter and not each.failed})
    if beside:
        yield ""
        yield f"`{beside[0]}` beside them is the adapter with which they judge."
    if missing := _without_judge(found):
        yield ""
        yield sentence(missing)


def _pair(before: float | None, after: float | None, shown: Any) -> str:
    return "" if before is None or after is None else f"{shown(before)}, {shown(after)}"


def _prompt(facts: CardFacts) -> Iterator[str]:
    """The prompts for a rationale and for a self-evaluation, without their few-shot examples."""
    if facts.prompts is None:
        yield "The file of its prompts is no longer there; their hash is in the run."
        return
    asked = Example(id="card", text="QUESTION")
    prompts = (facts.prompts.rationale(asked), facts.prompts.self_evaluation(asked, "RATIONALE"))
    yield f"Prompt set {facts.prompts.hash}, here without its examples."
    for prompt, name in zip(prompts, (Purpose.RATIONALE, Purpose.SELF_EVALUATION), strict=True):
        yield from ["", f"For a {name.value.replace('_', '-')}:", "", "~~~text"]
        yield f"{prompt.messages[0].role}: {_fenced(prompt.messages[0].content)}"
        yield f"{prompt.messages[-1].role}: {_fenced(prompt.messages[-1].content)}"
        yield "~~~"


def _fenced(text: str) -> str:
    return text.replace("~~~", "~ ~ ~").strip()


def _limits(facts: CardFacts) -> Iterator[str]:
    yield f"It is for questions like those of {plain(facts.task.name)}, and for research on distillation. On others it"
    yield "was not measured, and it will answer all the same."
    yield ""
    yield "- A model of this size writes fluent reasoning that is wrong. Check what it says where it matters."
    if facts.judges:
        yield '- Its probability of "correct" is learnt from its teacher. Look at the AUROC above before'
        yield "  you rely on it, and choose a threshold on questions of your own."
    yield "- It takes over what its teacher does wrong, prejudices among it."
    if "NC" in facts.task.licence:
        yield "- The questions that it was trained on are for non-commercial use only."
