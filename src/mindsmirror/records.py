"""The nouns that flow from task to report: frozen, typed, and serialisable as JSON.

Each is a pydantic model, so that what is read from disk is checked as strictly as what is made. A file of
records begins every line with the schema version under which it was written (`"schema": 1`).
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, WrapSerializer, WrapValidator

STUDENT = "student:"
"""Begins the name under which a student stands where a teacher does: it wrote the rationales itself (reflection)."""


class Record(BaseModel):
    """Base of everything here: immutable, and a stranger's key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Example(Record):
    """One question as the task gives it."""

    id: str
    text: str = Field(description="the whole question as it is shown, choices or premise included")
    choices: dict[str, str] = Field(default_factory=dict, description="letter to text, in order")
    gold: str | None = Field(None, description="the right answer as the task writes it, if known")
    extra: dict[str, Any] = Field(default_factory=dict, description="the row's other fields, as read")


class Parse(StrEnum):
    """How reading a teacher's or a student's reply ended."""

    OK = "ok"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    """No sentence states an answer."""
    BAD_ANSWER = "bad_answer"
    """An answer is stated, but it is no answer of the task's kind (not a number, not a choice …)."""
    MISSED = "missed"
    """It reaches an answer, but not one that was asked for (`DualKind`)."""
    FAILED = "failed"
    """The request itself failed; there is no reply."""


class Verdict(StrEnum):
    """What a self-evaluation says of a rationale."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNCERTAIN = "uncertain"
    UNPARSED = "unparsed"


class VerdictSource(StrEnum):
    """Where a verdict comes from: the judge's own word, agreement of the k answers, gold, or how likely a word was."""

    PLAIN = "plain"
    CONSENSUS = "consensus"
    INFORMED = "informed"
    LIKELIHOOD = "likelihood"


class CalibrationTarget(StrEnum):
    """Against what a judge's probabilities were calibrated."""

    CONSENSUS = "consensus"
    GOLD = "gold"


Repairs = Annotated[int, Field(ge=0, description="how many replies were asked for again before this one")]


class Purpose(StrEnum):
    """What a teacher is asked for: one step of the annotation."""

    RATIONALE = "rationale"
    SELF_EVALUATION = "self-evaluation"
    RECTIFIED = "rectified"
    CORRUPTED = "corrupted"


class Usage(Record):
    """What requests to a teacher used: samples, tokens, USD and seconds. Usages add up.

    It says what was bought, what is reserved, or what stored samples once took, whoever paid for them. Prices are
    `engines.config.Price`; the computation of training is `training.cost`.
    """

    samples: int = Field(0, description="replies")
    tokens_in: int = Field(0, description="tokens that were read")
    tokens_out: int = Field(0, description="tokens that were written")
    usd: float | None = Field(None, description="at the teachers' prices; None if no teacher has one")
    seconds: float = Field(0.0, description="wall time in which teachers were waited for; 0 where nobody measured it")

    @property
    def tokens(self) -> int:
        """Read and written."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: "Usage") -> "Usage":
        """Both together; a usage without a price adds nothing to the USD."""
        known = [each.usd for each in (self, other) if each.usd is not None]
        return Usage(
            samples=self.samples + other.samples,
            tokens_in=self.tokens_in + other.tokens_in,
            tokens_out=self.tokens_out + other.tokens_out,
            usd=sum(known) if known else None,
            seconds=self.seconds + other.seconds,
        )

    def times(self, number: int) -> "Usage":
        """The same `number` times."""
        return Usage(
            samples=self.samples * number,
            tokens_in=self.tokens_in * number,
            tokens_out=self.tokens_out * number,
            usd=None if self.usd is None else self.usd * number,
            seconds=self.seconds * number,
        )


class Rationale(Record):
    """What a teacher wrote of a question: its reasoning, and the sentence that states the answer."""

    teacher: str
    sample: int = Field(description="which of the k samples, from 0")
    text: str = Field(description="the reply, stripped")
    reasoning: str = Field("", description="the text before the sentence that states the answer")
    answer: str | None = Field(None, description="the answer in canonical form; None unless parse is ok")
    parse: Parse
    reason: str = Field("", description="why it did not parse, in words")
    right: bool | None = Field(None, description="against gold; None without gold or answer")
    repairs: Repairs = 0

    @property
    def written(self) -> str:
        """As students learn it, in whole sentences: `he did not buy 10 The answer is 10.` would deny its answer."""
        said = self.reasoning
        if said and not said.rstrip("\"')]*_`”’").endswith((".", "!", "?", "…")):
            said = said.rstrip(" ,;:–—-") + "."
        return f"{said} The answer is {self.answer}.".strip()


class SelfEvaluation(Record):
    """One self-evaluation: what a teacher says of one rationale."""

    teacher: str
    rationale: int = Field(description="sample number of the rationale that is evaluated")
    sample: int = Field(description="which of its m self-evaluations, from 0")
    verdict: Verdict
    source: VerdictSource
    critique: str = Field("", description="the text without the line that states the verdict")
    parse: Parse = Parse.OK
    reason: str = ""
    repairs: Repairs = 0
    likelihood: float | None = Field(None, description="what the judge gives 'correct' against 'wrong', in [0, 1]")
    p_correct: float | None = Field(None, description="the likelihood after calibration, as a probability")
    calibration: CalibrationTarget | None = Field(None, description="against what; None if it was not calibrated")


class DualKind(StrEnum):
    """How a teacher that knows the right answer rewrites one of its rationales (EDIT, arXiv 2405.19737)."""

    RECTIFIED = "rectified"
    """A wrong rationale, corrected so that it reaches the right answer."""
    CORRUPTED = "corrupted"
    """A right rationale, spoilt by a likely mistake so that it reaches a wrong answer."""


class DualRationale(Rationale):
    """A rewritten rationale: as like its original as one with the opposite result can be."""

    kind: DualKind
    of: int = Field(description="sample number of the rationale that it was made from")


class Provenance(Record):
    """What produced an annotation, and how many tokens that took."""

    teacher: str
    judge: str
    prompt: str = Field(description="hash of the prompt set; 'unknown' where somebody else asked")
    temperature: float | None = Field(description="None where it is not known")
    tokens_in: int
    tokens_out: int
    source: str = Field("", description="kind, names and SHA-256 of the files it was imported from, if it was")
    dual_prompt: str = Field("", description="hash of the prompts that know the answer, if any were asked")


class Annotation(Record):
    """An example's rationales, their self-evaluations, and their duals where the recipe asked for any."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    example: Example
    split: str
    rationales: tuple[Rationale, ...]
    evaluations: tuple[SelfEvaluation, ...]
    duals: tuple[DualRationale, ...] = ()
    provenance: Provenance

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    @property
    def own(self) -> bool:
        """Whether a student wrote the rationales itself."""
        return self.provenance.teacher.startswith(STUDENT)


