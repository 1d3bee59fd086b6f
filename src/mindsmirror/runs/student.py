"""A trained student in memory: loaded once, asked as often as somebody likes, many questions at a time.

    student = mindsmirror.load("runs/mine")
    reply = student.ask("How many legs have 2 cats and 3 crabs?")
    print(reply.answer, reply.rationale, reply.verdict, reply.p_correct)

A run's folder will do, and so will a student's alone (`arms/NAME/model` of a run): what it takes to ask is beside the
weights, in `mindsmirror.json`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from mindsmirror.errors import DataError, RecipeError, UnknownNameError
from mindsmirror.evaluation.arms import open_predictor
from mindsmirror.evaluation.config import EvaluationConfig
from mindsmirror.evaluation.evaluate import evaluate_modes
from mindsmirror.inference.confidence import Sureness
from mindsmirror.inference.description import FILE, StudentDescription, read_description
from mindsmirror.inference.judge import verdict_probabilities
from mindsmirror.inference.predictor import Predictor
from mindsmirror.inference.question import Question, Reply, as_question, check_mode
from mindsmirror.records import Mode, Prediction, Tag
from mindsmirror.runs.description import described, named_arm, trained_model
from mindsmirror.runs.folder import Run
from mindsmirror.students.config import StudentConfig
from mindsmirror.students.text import VERDICT_WORDS

if TYPE_CHECKING:
    from mindsmirror.runs.standby import StandbyTeacher

Told = Callable[[int, str], None]
"""Is given the place of a question and a piece of what the student writes about it, as soon as it is written."""


class _How(NamedTuple):
    """What questions must share to be decoded together."""

    mode: Mode
    samples: int | None
    temperature: float | None
    max_tokens: int | None


class TrainedStudent:
    """A student that is ready to be asked. Threads may share it: it answers one call after the other."""

    def __init__(self, description: StudentDescription, predictor: Predictor, run: Path | None = None) -> None:
        """`run` is the folder of the run that trained it; without it no teacher can be asked."""
        self.description, self.run = description, run
        self._predictor, self._alone = predictor, threading.Lock()

    @classmethod
    def open(
        cls, folder: Path, description: StudentDescription, *, trusted: bool = False, run: Path | None = None
    ) -> Self:
        """The student in a folder; ModelFileError if it cannot be loaded. `trusted`: its own code may run."""
        config = StudentConfig(model=str(folder), trust_remote_code=trusted, max_source=description.max_source)
        predictor = open_predictor(
            description.as_task(), config, _evaluation(description), description.precision, folder
        )
        return cls(description, predictor, run)

    def __repr__(self) -> str:
        own = self.description
        return f"<student {own.arm!r} of the run {own.run!r}: {own.base}, {', '.join(own.modes)}>"

    @property
    def modes(self) -> tuple[Mode, ...]:
        """Those in which it can be asked; `description.default_mode` is taken where none is named."""
        return self.description.modes

    def ask(
        self,
        question: str | Question,
        choices: Mapping[str, str] | Sequence[str] = (),
        mode: str | None = None,
        on_text: Callable[[str], None] | None = None,
        escalate: bool = False,
        **how: Any,
    ) -> Reply:
        """Ask one question.

        `choices` maps letters to texts, or lists the texts. `mode` is predict, think, vote or mirror; `how` are further
        keys of `Question`, such as samples or seed. `on_text` is given each piece of a greedy text while it is written.
        `escalate` asks the run's teacher if the student abstains; a teacher that fails leaves the student's reply.
        UnknownNameError for a mode that there is not, RecipeError for one that the student was not taught; for
        `escalate` what `check_escalation` raises.
        """
        if isinstance(question, str):
            given = dict(choices) if isinstance(choices, Mapping) else list(choices)
            question = as_question({"question": question, "choices": given, "mode": mode, **how})
        told = None if on_text is None else lambda _, piece: on_text(piece)
        return self.ask_many([question], on_text=told, escalate=escalate)[0]

    def ask_many(
        self,
        questions: Iterable[str | Mapping[str, Any] | Question],
        mode: str | None = None,
        on_text: Told | None = None,
        escalate: bool = False,
    ) -> list[Reply]:
        """Ask several questions at batch speed; the replies come in their order.

        A question is its text, a mapping with the keys of `Question`, or such a record. Those that are asked alike are
        decoded together, and none of their replies depends on the others. `mode` is for questions that name none.
        `escalate` asks the run's teacher about those that the student abstains from, as in `ask`.
        """
        asked = [as_question(each) for each in questions]
        groups: dict[_How, list[int]] = {}
        for place, question in enumerate(asked):
            groups.setdefault(self._how(question, mode), []).append(place)
        if escalate:
            for how in groups:
                self.check_escalation(how.mode)
        replies: dict[int, Reply] = {}
        with self._alone:
            for how, places in groups.items():
                found = self._asked(how, [asked[place] for place in places], _placed(on_text, places))
                replies.update(zip(places, found, strict=True))
        sent = [place for place in sorted(replies) if replies[place].abstained] if escalate else []
        if sent:
            said = self.standby.ask([asked[place] for place in sent])
            replies.update((place, replies[place].sent(each)) for place, each in zip(sent, said, strict=True))
        return [replies[place] for place in range(len(asked))]

    def check_escalation(self, mode: str | None = None) -> None:
        """Refuse to send what the student abstains from in a mode, by default its own, where that cannot be done.

        DataError for a student without its run, RecipeError where the run has no teacher, or the mode no threshold.
        """
        self.standby.check(self.description, check_mode(mode) or self.description.default_mode)

    @cached_property
    def standby(self) -> "StandbyTeacher":
        """The run's teacher, which can be asked what the student abstains from. Raises as `check_escalation` does."""
        from mindsmirror.runs.standby import StandbyTeacher

        if self.run is None:
            raise DataError(
                f"this is the student of the run {self.description.run!r} alone, and only the run's folder names the "
                "teacher that could be asked. Give the folder of the run."
            )
        return StandbyTeacher(self.run)

    def reads(self, question: str | Mapping[str, Any] | Question) -> int:
        """Tokens of a question as it is read in its mode; a longer one loses its beginning at `description.max_source`.

        This does not wait for questions that are being answered.
        """
        asked = as_question(question)
        tag = Tag.PREDICT if (asked.mode or self.description.default_mode) == "predict" else Tag.EXPLAIN
        student, task = self._predictor.student, self._predictor.task
        return len(student.source(tag, asked.example(task).text, None))

    def _how(self, question: Question, mode: str | None) -> _How:
        own = self.description
        named = question.mode or check_mode(mode) or own.default_mode
        if named not in own.modes:
            raise RecipeError(f"arm {own.arm!r} was not taught to {named}; it can {', '.join(own.modes)}")
        return _How(named, question.samples, question.temperature, question.max_tokens)

    def _asked(self, how: _How, questions: Sequence[Question], watch: Told | None) -> list[Reply]:
        own = self.description
        given = {key: value for key, value in how._asdict().items() if key != "mode" and value is not None}
        config = _evaluation(own).model_copy(update=given)
        ready = replace(self._predictor, max_tokens=config.max_tokens, watch=watch)
        examples = [question.example(ready.task) for question in questions]
        judging = own.verdict_request()
        calibration = own.calibration
        if calibration is not None and how.temperature is not None:
            calibration = calibration.model_copy(update={"temperature": how.temperature})
        if calibration is not None and how.samples is not None:
            # Who names a number of rationales wants them all.
            calibration = calibration.model_copy(update={"sparing": None})
        asked = evaluate_modes(ready, judging, [how.mode], examples, config, own.seed, calibration, sparing=True)
        found = asked[how.mode]
        judged = [place for place, each in enumerate(found) if judging is not None and each.rationale]
        shown = [(examples[place].text, found[place].rationale) for place in judged]
        shares = (
            dict(zip(judged, verdict_probabilities(ready, judging, shown), strict=True)) if judging and shown else {}
        )
        sureness = calibration.sureness(how.mode) if calibration else None
        return [
            _reply(own.arm, how.mode, questions[place], each, shares.get(place), sureness)
            for place, each in enumerate(found)
        ]


