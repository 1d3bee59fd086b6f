"""The k x m loop: k rationales of every question, and m judgements of every rationale.

A question moves through two steps, each a set of prompts whose samples are either in the store or asked for.
Questions are independent, so one question's judgements are written while another's rationales still are; as
many questions are open as keep the engine busy, and no more, so memory does not grow with their number. The
loop holds no replies: what it needs it reads back from the store, so a run that resumes and a run that was
never interrupted take the same path. An engine is opened only when a sample is missing.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from mindsmirror.annotation.asking import Ask, Asking, Question, Tally, Teacher
from mindsmirror.annotation.judges import JudgeConfig, consensus, informed
from mindsmirror.annotation.prompts import Prompt, PromptSet
from mindsmirror.annotation.reading import read_judgement, read_rationale
from mindsmirror.annotation.store import Store
from mindsmirror.answers.base import Answer
from mindsmirror.engines.base import Sampling, sample_key
from mindsmirror.records import Annotation, Example, Provenance, Rationale, VerdictSource
from mindsmirror.tasks.base import Task

__all__ = ["AnnotationConfig", "Annotator", "Tally", "Teacher"]


class AnnotationConfig(BaseModel):
    """The `[annotation]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rationales: int = Field(5, ge=1, description="k, for each question")
    self_evaluations: int = Field(1, ge=0, description="m, for each rationale")
    temperature: float = Field(0.8, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(256, ge=8, description="room for a rationale")
    prompts: str | None = Field(None, description="a prompt set of one's own, .toml")
    store: Path | None = Field(None, description="the SQLite store; store.sqlite beside the runs if absent")


class Annotator:
    """Annotates questions with one teacher and one judge over one store."""

    def __init__(
        self,
        task: Task,
        prompts: PromptSet,
        teacher: Teacher,
        judge: Teacher,
        config: AnnotationConfig,
        judging: JudgeConfig,
        store: Store,
    ) -> None:
        self._task, self._prompts, self._store = task, prompts, store
        self._teacher, self._judge = teacher, judge
        self._config, self._judging = config, judging
        self.tally = Tally()
        self._asking = Asking(store, self.tally)

    def run(
        self, questions: Iterable[tuple[str, Example]], progress: Callable[[Tally], None] = lambda _: None
    ) -> Iterator[Annotation]:
        """Annotations of (split, example) pairs as they are completed, in no fixed order.

        What failed in an earlier run is asked for again. The engines are closed at the end, however it comes.
        """
        source = iter(questions)
        more = True
        with Asking(self._store, self.tally) as self._asking:
            while more or self._asking.busy:
                while more and self._asking.has_room:
                    pair = next(source, None)
                    if pair is None:
                        more = False
                        break
                    yield from self._begin(Question(pair[1], pair[0]))
                for question in self._asking.wait():
                    yield from self._advance(question)
                progress(self.tally)

    def _begin(self, question: Question) -> Iterator[Annotation]:
        prompt = self._prompts.rationale(question.example)
        sampling = Sampling(
            temperature=self._config.temperature,
            top_p=self._config.top_p,
            max_tokens=self._config.max_tokens,
        )
        ask = self._plan("rationale", prompt, self._config.rationales, self._teacher, sampling)
        self._asking.ask(question, [ask])
        if question.outstanding == 0:
            yield from self._advance(question)

    def _advance(self, question: Question) -> Iterator[Annotation]:
        """The step that was asked for is complete: go on to the next, or finish."""
        if not question.rationales:
            question.rationales = self._read_rationales(question, question.asks[0])
            self._asking.ask(question, self._judgements(question))
            if question.outstanding:
                return
        self.tally.questions += 1
        yield self._annotation(question)

    def _plan(
        self,
        purpose: str,
        prompt: Prompt,
        samples: int,
        teacher: Teacher,
        sampling: Sampling,
        judged: int = -1,
    ) -> Ask:
        keys = tuple(sample_key(teacher.identity, prompt.messages, sampling, i) for i in range(samples))
        return Ask(purpose, prompt, keys, teacher, sampling, judged)

    def _read_rationales(self, question: Question, ask: Ask) -> tuple[Rationale, ...]:
        stored = self._store.get(ask.keys)
        return tuple(
            read_rationale(self._task, question.example, ask.teacher.name, sample, self._asking.sample(key, stored))
            for sample, key in enumerate(ask.keys)
        )

    def _judgements(self, question: Question) -> list[Ask]:
        if self._config.self_evaluations == 0:
            return []
        answers = self._answers(question)
        strategy = self._judging.source
        if strategy is VerdictSource.CONSENSUS:
            question.ruling = consensus(answers)
        elif strategy is VerdictSource.INFORMED:
            question.ruling = informed(self._task, question.example, answers)
        sampling = Sampling(temperature=self._judging.temperature, max_tokens=self._judging.max_tokens)
        asks = []
        for sample in answers:
            text = question.rationales[sample].text
            if question.ruling is None:
                prompt = self._prompts.judgement(question.example, text)
            else:
                verdict = question.ruling.verdicts[sample]
                prompt = self._prompts.critique(question.example, text, verdict, question.ruling.answer)
            asks.append(
                self._plan("judgement", prompt, self._config.self_evaluations, self._judge, sampling, judged=sample)
            )
        return asks

    def _answers(self, question: Question) -> dict[int, Answer]:
        found = {}
        for rationale in question.rationales:
            answer = self._task.read(question.example, rationale.answer) if rationale.answer else None
            if answer is not None:
                found[rationale.sample] = answer
        return found

    def _annotation(self, question: Question) -> Annotation:
        stored = self._store.get([key for ask in question.asks for key in ask.keys])
        evaluations = []
        for ask in question.asks[1:]:
            known = question.ruling.verdicts[ask.sample] if question.ruling else None
            for index, key in enumerate(ask.keys):
                sample = self._asking.sample(key, stored)
                evaluations.append(
                    read_judgement(ask.teacher.name, ask.sample, index, sample, self._judging.source, known)
                )
        return Annotation(
            example=question.example,
            split=question.split,
            rationales=question.rationales,
            evaluations=tuple(evaluations),
            provenance=Provenance(
                teacher=self._teacher.name,
                judge=self._judge.name,
                prompt=self._prompts.hash,
                temperature=self._config.temperature,
                tokens_in=sum(s.tokens_in for s in stored.values()),
                tokens_out=sum(s.tokens_out for s in stored.values()),
            ),
        )
