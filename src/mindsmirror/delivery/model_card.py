"""The card of an exported student: where it comes from, what it can, how it is asked, and what it is not for.

README.md as the hub reads it: front matter written by huggingface_hub, then a page for a reader. The results are those
of the run's report, with their intervals; how the files compare is what was measured after the export (fidelity.py).
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.delivery.cards import licence_id, plain, sentence
from mindsmirror.delivery.fidelity import Fidelity
from mindsmirror.models import catalogue
from mindsmirror.records import Example, Purpose, Tag
from mindsmirror.reporting.formatting import percent, score, score_range
from mindsmirror.reporting.schema import UNTRAINED, ArmResult, Report
from mindsmirror.students.load import JUDGE
from mindsmirror.students.text import user_turn
from mindsmirror.tasks.base import Task

LIBRARIES = {
    "safetensors": "transformers",
    "gguf": "gguf",
    "ollama": "gguf",
    "openvino": "openvino",
    "onnx": "transformers.js",
}
"""The hub's name of the library that loads a format."""
METHOD = "Minds Mirror, which implements Mind's Mirror (Liu et al., NAACL 2024, [arXiv 2311.09214](https://arxiv.org/abs/2311.09214))"


class CardFacts(NamedTuple):
    """What a card says of a student, beside the files."""

    name: str
    arm: str
    method: str
    student: str
    """The model that it was before training, as the recipe names it."""
    teachers: Sequence[str]
    task: Task
    tags: Sequence[Tag]
    """Tasks that it learnt, in which it can be asked."""
    judges: bool
    prompts: PromptSet | None
    """What the teacher was asked; None if the file of the prompts has gone."""
    report: Report | None
    encoder_decoder: bool = False
    adapter: bool = False
    """Whether it judges with an adapter, and not with its own weights."""


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
        facts = facts._replace(judges=False)
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
    yield from ["", "## How to ask it", "", *_asking(facts), *_snippet(facts, to, found)]
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
    if missing := _without_judge(found):
        yield ""
        yield sentence(missing)


def _pair(before: float | None, after: float | None, shown: Any) -> str:
    return "" if before is None or after is None else f"{shown(before)}, {shown(after)}"


def _asking(facts: CardFacts) -> Iterator[str]:
    if facts.judges and facts.adapter:
        yield from _judging(facts)
    if facts.encoder_decoder:
        yield "Tag, colon, question: " + ", ".join(f"`{tag.value}: QUESTION`" for tag in facts.tags) + "."
        return
    yield "One user's turn: the question, an empty line, and the tag of what it is to do."
    yield ""
    for tag in facts.tags:
        what = "the reasoning and the answer" if tag is Tag.EXPLAIN else "the answer alone"
        yield f"- `{tag.value}`: {what}"
    if facts.judges and not facts.adapter:
        yield f"- `{Tag.VERDICT.value}`, as a turn of its own after its reply: whether that was correct"
    yield ""


def _judging(facts: CardFacts) -> Iterator[str]:
    """How to ask for verdicts where an adapter gives them."""
    yield f"It judges with a low-rank adapter, the folder `{JUDGE}`, which works on the last tokens of what it reads"
    yield "and on none before them. Transformers alone loads the model without it, which answers and explains but was"
    yield "not taught to judge. Minds Mirror loads both:"
    yield from ["", "```python", "import mindsmirror", ""]
    yield f'reply = mindsmirror.load(".").ask({_question(facts)!r})'
    yield from ["print(reply.answer, reply.rationale, reply.verdict, reply.p_correct)", "```", ""]


def _snippet(facts: CardFacts, to: str, found: Sequence[Fidelity]) -> Iterator[str]:
    asked = user_turn(facts.tags[-1], _question(facts), None)
    file = next((each.file for each in found if not each.failed), "")
    yield ""
    if to == "ollama":
        yield from ["```sh", "ollama create student -f Modelfile", f"ollama run student '{asked}'", "```"]
    elif to == "gguf":
        yield from ["```sh", f"llama-cli -m {file} --temp 0 -p '{asked}'", "```"]
    elif to == "openvino":
        yield from ["```python", "import openvino_genai", ""]
        yield 'print(openvino_genai.LLMPipeline(".", "CPU").generate('
        yield f"    {asked!r}, max_new_tokens=200))"
        yield "```"
    elif to == "onnx":
        yield from _transformers_js(asked)
    elif to == "safetensors":
        yield from _transformers(facts, asked)


def _transformers(facts: CardFacts, asked: str) -> Iterator[str]:
    if facts.encoder_decoder:
        return
    yield from [
        "```python",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        'tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".")',
        f'asked = [{{"role": "user", "content": {asked!r}}}]',
        'settings = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}',
        "read = tokenizer.apply_chat_template(asked, **settings)",
        "written = model.generate(**read, do_sample=False, max_new_tokens=200)",
        'print(tokenizer.decode(written[0, read["input_ids"].shape[1]:], skip_special_tokens=True))',
        "```",
    ]


def _transformers_js(asked: str) -> Iterator[str]:
    yield from ["With transformers.js; onnxruntime-genai loads the folder, too.", "", "```js"]
    yield from ['import { pipeline } from "@huggingface/transformers";', ""]
    yield 'const student = await pipeline("text-generation", "./");'
    yield f'const asked = [{{ role: "user", content: {json.dumps(asked, ensure_ascii=False)} }}];'
    yield "const replies = await student(asked, { do_sample: false, max_new_tokens: 200 });"
    yield from ["console.log(replies[0].generated_text.at(-1).content);", "```"]


def _question(facts: CardFacts) -> str:
    """A question of the task, within quotation marks of a shell."""
    text = next((example.text for example in (*facts.task.splits.test, *facts.task.splits.valid)), "QUESTION")
    return text.replace("'", "’").replace("\\", "")


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
