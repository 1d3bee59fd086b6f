"""Others' rationales become annotations: joined to the task's questions by key, parsed and scored like our own.

The published code joined rows by position, so that one that did not parse shifted all later ones. Here a rationale
that belongs to no question of the task is counted and left out, and one that does not parse is kept with its reason.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mindsmirror.annotation.duals import read_dual
from mindsmirror.annotation.imports.foreign import ForeignEvaluation, ForeignRationale
from mindsmirror.annotation.imports.formats import FORMATS
from mindsmirror.annotation.reading import read_evaluation, read_rationale
from mindsmirror.annotation.store import Stored
from mindsmirror.engines.base import Finish
from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.records import (
    Annotation,
    DualKind,
    DualRationale,
    Example,
    Parse,
    Provenance,
    Rationale,
    SelfEvaluation,
    Verdict,
)
from mindsmirror.tasks import Task, TaskConfig, load_task
from mindsmirror.tasks.rows import file_hash
from mindsmirror.tasks.splits import question_key

UNKNOWN = "unknown"


@dataclass(frozen=True)
class SplitCounts:
    """How many questions, rationales and self-evaluations of a split were imported, and what became of them.

    `scored` are the rationales of questions whose gold is known.
    """

    split: str
    questions: int
    rationales: int
    parsed: int
    scored: int
    right: int
    evaluations: int
    verdicts: dict[Verdict, int]

    @property
    def parsed_share(self) -> float | None:
        """Share of the rationales that state an answer of the task's kind."""
        return self.parsed / self.rationales if self.rationales else None

    @property
    def accuracy(self) -> float | None:
        """Share of the scored rationales that are right; one that did not parse is not."""
        return self.right / self.scored if self.scored else None

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {**asdict(self), "parsed_share": self.parsed_share, "accuracy": self.accuracy}


@dataclass(frozen=True)
class Imported:
    """Annotations in the task's order, and how many rationales belong to no question of the task."""

    annotations: tuple[Annotation, ...]
    elsewhere: int


def import_annotations(
    kind: str,
    paths: str | Path | Sequence[str | Path],
    task: Task | TaskConfig | str | Path,
    teacher: str | None = None,
) -> Imported:
    """The annotations of a task's questions in files of one format (`formats.FORMATS`), all its splits included.

    `paths` is one file or folder, or several; `task` a task that is loaded, or what `load_task` takes. A question that
    recurs, in one file or several, gets all its rationales. `teacher` is who wrote them, by default whom the file
    names or the kind is known for. UnknownNameError for a kind that there is not; DataError, with file and row, for
    what is not of that kind, and if no rationale belongs to a question of the task.
    """
    if kind not in FORMATS:
        raise UnknownNameError("format", kind, FORMATS)
    if not isinstance(task, Task):
        task = load_task(task)
    files = [Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths)]
    places = {example.id: (split, example) for split, example in task.splits.named()}
    by_text = {question_key(example.text): example.id for _, example in places.values()}
    found: dict[str, list[ForeignRationale]] = {}
    elsewhere: list[ForeignRationale] = []
    for path in files:
        for rationale in FORMATS[kind].read(path):
            named = by_text.get(question_key(rationale.question)) if rationale.id is None else rationale.id
            if named in places:
                found.setdefault(named, []).append(rationale)
            else:
                elsewhere.append(rationale)
    if not found:
        raise DataError(_nothing_found(elsewhere, files, task))
    source = _source(kind, files)
    annotations = tuple(
        _annotation(task, split, example, found[example.id], teacher or FORMATS[kind].teacher, teacher, source)
        for split, example in places.values()
        if example.id in found
    )
    return Imported(annotations, len(elsewhere))


def count_by_split(annotations: Iterable[Annotation], task: Task) -> list[SplitCounts]:
    """Questions, rationales and self-evaluations of each split that has any, with what parsed and what is right."""
    by_split: dict[str, list[Annotation]] = {}
    for annotation in annotations:
        by_split.setdefault(annotation.split, []).append(annotation)
    return [_counts(split, of_split, task) for split, of_split in by_split.items()]


def _nothing_found(elsewhere: Sequence[ForeignRationale], paths: Sequence[Path], task: Task) -> str:
    files = ", ".join(map(str, paths))
    if not elsewhere:
        return f"{files}: there are no rationales."
    first = elsewhere[0]
    name = f"the id {first.id!r}" if first.id is not None else f"the question {_short(first.question)!r}"
    example = next((example for examples in task.splits for example in examples), None)
    like = f" Its questions are like {example.id!r}: {_short(example.text)!r}." if example else ""
    return f"{first.where}: {name} is none of the task {task.name}, nor is any other in {files}.{like}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:79] + "…"