def load(folder: str | Path, arm: str | None = None, *, trust_remote_code: bool = False) -> TrainedStudent:
    """The trained student of a run, ready to be asked; by default that of the recipe's last arm.

    `folder` is the run's, or the student's own (`arms/NAME/model` of a run, which may lie anywhere by now). A student
    that brings code of its own is loaded if the run's recipe or `trust_remote_code` allows it. DataError for a folder
    that is neither, or a run that is not trained; UnknownNameError for an arm that there is not.
    """
    folder = Path(folder)
    if not (folder / "recipe.json").exists() and (own := read_description(folder)) is not None:
        if arm not in (None, own.arm):
            raise UnknownNameError("arm", str(arm), [own.arm])
        return TrainedStudent.open(folder, own, trusted=trust_remote_code)
    if not (folder / "recipe.json").exists():
        raise DataError(f"{folder} is neither a run nor a student: it holds no recipe.json and no {FILE}.")
    run = Run(folder)
    recipe = run.recipe
    chosen = named_arm(recipe, arm)
    model = trained_model(folder, chosen)
    description = read_description(model) or described(run, recipe, run.task(recipe), chosen)
    trusted = trust_remote_code or recipe.student.trust_remote_code
    return TrainedStudent.open(model, description, trusted=trusted, run=folder)


def _evaluation(own: StudentDescription) -> EvaluationConfig:
    given = {"samples": own.samples, "temperature": own.temperature, "max_tokens": own.max_tokens, "batch": own.batch}
    return EvaluationConfig.model_validate({key: value for key, value in given.items() if value is not None})


def _placed(told: Told | None, places: Sequence[int]) -> Told | None:
    """The same for a part of the questions, which counts its own from 0."""
    return None if told is None else lambda place, piece: told(places[place], piece)


def _reply(
    arm: str,
    mode: Mode,
    asked: Question,
    found: Prediction,
    shares: Sequence[float] | None,
    sureness: Sureness | None,
) -> Reply:
    return Reply(
        question=asked.question,
        arm=arm,
        mode=mode,
        answer=found.answer,
        text=found.written or found.answer or "",
        rationale=found.rationale,
        verdict=None if shares is None else VERDICT_WORDS[shares.index(max(shares))],
        p_correct=None if shares is None else shares[0],
        confidence=found.confidence,
        calibrated=found.calibrated,
        alike=None if sureness is None else sureness.alike(found.confidence),
        abstained=found.abstained,
        parse=found.parse,
        tokens=found.tokens,
    )
