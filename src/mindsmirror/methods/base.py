"""What a method is: a paper as code, annotations in, stages of targets out.

Here is what methods have in common: the `[[arm]]` table that sets them, which label an example is given, how a
rationale is written as a target, and how targets that say the same are merged.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mindsmirror import limits
from mindsmirror.annotation.judges import majority
from mindsmirror.annotation.reading import answers_of
from mindsmirror.annotation.select import Select, correct_share, selected
from mindsmirror.answers.base import Answer
from mindsmirror.errors import AnnotationError
from mindsmirror.records import Agreement, Annotation, Example, Parse, Rationale, Stage, Tag, Target
from mindsmirror.system.validation import Name
from mindsmirror.tasks.base import Task

UNLIKELIHOOD = 0.025
"""What EDIT gives the key steps of a wrong thought (arXiv 2405.19737)."""
AGREEMENT = Agreement()
Labels = Literal["teacher", "gold"]


class ArmConfig(BaseModel):
    """The `[[arm]]` table of a recipe: one method with its settings.

    `form = "published"` stands for tags, rationale_target, judge_sees_question and schedule as the paper has them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    method: str
    labels: Labels | None = Field(
        None,
        description="teacher: the most frequent of its k answers; gold: the task's own. A run resolves None before "
        "anything is asked: gold if every annotated training question has an answer that can be read, else teacher",
    )
    select: Select = Field(
        "all", description="which rationales are taught as thinking; the judge is always shown all of them"
    )
    distinct: int | None = Field(
        None, ge=1, le=limits.SAMPLES, description="at most so many of them a question, repeats left out"
    )
    alpha: float = Field(0.5, ge=0, le=1, description="weight of the label; 1 - alpha of the rationale")
    form: Literal["default", "published"] = "default"
    tags: Literal["distinct", "published"] = Field(
        "distinct", description="published: the judge is taught under predict and explain, too"
    )
    rationale_target: Literal["with_answer", "published"] = Field(
        "with_answer",
        description="published: the rationale stops before its answer, so it cannot be used to think",
    )
    judge_sees_question: bool = True
    schedule: Literal["sequential", "replayed", "joint"] = Field(
        "joint",
        description="sequential: judging, then thinking, as published; replayed: judging, then both; joint: both",
    )

    verdict_weights: Literal["counted", "even"] = Field(
        "counted",
        description="counted: a verdict weighs as often as the judge gave it; even: each verdict that occurs the same",
    )
    # Those below are left out where they say nothing, so that arms that do not name them are not trained again.
    rationale_weights: Literal["even", "verdicts"] = Field(
        "even",
        description="even: every rationale that is taught weighs the same; verdicts: as the share of its verdicts "
        "that call it correct",
        exclude_if=lambda weights: weights == "even",
    )
    unlikelihood: float = Field(
        UNLIKELIHOOD,
        gt=0,
        le=limits.LARGEST,
        description="edit: weight of the wrong key steps, which become unlikely",
        exclude_if=lambda weight: weight == UNLIKELIHOOD,
    )
    agreement: Agreement = Field(
        AGREEMENT,
        description="dynsdpb: how much, and how sharply, the student is held to what it said one step before",
        exclude_if=lambda agreement: agreement == AGREEMENT,
    )

    @model_validator(mode="before")
    @classmethod
    def _published_form(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("form") == "published":
            published = {
                "tags": "published",
                "rationale_target": "published",
                "judge_sees_question": False,
                "schedule": "sequential",
            }
            return published | values
        return values

    @model_validator(mode="after")
    def _gold_for_right(self) -> Self:
        if self.select == "right" and self.labels == "teacher":
            raise ValueError(
                'select = "right" looks at gold answers, so the arm needs labels = "gold"; '
                'without gold choose select = "majority" or "judged_correct"'
            )
        return self

    @property
    def verdict_tag(self) -> Tag:
        """The tag under which the student is asked for a verdict."""
        return Tag.VERDICT if self.tags == "distinct" else Tag.PREDICT

    @property
    def critique_tag(self) -> Tag:
        """The tag under which the student is asked for a critique."""
        return Tag.CRITIQUE if self.tags == "distinct" else Tag.EXPLAIN


@dataclass(frozen=True)
class Needs:
    """What a method needs of every annotation."""

    rationales: int = 0
    evaluations: int = 0
    gold: bool = False
    """It keeps what is right by gold, so the arm must learn from gold labels."""
    rectified: int = 0
    """Duals of each rationale that is wrong."""
    corrupted: int = 0
    """Duals of each rationale that is right."""
    teachers: int = 1
    """Different ones that wrote rationales; `Rationale.teacher` says which."""

    @property
    def words(self) -> str:
        """What to annotate, in words: "2 rationales, 1 self-evaluations"."""
        more = ((self.rectified, "rectified"), (self.corrupted, "corrupted"))
        named = [f"{self.rationales} rationales", f"{self.evaluations} self-evaluations"]
        named += [f"{count} {what}" for count, what in more if count]
        return ", ".join(named + ([f"{self.teachers} teachers"] if self.teachers > 1 else []))


class Method(Protocol):
    """Annotations in, stages out."""

    @property
    def needs(self) -> Needs:
        """What the annotation must hold."""
        ...

    @property
    def answers(self) -> bool:
        """Whether the student learns to answer at once, without a rationale."""
        ...

    @property
    def thinks(self) -> bool:
        """Whether the student learns to write rationales."""
        ...

    @property
    def judges(self) -> bool:
        """Whether the student learns to judge rationales."""
        ...

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: ArmConfig) -> tuple[Stage, ...]:
        """What is learnt, in order."""
        ...