class Tag(StrEnum):
    """Which of its tasks a student is asked to do."""

    PREDICT = "predict"
    EXPLAIN = "explain"
    VERDICT = "verdict"
    CRITIQUE = "critique"


class Target(Record):
    """One thing to learn: under `tag`, shown a question (and a rationale, if it judges), write `text`."""

    tag: Tag
    example: str = Field(description="id of the example: targets of one example are one family")
    question: str | None = Field(description="None when the judge does not see the question")
    rationale: str | None = Field(None, description="the rationale that is shown to the judge")
    text: str
    weight: float = 1.0
    data: dict[str, str | bool | int | float] = Field(default_factory=dict, description="for the stage's objective")
    ends: bool = Field(True, description="whether the student also learns that the text ends there")


def _targets(given: Any, check: Callable[[Any], Any]) -> Any:
    """What is read target by target is not read through to be checked."""
    return tuple(check(given)) if isinstance(given, list | tuple) or not isinstance(given, Sequence) else given


Targets = Annotated[Sequence[Target], WrapValidator(_targets), WrapSerializer(lambda given, write: write(tuple(given)))]
"""A tuple of targets, or a sequence that chooses them anew whenever it is read (methods/chosen.py)."""


class Stage(Record):
    """An ordered part of a method: what is learnt, with which weight for each task."""

    name: str
    targets: Targets
    task_weights: dict[Tag, float] = Field(description="factor of each task's mean loss, e.g. alpha")
    objective: str = Field("likelihood", description="what is minimised (training/objectives/), by name")
    parameters: dict[str, Any] = Field(default_factory=dict, description="the objective's own")
    share: float = Field(1.0, gt=0, description="share of the arm's budget")
    rate: float = Field(1.0, gt=0, description="factor of the recipe's learning rate")
    adapter: bool = Field(False, description="learnt as a low-rank adapter over the weights before, which stay")
    dropped: dict[str, int] = Field(default_factory=dict, description="samples left out, by reason")


Mode = Literal["predict", "think", "vote", "mirror"]
"""To answer at once; after one rationale; by the most frequent answer of several; by the one that is surest."""
MODES: tuple[Mode, ...] = get_args(Mode)


class Prediction(Record):
    """What a student said of an example in one mode."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    example: str
    mode: str
    answer: str | None
    right: bool | None
    rationale: str = ""
    unread: str = Field("", description="what was written directly, where no answer could be read from it")
    parse: Parse = Parse.OK
    confidence: float | None = Field(None, description="that the answer is right; None if nothing says how sure to be")
    calibrated: bool = Field(False, description="on validation questions; if not, it is the share of the votes")
    abstained: bool = Field(False, description="whether the confidence is too low for the risk that was promised")
    log_probability: float | None = Field(None, description="of a greedy text: mean over its tokens, in nats")
    tokens: int = Field(0, description="tokens the student generated for it")
    samples: tuple["Sample", ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    @property
    def written(self) -> str:
        """What the student wrote: the rationale, or the direct answer that could not be read, or the first sample."""
        return self.rationale or self.unread or (self.samples[0].text if self.samples else "")


class Sample(Record):
    """One of a student's own rationales, as voting saw it."""

    text: str
    answer: str | None
    right: bool | None
    p_correct: float | None = Field(None, description="the student's own probability of 'correct'")
    log_probability: float | None = Field(None, description="mean over its tokens, in nats at temperature 1")
    confidence: float | None = Field(None, description="probability that it is right, if that was fitted")
    tokens: int = 0
