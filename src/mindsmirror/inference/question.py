"""What a trained student is asked and what it replies: the records of `mindsmirror.load(…).ask` and of the server.

Nothing here loads torch.
"""

from collections.abc import Mapping
from string import ascii_lowercase
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from mindsmirror import limits
from mindsmirror.errors import DataError, UnknownNameError
from mindsmirror.inference.confidence import Alike
from mindsmirror.records import MODES, Example, Mode, Parse, Record
from mindsmirror.system.validation import explain
from mindsmirror.tasks.base import Task
from mindsmirror.tasks.rows import lettered
from mindsmirror.tasks.shown import with_choices
from mindsmirror.tasks.splits import content_id


class Question(Record):
    """What a student is asked, and how; what is left out is as the student's description has it."""

    question: str = Field(min_length=1)
    choices: dict[str, str] = Field(
        default_factory=dict, max_length=26, description="texts, or letters and texts; they are lettered a, b, c … anew"
    )
    mode: Mode | None = Field(None, description="predict, think, vote or mirror")
    samples: int | None = Field(None, ge=2, le=limits.SAMPLES, description="rationales in vote and mirror")
    temperature: float | None = Field(None, gt=0, le=limits.TEMPERATURE, description="at which they are sampled")
    max_tokens: int | None = Field(None, ge=8, le=limits.TOKENS, description="the most tokens of a rationale")
    seed: int | None = Field(None, description="of the samples: another seed draws others")

    @model_validator(mode="before")
    @classmethod
    def _lettered(cls, values: Any) -> Any:
        """Choices get the letters that a student was taught, a, b, c …, as in a file of questions."""
        given = values.get("choices") if isinstance(values, Mapping) else None
        if not isinstance(given, list | tuple | Mapping):
            return values
        texts = list(given.values() if isinstance(given, Mapping) else given)
        if len(texts) == 1 or len(texts) > len(ascii_lowercase):
            raise ValueError(
                f"choices: {len(texts)} are given; 2 to {len(ascii_lowercase)} can be told apart by letters"
            )
        return {**values, "choices": lettered(texts)}

    def example(self, task: Task) -> Example:
        """The question as the task shows it. What is drawn for it depends on its text and seed alone."""
        text = task.shown(with_choices(self.question, self.choices) if self.choices else self.question.strip())
        own = content_id(text) if self.seed is None else f"{content_id(text)} {self.seed}"
        return Example(id=own, text=text, choices=self.choices)


class TeacherReply(Record):
    """What a teacher said of a question that was sent to it."""

    name: str = Field(description="of the teacher: its model")
    answer: str | None = Field(None, description="None where there is none; `error` says why")
    text: str = Field("", description="what it wrote: its rationale")
    tokens_in: int = Field(0, description="tokens that it read")
    tokens_out: int = Field(0, description="tokens that it wrote")
    usd: float | None = Field(None, description="what those cost; None where no price is known")
    error: str = Field("", description="why there is no answer: the request failed, a cap is reached, none can be read")


class Reply(Record):
    """What a student said of a question, or its teacher where the student abstained and the question was sent on."""

    question: str
    arm: str = Field(description="whose student was asked")
    mode: Mode = Field(description="how it was asked")
    answer: str | None = Field(description="None where none can be read from the text")
    text: str = Field(description="what was written: a rationale, or a direct reply")
    rationale: str = Field(description="empty if it was asked for the answer alone")
    verdict: str | None = Field(description="correct, wrong or uncertain: what it says of its rationale, if it judges")
    p_correct: float | None = Field(description="the probability that it gives to correct")
    confidence: float | None = Field(description="how sure to be of the answer, as `Prediction.confidence` has it")
    calibrated: bool = Field(description="whether the confidence is a calibrated probability")
    alike: Alike | None = Field(None, description="what became of validation answers that were about as sure")
    abstained: bool = Field(description="whether the confidence is too low for the risk that was promised")
    parse: Parse = Field(description="how reading the text ended")
    tokens: int = Field(description="tokens that were written")
    answered_by: Literal["student", "teacher"] = Field("student", description="whose answer, text and tokens these are")
    student: "Reply | None" = Field(None, description="what the student itself said, where the teacher answered")
    teacher: TeacherReply | None = Field(None, description="None where the teacher was not asked")

    def sent(self, teacher: TeacherReply) -> "Reply":
        """The same after the question was sent to the teacher: with its answer, if it gave any that can be read.

        Nothing says how sure to be of a teacher's answer. The student's own reply stays under `student`.
        """
        if teacher.answer is None:
            return self.model_copy(update={"teacher": teacher})
        return Reply(
            question=self.question,
            arm=self.arm,
            mode=self.mode,
            answer=teacher.answer,
            text=teacher.text,
            rationale=teacher.text,
            verdict=None,
            p_correct=None,
            confidence=None,
            calibrated=False,
            abstained=False,
            parse=Parse.OK,
            tokens=teacher.tokens_out,
            answered_by="teacher",
            student=self,
            teacher=teacher,
        )

    def __str__(self) -> str:
        """The answer, or where there is none what was written."""
        return self.text if self.answer is None else self.answer


def as_question(given: str | Mapping[str, Any] | Question) -> Question:
    """A question from its text or its keys. DataError says what is wrong with it."""
    if isinstance(given, Question):
        return given
    values = {"question": given} if isinstance(given, str) else dict(given)
    check_mode(values.get("mode"))
    try:
        return Question.model_validate(values)
    except ValidationError as error:
        raise DataError(f"the question {str(values.get('question', ''))[:60]!r}: {explain(error, Question)}") from error


def check_mode(name: Any) -> Mode | None:
    """The mode of that name, None for none. UnknownNameError lists those that there are."""
    if name is None:
        return None
    found = next((mode for mode in MODES if mode == name), None)
    if found is None:
        raise UnknownNameError("mode", str(name), MODES)
    return found
