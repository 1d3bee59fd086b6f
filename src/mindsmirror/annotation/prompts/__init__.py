"""What the teacher is asked: the prompts for rationales, critiques, self-evaluations and duals.

A prompt set is a TOML file with a system text, solved examples, judged examples and dual ones; there is one for each
kind of answer, and a recipe can name its own. Everything that this module can send is covered by the set's two
hashes: prompts that know the answer have one of their own, so that writing better ones leaves annotations without
duals as they are. A critique continues the conversation of its rationale, so an engine that caches prefixes computes
only the few words of the request; that is also why all prompts of a run share one few-shot prefix. The request for a
plain self-evaluation shows question and solution afresh, as in the paper (arXiv 2311.09214): another teacher may judge.
So does the request for a dual, in whose examples the teacher sees how little may change.
"""

import hashlib
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mindsmirror import limits
from mindsmirror.answers import ENTAILMENT, YES_NO, AnswerKind, Label
from mindsmirror.engines.base import Message, Subject
from mindsmirror.errors import RecipeError
from mindsmirror.limits import BoundError
from mindsmirror.records import DualKind, Example, Purpose, Verdict
from mindsmirror.system.documents import check_document, parse_toml, read_bytes
from mindsmirror.system.validation import in_words

BUILT_IN = ("choice", "equation", "label", "number", "text", "yes_no")
CRITIQUE = {
    Verdict.CORRECT: "The solution is correct. Say in one sentence what makes it correct.",
    Verdict.WRONG: "The solution is wrong: the right answer is {answer}. "
    "Say in one sentence what its first mistake is.",
    Verdict.UNCERTAIN: "It is uncertain whether the solution is correct or wrong. "
    "Say in one sentence which step is doubtful.",
}
JUDGE = (
    "Is this solution correct? Check every step against the question. Write one or two sentences, then end "
    'with the line "Evaluation result: the given answer is correct.", or wrong, or uncertain.'
)
RESULT = "Evaluation result: the given answer is {verdict}."
OWN_LABELS = {
    "system": "You decide which of these labels fits what is given: {labels}. Reason in one or two short sentences "
    'about what is given. End every solution with the sentence "The answer is L.", where L is the label.',
    "reminder": "Reason in one or two short sentences about what is given, then end with the sentence "
    '"The answer is L.", where L is one of: {labels}.',
}
"""Of the prompts for labels of the task's own."""
JUDGE_SYSTEM = "You check solutions that others have written. Be strict: many of them are wrong."
DUAL = {
    DualKind.RECTIFIED: "This solution is wrong: the right answer is {answer}. Write it again with its mistakes "
    "corrected, so that it ends with the right answer. Keep every word that can stay as it is, and write nothing else.",
    DualKind.CORRUPTED: "This solution is right: the answer is {answer}. Write it again with the one mistake that a "
    "student is most likely to make, carried through to the end, so that it ends with another answer. Keep every "
    "word that can stay as it is, and write nothing else.",
}


class Shot(BaseModel):
    """A solved example: question, rationale with its answer sentence, and why it is correct."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(description="the question")
    rationale: str = Field(description="the solution, ending with the sentence that states the answer")
    critique: str = Field(description="a sentence that says why the solution is correct or wrong")


class JudgedShot(Shot):
    """Somebody's solution, the verdict on it, and the answer it should have reached."""

    verdict: Verdict = Field(description="what the judge should say of the solution")
    answer: str = Field(description="the right answer")