def written(rationale: Rationale) -> str:
    """A parsed rationale in the form that students read and write: it ends with the answer sentence."""
    return rationale.written


def label(annotation: Annotation, task: Task, arm: ArmConfig) -> str | None:
    """The answer that the student is taught, in canonical form; None if there is none.

    Teacher labels are the most frequent of the k answers; where no answer leads, the first that parsed. They are also
    those of an arm that no run has resolved.
    """
    if arm.labels == "gold":
        return gold_label(annotation.example, task, arm)
    answers = answers_of(annotation.example, annotation.rationales, task)
    if not answers:
        return None
    leader = majority(answers)
    return (leader or next(iter(answers.values()))).text


def gold_label(example: Example, task: Task, arm: ArmConfig) -> str:
    """The task's own answer in canonical form.

    Raises AnnotationError if it is missing or unreadable: the question would be dropped in one arm only.
    """
    gold = readable_gold(example, task)
    if gold is None:
        raise AnnotationError(
            f"arm {arm.name!r} learns from gold labels, but question {example.id!r} of {task.name} has "
            f'none that can be read (gold = {example.gold!r}). Set labels = "teacher" or remove the row.'
        )
    return gold.text


def readable_gold(example: Example, task: Task) -> Answer | None:
    """The task's own answer; None if it is missing or unreadable."""
    return task.read(example, example.gold) if example.gold is not None else None


def usable(annotation: Annotation, dropped: Counter[str]) -> list[Rationale]:
    """The rationales that parsed; the others are counted by reason."""
    found = []
    for rationale in annotation.rationales:
        if rationale.parse is Parse.OK and rationale.thought:
            found.append(rationale)
        else:
            reason = rationale.parse.value if rationale.parse is not Parse.OK else "no_reasoning"
            dropped[f"rationale: {reason}"] += 1
    return found


def thinking_targets(
    annotation: Annotation, task: Task, arm: ArmConfig, dropped: Counter[str], limit: int | None = None
) -> list[Target]:
    """`predict: x -> label` and `explain: x -> rationale` for each rationale that parsed and that the arm selects.

    `limit` then takes the first so many. The label is repeated with every rationale, as in the paper's rows;
    merging turns that into its weight, and a rationale that weighs less, or nothing, changes nothing in it.
    """
    answer = label(annotation, task, arm)
    if answer is None:
        dropped["question: no label"] += 1
        return []
    example = annotation.example
    targets = []
    shown = selected(usable(annotation, dropped), annotation, task, arm.select, arm.distinct, dropped)
    for rationale in shown[:limit]:
        text = rationale.thought if arm.rationale_target == "published" else written(rationale)
        targets.append(Target(tag=Tag.PREDICT, example=example.id, question=example.text, text=answer))
        weight = rationale_weight(rationale, annotation, arm, dropped)
        if weight > 0:
            targets.append(Target(tag=Tag.EXPLAIN, example=example.id, question=example.text, text=text, weight=weight))
    return targets


def rationale_weight(rationale: Rationale, annotation: Annotation, arm: ArmConfig, dropped: Counter[str]) -> float:
    """What a rationale weighs as the arm wants it; one that weighs nothing is counted."""
    if arm.rationale_weights == "even":
        return 1.0
    share = correct_share(rationale, annotation)
    if not share:
        dropped[f"rationale: {'no verdict' if share is None else 'never judged correct'}"] += 1
    return share or 0.0


def merged(targets: Iterable[Target]) -> tuple[Target, ...]:
    """Targets that ask the same and say the same become one, with the sum of their weights."""
    weights: dict[tuple[object, ...], float] = {}
    first: dict[tuple[object, ...], Target] = {}
    for target in targets:
        said = (target.tag, target.example, target.question, target.rationale, target.text)
        key = (*said, target.contrast, target.unlearn)
        weights[key] = weights.get(key, 0.0) + target.weight
        first.setdefault(key, target)
    return tuple(target.model_copy(update={"weight": weights[key]}) for key, target in first.items())


def not_empty(stage: Stage, arm: ArmConfig) -> Stage:
    """The stage as it is. AnnotationError, naming arm and reasons, if the arm is left with nothing to learn in it."""
    if stage.targets:
        return stage
    reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(stage.dropped.items())) or "no questions"
    chosen = arm.select != "all" and stage.name == "thinking"
    advice = f'Set select = "all" in place of "{arm.select}", or another rule.' if chosen else "Look at the annotation."
    raise AnnotationError(
        f"arm {arm.name!r} is left with nothing to learn in its stage {stage.name!r} ({reasons}). {advice}"
    )
