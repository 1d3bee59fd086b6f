"""The card of an exported data set: who wrote it, for which questions, under which licence, and how good it is.

README.md as the hub reads it: YAML front matter, whose values are written as JSON (which YAML includes), then a page
for a reader. The numbers are those of the report (reporting/annotation_section.py).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mindsmirror.delivery.rows import COLUMNS
from mindsmirror.models import catalogue
from mindsmirror.records import Annotation, VerdictSource
from mindsmirror.reporting.annotation_section import annotation_report, verdict_sources
from mindsmirror.reporting.formatting import count, percent, score, score_range
from mindsmirror.reporting.schema import AnnotationReport
from mindsmirror.reporting.verdict_section import BY_CONSTRUCTION
from mindsmirror.tasks.base import Task

LICENCE_IDS = {
    "MIT": "mit",
    "Apache-2.0": "apache-2.0",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "unknown": "unknown",
}
"""How the hub calls the licences that a task's licence may begin with."""


SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
}
MANY = "100M<n<1B"
"""How the hub calls numbers of rows, by the first number that is too large for each."""


def dataset_card(name: str, annotations: Sequence[Annotation], task: Task, files: Mapping[str, str]) -> str:
    """README.md of annotations of a task; `files` maps the splits' names to their paths, empty if the hub finds them.

    Teacher, judge, prompt hashes, task with licence, yields and the verdicts' quality stand in the front matter under
    `mindsmirror`, and again in words below it.
    """
    report = annotation_report(annotations, verdict_sources(annotations) or "absent", 0.0, None)
    facts = _facts(annotations, task, report)
    front: dict[str, Any] = {
        "pretty_name": name,
        "license": licence_id(task.licence),
        "task_categories": ["text-generation"],
        "annotations_creators": ["machine-generated"],
        "size_categories": [next((name for most, name in SIZES.items() if report.rationales < most), MANY)],
        "tags": ["distillation", "rationales", "self-evaluation", "mindsmirror"],
    }
    if files:
        data_files = [{"split": split, "path": path} for split, path in files.items()]
        front["configs"] = [{"config_name": "default", "data_files": data_files}]
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in front.items()), "mindsmirror:"]
    lines += [f"  {key}: {json.dumps(value)}" for key, value in facts.items()]
    return "\n".join([*lines, "---", "", *_page(name, annotations, task, report)]) + "\n"


def licence_id(licence: str) -> str:
    """The hub's name of a task's licence, `other` if it has none."""
    return next((known for start, known in LICENCE_IDS.items() if licence.startswith(start)), "other")


def _facts(annotations: Sequence[Annotation], task: Task, report: AnnotationReport) -> dict[str, Any]:
    quality = report.verdict_quality
    return {
        "task": task.name,
        "task_version": task.version,
        "task_licence": task.licence,
        "teacher": _different(r.teacher for a in annotations for r in a.rationales),
        "judge": _different(e.teacher for a in annotations for e in a.evaluations),
        "verdicts_from": verdict_sources(annotations),
        "prompts": _different(a.provenance.prompt for a in annotations),
        "imported_from": _different(a.provenance.source for a in annotations if a.provenance.source),
        "questions": report.examples,
        "rationales": report.rationales,
        "evaluations": report.evaluations,
        "right": report.teacher_accuracy,
        "yields": {step.step: {"asked": step.asked, "ok": step.ok, **step.reasons} for step in report.yields},
        "verdict_quality": quality.model_dump(mode="json") if quality else None,
    }


def _page(name: str, annotations: Sequence[Annotation], task: Task, report: AnnotationReport) -> Iterator[str]:
    teachers = _different(r.teacher for a in annotations for r in a.rationales)
    yield f"# {plain(name)}"
    yield ""
    yield (
        f"{count(report.rationales)} rationales of {count(report.examples)} questions, with "
        f"{count(report.evaluations)} self-evaluations of them: what a small model is taught by Mind's Mirror "
        "(Liu et al., NAACL 2024, arXiv 2311.09214). One row is one rationale; none is filtered out."
    )
    yield ""
    yield f"- Task: {plain(task.name)} (version {task.version}). Licence of its questions: {plain(task.licence)}."
    yield f"- Teacher: {plain(', '.join(teachers))}.{_teacher_licences(teachers)}"
    judges = _different(e.teacher for a in annotations for e in a.evaluations)
    if judges:
        yield f"- Judge: {plain(', '.join(judges))}; verdicts from: {verdict_sources(annotations)}."
    yield f"- Prompts: {plain(', '.join(_different(a.provenance.prompt for a in annotations)))} (hash of the set)."
    for source in _different(a.provenance.source for a in annotations if a.provenance.source):
        yield f"- Imported from {plain(source)}."
    for place, version in task.sources.items():
        yield f"- Questions: {plain(place)}, {plain(version)}."
    yield from [
        "",
        "## Quality",
        "",
        *_quality(report),
        "",
        "## Columns",
        "",
        "| column | what it is |",
        "| --- | --- |",
    ]
    yield from (f"| `{column}` | {what} |" for column, what in COLUMNS.items())


def _quality(report: AnnotationReport) -> Iterator[str]:
    yield "| step | asked | usable | lost |"
    yield "| --- | --- | --- | --- |"
    for step in report.yields:
        lost = ", ".join(f"{reason}: {number}" for reason, number in step.reasons.items()) or "none"
        yield f"| {step.step} | {count(step.asked)} | {count(step.ok)} | {lost} |"
    yield ""
    if report.teacher_accuracy is not None:
        yield f"Of the rationales that state an answer, {percent(report.teacher_accuracy)} are right by gold."
    value, interval = report.judge_balanced_accuracy, report.judge_balanced_accuracy_ci95
    if value is not None and report.judge == VerdictSource.INFORMED:
        yield BY_CONSTRUCTION
    elif value is not None:
        sure = f" (95 % interval {score_range(interval)})" if interval else ""
        area = "" if report.judge_auroc is None else f", AUROC {score(report.judge_auroc)}"
        yield f"Balanced accuracy of the verdicts against gold: {score(value)}{sure}{area}; guessing has 0.50."
    elif report.evaluations:
        yield "What the verdicts are worth could not be measured: that takes gold, and both right and wrong rationales."


def _teacher_licences(teachers: Sequence[str]) -> str:
    """Licences of the models of the catalogue; what others' outputs may be used for, their providers say."""
    known = {name: catalogue.entries()[name].licence for name in teachers if name in catalogue.entries()}
    if len(known) == len(teachers):
        return f" Licence: {', '.join(_different(known.values()))}."
    return " The terms of its provider apply to what it wrote."


def _different(values: Iterable[str]) -> list[str]:
    return sorted(set(values))


def sentence(text: str) -> str:
    """With a capital letter and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def plain(text: str) -> str:
    """On one line, and without what Markdown or HTML would take for its own."""
    legible = (sign for sign in " ".join(text.split()) if sign.isprintable())
    return "".join(f"\\{sign}" if sign in "\\|<>[]*`" else sign for sign in legible)
