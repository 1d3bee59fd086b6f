"""What the card of an exported student is told of the run that trained it."""

from collections.abc import Sequence
from typing import NamedTuple

from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.methods.base import VerdictRequest
from mindsmirror.records import Tag
from mindsmirror.reporting.schema import Report
from mindsmirror.tasks.base import Task


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
    judging: VerdictRequest | None
    """How it is asked for a verdict; None: it does not judge."""
    prompts: PromptSet | None
    """What the teacher was asked; None if the file of the prompts has gone."""
    report: Report | None
    encoder_decoder: bool = False

    @property
    def judges(self) -> bool:
        """Whether it judges at all."""
        return self.judging is not None