class DualShot(BaseModel):
    """A question with its answer, a right solution, and the same solution with a mistake: an example of both kinds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(description="the question")
    answer: str = Field(description="the right answer")
    right: str = Field(description="a solution that reaches it")
    wrong: str = Field(description="the same solution with one mistake, carried through to another answer")


class Prompt(NamedTuple):
    """A conversation, and how many of its first messages other prompts have too."""

    messages: tuple[Message, ...]
    shared: int
    subject: Subject | None = None
    """What it asks and about what; None leaves that to the messages."""


class PromptSet(BaseModel):
    """All prompts for one kind of answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(description="raised whenever the set changes")
    system: str = Field(description="system text: what a rationale looks like, and the sentence that ends it")
    solved: tuple[Shot, ...] = Field(min_length=1, description="examples of questions with a correct rationale")
    judged: tuple[JudgedShot, ...] = Field(min_length=1, description="examples of rationales with a verdict")
    dual: tuple[DualShot, ...] = Field((), description="examples for rectified and corrupted rationales")
    reminder: str = Field(
        "",
        description="repeated below every question, such as the form of the answer, which small teachers forget",
    )

    @property
    def hash(self) -> str:
        """16 hex digits over the set without its duals, and over the words that this module adds to it."""
        words = repr((sorted(CRITIQUE.items()), JUDGE, RESULT, JUDGE_SYSTEM, shown_solution("", "")))
        return hashlib.sha256((self.model_dump_json(exclude={"dual"}) + words).encode()).hexdigest()[:16]

    @property
    def dual_hash(self) -> str:
        """16 hex digits over everything in the prompts that know the answer."""
        words = repr((sorted(DUAL.items()), shown_solution("", "")))
        own = self.model_dump_json(include={"version", "system", "dual"})
        return hashlib.sha256((own + words).encode()).hexdigest()[:16]

    def rationale(self, example: Example) -> Prompt:
        """Ask for one rationale."""
        prefix = self._prefix()
        subject = Subject(Purpose.RATIONALE, example.text)
        return Prompt((*prefix, self._asked(example.text)), len(prefix), subject)

    def critique(self, example: Example, rationale: str, verdict: Verdict, answer: str) -> Prompt:
        """Ask why the rationale deserves a verdict that is already known; `answer` is the right answer."""
        asked, shared, _ = self.rationale(example)
        request = Message("user", CRITIQUE[verdict].format(answer=answer))
        subject = Subject(Purpose.SELF_EVALUATION, example.text, rationale, verdict, answer)
        return Prompt((*asked, Message("assistant", rationale), request), shared, subject)

    def self_evaluation(self, example: Example, rationale: str) -> Prompt:
        """Ask for a verdict, as published: the judge sees the question and one solution."""
        messages = [Message("system", JUDGE_SYSTEM)]
        for shot in self.judged:
            messages.append(Message("user", shown_solution(shot.question, shot.rationale) + JUDGE))
            result = RESULT.format(verdict=shot.verdict.value)
            messages.append(Message("assistant", f"{shot.critique}\n{result}"))
        shared = len(messages)
        messages.append(Message("user", shown_solution(example.text, rationale) + JUDGE))
        return Prompt(tuple(messages), shared, Subject(Purpose.SELF_EVALUATION, example.text, rationale))

    def opposite(self, example: Example, rationale: str, kind: DualKind, answer: str) -> Prompt:
        """Ask for a rationale's dual; `answer` is the right answer."""
        messages = [Message("system", self.system.strip())]
        for shot in self.dual:
            shown, written = (shot.wrong, shot.right) if kind is DualKind.RECTIFIED else (shot.right, shot.wrong)
            messages.append(
                Message("user", shown_solution(shot.question, shown) + DUAL[kind].format(answer=shot.answer))
            )
            messages.append(Message("assistant", written))
        request = Message("user", shown_solution(example.text, rationale) + DUAL[kind].format(answer=answer))
        subject = Subject(Purpose(kind), example.text, rationale, answer=answer)
        return Prompt((*messages, request), len(messages), subject)

    def _prefix(self) -> tuple[Message, ...]:
        messages = [Message("system", self.system.strip())]
        # A solution that was corrected has no critique; an empty one would teach to write none.
        criticised = next((shot for shot in self.solved if shot.critique), None)
        for shot in self.solved:
            messages.append(self._asked(shot.question))
            messages.append(Message("assistant", shot.rationale))
            if shot is criticised:
                messages.append(Message("user", CRITIQUE[Verdict.CORRECT]))
                messages.append(Message("assistant", shot.critique))
                messages.extend(self._wrong_example())
        return tuple(messages)

    def _asked(self, question: str) -> Message:
        return Message("user", f"{question}\n\n{self.reminder}" if self.reminder else question)

    def _wrong_example(self) -> tuple[Message, ...]:
        # Somebody else's wrong solution stands in a user turn: the teacher must not learn to write one.
        shot = next((s for s in self.judged if s.verdict is Verdict.WRONG), None)
        if shot is None:
            return ()
        request = CRITIQUE[Verdict.WRONG].format(answer=shot.answer)
        asked = shown_solution(shot.question, shot.rationale) + request
        return (Message("user", asked), Message("assistant", shot.critique))


