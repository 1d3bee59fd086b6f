"""What a method is: a paper as code, annotations in, stages of targets out.

A method is one file: a class derived from `Method`, and the settings that its `[[arm]]` table may have, derived from
`ArmConfig`. Settings that several methods share are in settings.py, what they do to annotations is in targets.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror import limits
from mindsmirror.records import Annotation, Mode, Stage, Tag
from mindsmirror.system.validation import Name
from mindsmirror.tasks.base import Task

Labels = Literal["teacher", "gold"]


@dataclass(frozen=True)
class Needs:
    """What a method, or one of an arm's settings, needs of every annotation."""

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


class ArmConfig(BaseModel):
    """What every `[[arm]]` table of a recipe has; a method's own settings are a class derived from this."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name = Field(description="what the arm is called in the report; also the name of its folder")
    method: str = Field(description="what the student learns, and in which order")
    labels: Labels | None = Field(
        None,
        description="answers that the student learns. teacher: the most frequent of its k; gold: the task's own; "
        "if absent, gold where every annotated training question has one that can be read, else teacher",
    )
    against: tuple[Name, ...] = Field(
        (),
        max_length=limits.ARMS,
        description="arms that this one is planned to be compared with, in the report and by `compare`; if no arm "
        "names any: the first one",
    )
    reflect: bool = Field(
        True, description="whether the arm reflects, if the recipe has [reflect] and it learns to think"
    )

    @property
    def needs(self) -> Mapping[str, Needs]:
        """What settings need beyond the method, each under the setting as a recipe writes it."""
        return {}

    @property
    def teaches_labels(self) -> bool:
        """Whether labels alone are taught, if the method does that, so that the student can answer at once."""
        return True

    @property
    def teaches_answered_rationales(self) -> bool:
        """Whether rationales are taught with the answer at their end, so that the student can answer by thinking."""
        return True


Settings = TypeVar("Settings", bound=ArmConfig)


@dataclass(frozen=True)
class VerdictRequest:
    """How a student that learns to judge is asked for its verdict on a rationale."""

    arm: str
    """Name of the arm, for progress lines."""
    tag: Tag = Tag.VERDICT
    sees_question: bool = True


class Method(ABC, Generic[Settings]):
    """Annotations in, stages out. A derived class sets what follows and writes `stages`."""

    settings: ClassVar[type[ArmConfig]] = ArmConfig
    """The keys that an arm with this method may have."""
    needs: ClassVar[Needs] = Needs()
    """What the annotation must hold."""
    answers: ClassVar[bool] = True
    """Whether the student learns to answer at once, without a rationale."""
    thinks: ClassVar[bool] = False
    """Whether the student learns to write rationales."""
    judges: ClassVar[bool] = False
    """Whether the student learns to judge rationales."""

    @abstractmethod
    def stages(self, annotations: Sequence[Annotation], task: Task, arm: Settings) -> tuple[Stage, ...]:
        """What is learnt, in order. AnnotationError if the arm is left with nothing to learn."""

    def modes(self, arm: Settings) -> tuple[Mode, ...]:
        """The modes in which a student that has learnt this can be asked.

        One that thinks has a mirror, whether or not it learns to judge: what is free tells right from wrong as well.
        """
        able: list[Mode] = ["predict"] if self.answers and arm.teaches_labels else []
        if self.thinks and arm.teaches_answered_rationales:
            able += ["think", "vote", "mirror"]
        return tuple(able)

    def main_mode(self, arm: Settings) -> Mode:
        """The mode in which an arm is compared and its checkpoint chosen: fixed here, never by its results."""
        return "think" if "think" in self.modes(arm) else "predict"

    def verdict_request(self, arm: Settings) -> VerdictRequest | None:
        """How the student is asked for a verdict; None if it does not learn to judge."""
        return VerdictRequest(arm.name) if self.judges else None