def _source(kind: str, paths: Sequence[Path]) -> str:
    """Kind and names, and the SHA-256 of the file, or of the hashes of all files of a folder."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    hashes = [file_hash(file) for file in files if file.is_file()]
    whole = hashes[0] if len(hashes) == 1 else f"sha256:{hashlib.sha256(''.join(hashes).encode()).hexdigest()}"
    return f"{kind}: {', '.join(path.name for path in paths)} {whole}"


def _annotation(
    task: Task,
    split: str,
    example: Example,
    found: Sequence[ForeignRationale],
    usual: str,
    teacher: str | None,
    source: str,
) -> Annotation:
    rationales: list[Rationale] = []
    evaluations: list[SelfEvaluation] = []
    duals: list[DualRationale] = []
    for sample, foreign in enumerate(found):
        name = teacher or foreign.teacher or usual
        rationales.append(_rationale(task, example, name, sample, foreign))
        evaluations += [
            _evaluation(teacher or said.teacher or name, sample, number, said)
            for number, said in enumerate(foreign.evaluations)
        ]
        kinds: Counter[DualKind] = Counter()
        for dual in foreign.duals:
            by = teacher or dual.teacher or name
            duals.append(read_dual(task, example, by, dual.kind, sample, kinds[dual.kind], _stored(dual.text)))
            kinds[dual.kind] += 1
    return Annotation(
        example=example,
        split=split,
        rationales=tuple(rationales),
        evaluations=tuple(evaluations),
        duals=tuple(duals),
        provenance=Provenance(
            teacher=rationales[0].teacher,
            judge=evaluations[0].teacher if evaluations else rationales[0].teacher,
            prompt=UNKNOWN,
            temperature=None,
            tokens_in=0,
            tokens_out=0,
            source=source,
        ),
    )


def _rationale(task: Task, example: Example, teacher: str, sample: int, foreign: ForeignRationale) -> Rationale:
    """Read as a reply of our own; an answer that the file gives beside it counts where the text states none."""
    found = read_rationale(task, example, teacher, sample, _stored(foreign.text, truncated=foreign.truncated))
    if found.parse not in (Parse.NO_ANSWER, Parse.REFUSED) or foreign.answer is None:
        return found
    answer = task.read(example, foreign.answer)
    if answer is None:
        reason = f"{_short(foreign.answer)!r} is no answer of the task's kind"
        return found.model_copy(update={"parse": Parse.BAD_ANSWER, "reason": reason})
    read = {"parse": Parse.OK, "reason": "", "answer": answer.text, "right": task.right(example, answer)}
    return found.model_copy(update=read)


def _evaluation(teacher: str, rationale: int, sample: int, said: ForeignEvaluation) -> SelfEvaluation:
    found = read_evaluation(teacher, rationale, sample, _stored(said.text), said.source, said.verdict)
    given: dict[str, object] = {
        "likelihood": said.likelihood,
        "p_correct": said.p_correct,
        "calibration": said.calibration,
    }
    if said.likelihood is not None and found.parse is Parse.EMPTY:
        given["parse"], given["reason"] = Parse.OK, ""  # A judge that gives likelihoods need not write a critique.
    return found.model_copy(update=given)


def _stored(text: str, *, truncated: bool = False) -> Stored:
    return Stored(text, Finish.LENGTH if truncated else Finish.STOP, 0, 0)


def _counts(split: str, annotations: Sequence[Annotation], task: Task) -> SplitCounts:
    rationales = [rationale for annotation in annotations for rationale in annotation.rationales]
    verdicts = Counter(evaluation.verdict for annotation in annotations for evaluation in annotation.evaluations)
    known = [a for a in annotations if a.example.gold is not None or task.scorer is not None]
    return SplitCounts(
        split=split,
        questions=len(annotations),
        rationales=len(rationales),
        parsed=sum(rationale.parse is Parse.OK for rationale in rationales),
        scored=sum(len(annotation.rationales) for annotation in known),
        right=sum(bool(rationale.right) for rationale in rationales),
        evaluations=sum(verdicts.values()),
        verdicts={verdict: verdicts[verdict] for verdict in Verdict},
    )