class OwnPrompts(PromptSet):
    """Prompts whose examples are questions of the task: who is asked one of them does not see its solution."""

    def rationale(self, example: Example) -> Prompt:
        """Ask for one rationale."""
        rest = self._others(example)
        return super().rationale(example) if rest is self else rest.rationale(example)

    def self_evaluation(self, example: Example, rationale: str) -> Prompt:
        """Ask for a verdict."""
        rest = self._others(example)
        return super().self_evaluation(example, rationale) if rest is self else rest.self_evaluation(example, rationale)

    def _others(self, example: Example) -> "OwnPrompts":
        """The prompts without the examples of this question; themselves if there are none."""
        solved = tuple(shot for shot in self.solved if shot.question != example.text)
        judged = tuple(shot for shot in self.judged if shot.question != example.text)
        if (solved, judged) == (self.solved, self.judged):
            return self
        return self.model_copy(update={"solved": solved, "judged": judged})


def shown_solution(question: str, rationale: str) -> str:
    """Question and solution as a judge is shown them; the request follows."""
    return f"Question: {question}\n\nSomebody's solution: {rationale}\n\n"


def prompts_for(kind: AnswerKind) -> PromptSet:
    """The built-in set for a task's kind of answer; for labels of the task's own the one without examples."""
    return without_examples(kind) if has_own_labels(kind) else load_prompts(kind.name)


def has_own_labels(kind: AnswerKind) -> bool:
    """Whether the answers are labels that no built-in set knows."""
    return isinstance(kind, Label) and kind != ENTAILMENT and kind.name != YES_NO.name


def without_examples(kind: AnswerKind) -> PromptSet:
    """The prompts that only say what form a reply has: examples of another task would be copied into replies."""
    nothing = {"solved": (), "judged": (), "dual": ()}
    if not has_own_labels(kind):
        return load_prompts(kind.name).model_copy(update=nothing)
    assert isinstance(kind, Label)
    own = {name: text.format(labels=", ".join(kind.labels)) for name, text in OWN_LABELS.items()}
    return load_prompts("text").model_copy(update=nothing | own)


def load_prompts(source: str) -> PromptSet:
    """The built-in set for a kind of answer (number, equation, choice, label, yes_no, text), or a .toml file.

    Raises RecipeError if the file is missing or not a prompt set; the message names file and key.
    """
    if source.endswith(".toml"):
        path = Path(source)
        try:
            text = read_bytes(path, limits.RECIPE_BYTES).decode("utf-8").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"[annotation] prompts: cannot read {path}: {error}") from error
        except BoundError as error:
            raise RecipeError(f"[annotation] prompts: {path}: {error}.") from error
    elif source in BUILT_IN:
        text = (files(__package__) / f"{source}.toml").read_text(encoding="utf-8")
    else:
        raise RecipeError(
            f"[annotation] prompts: there is no built-in set {source!r}, only {', '.join(BUILT_IN)}; "
            "a set of your own is a .toml file"
        )
    try:
        document = parse_toml(text)
        check_document(document)
        return PromptSet.model_validate(document)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"[annotation] prompts: {source} is not TOML: {error}") from error
    except BoundError as error:
        raise RecipeError(f"[annotation] prompts: {source}: {error}.") from error
    except ValidationError as error:
        # A misspelt key is reported twice: as a stranger, which is what the user needs to see, and as missing.
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"])
        message = "there is no such key" if first["type"] == "extra_forbidden" else in_words(first)
        raise RecipeError(f"[annotation] prompts: {source}: {key}: {message}") from error
