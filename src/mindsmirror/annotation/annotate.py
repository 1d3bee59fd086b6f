"""The k x m loop: k rationales of every question, m self-evaluations of each, and duals if the recipe asks.

A question moves through two steps, each a set of samples that are either in the store or asked for: its rationales,
of one teacher or several, and what is asked about them. Replies of a
step that did not parse are asked for again before the next step begins. Questions are independent, so one
question's self-evaluations are written while another's rationales still are; as many questions are open as keep the
engine busy, and no more, so memory does not grow with their number. The loop holds no replies: what it needs it
reads back from the store, so a run that resumes and a run that was never interrupted take the same path. Once a
cap of the budget is reached nothing more is asked for, and the other questions are read as far as they are
stored. An engine is opened only when a sample is missing.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing

from mindsmirror.annotation.budget import Spending, dollars
from mindsmirror.annotation.config import AnnotationConfig
from mindsmirror.annotation.duals import dual_samples, read_dual
from mindsmirror.annotation.judges import JudgeConfig, consensus, informed
from mindsmirror.annotation.likelihood import SAMPLING, likelihood_prompt, read_likelihood
from mindsmirror.annotation.prompts import PromptSet
from mindsmirror.annotation.reading import answers_of, read_evaluation, read_rationale
from mindsmirror.annotation.repairs import ask_again
from mindsmirror.annotation.requests import Requests
from mindsmirror.annotation.samples import Account, Question, SampleRequest, Tally, samples_of
from mindsmirror.annotation.store import Failure, Store, Stored
from mindsmirror.annotation.teachers import Teacher
from mindsmirror.engines.base import Sampling
from mindsmirror.errors import UnansweredError
from mindsmirror.records import (
    Annotation,
    DualKind,
    DualRationale,
    Example,
    Parse,
    Provenance,
    Purpose,
    Rationale,
    SelfEvaluation,
    Usage,
    VerdictSource,
)
from mindsmirror.tasks.base import Task

__all__ = ["AnnotationConfig", "Annotator", "Tally", "Teacher"]

TELLING = 30
"""Rationales of which one at least should state an answer that can be read; else no more are asked for."""
TOGETHER = 64
"""Questions that are stored already and are handed on at once."""


class Annotator:
    """Annotates questions with a teacher and a judge over one store; `payer` is who it is charged to.

    `others` write rationales, too, as many as the teacher.
    """

    def __init__(
        self,
        task: Task,
        prompts: PromptSet,
        teacher: Teacher,
        judge: Teacher,
        config: AnnotationConfig,
        judging: JudgeConfig,
        store: Store,
        payer: str = "",
        others: Sequence[Teacher] = (),
    ) -> None:
        self._task, self._prompts, self._store = task, prompts, store
        self._writers, self._judge = (teacher, *others), judge
        self._config, self._judging = config, judging
        self.tally = Tally()
        self._readable, self._unreadable = False, Counter[str]()
        self.spending = Spending(config.budget, payer, store, (*self._writers, judge))
        self._asking = Requests(store, self.tally, self.spending)

    def run(
        self, questions: Iterable[tuple[str, Example]], progress: Callable[[Tally], None] = lambda _: None
    ) -> Iterator[Annotation]:
        """Annotations of (split, example) pairs as they are completed, in no fixed order.

        What failed in an earlier run is asked for again. The engines are closed at the end, however it comes.
        """
        with closing(self.accounts(questions, progress)) as accounts:
            for account in accounts:
                yield account.annotation

    def accounts(
        self, questions: Iterable[tuple[str, Example]], progress: Callable[[Tally], None] = lambda _: None
    ) -> Generator[Account, None, None]:
        """The same with what each question lacks and cost."""
        source = enumerate(questions)
        more = True
        with Requests(self._store, self.tally, self.spending) as self._asking:
            while more or self._asking.busy:
                full = not (more and self._asking.has_room)
                accounts = self._advanced(self._asking.wait() if full else [])
                while more and self._asking.has_room and len(accounts) < TOGETHER:
                    found = next(source, None)
                    more = found is not None
                    if found is not None:
                        number, (split, example) = found
                        accounts += self._advanced([self._begin(number, split, example)])
                # All is committed before the engine, or who uses the accounts, is waited for.
                self._asking.send()
                for account in accounts:
                    yield account
                    progress(self.tally)
                if not accounts:
                    progress(self.tally)

    def _advanced(self, questions: Iterable[Question]) -> list[Account]:
        """Take questions as far as they go."""
        return [account for question in questions for account in self._advance(question)]

    def _begin(self, number: int, split: str, example: Example) -> Question:
        prompt = self._prompts.rationale(example)
        sampling = Sampling(
            temperature=self._config.temperature,
            top_p=self._config.top_p,
            max_tokens=self._config.max_tokens,
        )
        k = self._config.rationales
        samples = [
            sample
            for place, teacher in enumerate(self._writers)
            for sample in samples_of(Purpose.RATIONALE, teacher, prompt, sampling, k, first=place * k)
        ]
        question = Question(number, example, split, samples)
        self._asking.ask(question, samples)
        return question

    def _advance(self, question: Question) -> Iterator[Account]:
        """Once nothing is outstanding: repair what did not parse, go on to the next step, or finish."""
        while question.outstanding == 0:
            again = self._settle(question)
            if again:
                self._asking.ask(question, again)
            elif question.second_step is None:
                records = [sample.record for sample in question.first_step]
                question.rationales = tuple(record for record in records if isinstance(record, Rationale))
                self._check_readable(question.rationales)
                question.second_step = [*self._self_evaluations(question), *self._duals(question)]
                self._asking.ask(question, question.second_step)
            else:
                self.tally.questions += 1
                yield self._account(question)
                return

    def _check_readable(self, rationales: Sequence[Rationale]) -> None:
        """UnansweredError once many replies have come and none states an answer: the next would not either."""
        self._readable = self._readable or any(each.parse is Parse.OK for each in rationales)
        if self._readable or self._config.max_failed >= 1:
            return
        self._unreadable.update(each.reason or each.parse.value for each in rationales)
        if self._unreadable.total() < TELLING:
            return
        reasons = "; ".join(f"{number} times: {reason}" for reason, number in self._unreadable.most_common(3))
        raise UnansweredError(
            f"not one of the first {self._unreadable.total()} replies states an answer that can be read ({reasons}). "
            "They are kept, and no more are asked for. Look at them in the store's table `failures`, and at "
            "annotation.max_tokens and annotation.prompts. annotation.max_failed = 1 asks for all of them all the same."
        )

    def _settle(self, question: Question) -> list[SampleRequest]:
        """Read the step's last replies; those of its samples that are to be asked for again."""
        open_ = [sample for sample in question.step if not sample.settled]
        stored = self._store.get([sample.last.key for sample in open_])
        again = []
        for sample in open_:
            found = self._asking.found(sample.last.key, stored)
            sample.settled = True
            if isinstance(found, Stored):
                sample.record = self._read(question, sample, found)
                self._note(sample, found)
                if ask_again(sample, found, self._config.repairs):
                    sample.settled = False
                    again.append(sample)
            elif found is not None:
                sample.failed = True
                # A repair whose request fails leaves the reply that was to be repaired.
                sample.record = sample.record or self._read(question, sample, found)
            else:
                sample.unasked = True
        return again

    def _read(self, question: Question, sample: SampleRequest, found: Stored | str) -> Rationale | SelfEvaluation:
        name, number, repairs = sample.teacher.name, sample.number, sample.repairs
        if sample.rationale is None:
            return read_rationale(self._task, question.example, name, sample.first + number, found, repairs)
        if sample.purpose is not Purpose.SELF_EVALUATION:
            kind = DualKind(sample.purpose)
            return read_dual(self._task, question.example, name, kind, sample.rationale, number, found, repairs)
        if self._judging.source is VerdictSource.LIKELIHOOD:
            return read_likelihood(name, sample.rationale, number, found)
        known = question.ruling.verdicts[sample.rationale] if question.ruling else None
        return read_evaluation(name, sample.rationale, number, found, self._judging.source, known, repairs)

    def _note(self, sample: SampleRequest, found: Stored) -> None:
        record = sample.record
        if record is not None and record.parse is not Parse.OK:
            key, name = sample.last.key, sample.teacher.name
            failure = Failure(key, sample.purpose, name, record.parse.value, record.reason, found.text)
            self._store.note([failure], sample.repairs)

    def _self_evaluations(self, question: Question) -> list[SampleRequest]:
        if self._config.self_evaluations == 0 or any(sample.unasked for sample in question.first_step):
            # Verdicts of too few rationales would not be those of all, and what is asked about them would be of no use.
            return []
        answers = answers_of(question.example, question.rationales, self._task)
        strategy = self._judging.source
        if strategy is VerdictSource.CONSENSUS:
            question.ruling = consensus(answers)
        elif strategy is VerdictSource.INFORMED:
            question.ruling = informed(self._task, question.example, answers)
        sampling = Sampling(temperature=self._judging.temperature, max_tokens=self._judging.max_tokens)
        texts = {rationale.sample: rationale.text for rationale in question.rationales}
        evaluations: list[SampleRequest] = []
        for sample in answers:
            if strategy is VerdictSource.LIKELIHOOD:
                prompt, sampling = likelihood_prompt(self._prompts, question.example, texts[sample]), SAMPLING
            elif question.ruling is None:
                prompt = self._prompts.self_evaluation(question.example, texts[sample])
            else:
                verdict = question.ruling.verdicts[sample]
                prompt = self._prompts.critique(question.example, texts[sample], verdict, question.ruling.answer)
            evaluations += samples_of(
                Purpose.SELF_EVALUATION, self._judge, prompt, sampling, self._config.self_evaluations, rationale=sample
            )
        return evaluations

    def _duals(self, question: Question) -> list[SampleRequest]:
        counts = {DualKind.RECTIFIED: self._config.rectified, DualKind.CORRUPTED: self._config.corrupted}
        if not any(counts.values()) or any(sample.unasked for sample in question.first_step):
            return []
        return dual_samples(self._task, self._prompts, question, counts)

    def _account(self, question: Question) -> Account:
        later = question.second_step or []
        samples = [*question.first_step, *later]
        keys = [attempt.key for each in samples for attempt in each.attempts]
        stored = self._store.get(keys)
        asks_duals = self._config.rectified or self._config.corrupted
        annotation = Annotation(
            example=question.example,
            split=question.split,
            rationales=question.rationales,
            evaluations=tuple(each.record for each in later if isinstance(each.record, SelfEvaluation)),
            duals=tuple(each.record for each in later if isinstance(each.record, DualRationale)),
            provenance=Provenance(
                teacher=", ".join(writer.name for writer in self._writers),
                judge=self._judge.name,
                prompt=self._prompts.hash,
                temperature=self._config.temperature,
                tokens_in=sum(s.tokens_in for s in stored.values()),
                tokens_out=sum(s.tokens_out for s in stored.values()),
                dual_prompt=self._prompts.dual_hash if asks_duals else "",
            ),
        )
        return Account(
            question.number,
            annotation,
            {purpose: _usage([each for each in samples if each.purpose is purpose], stored) for purpose in Purpose},
            failed=sum(each.failed for each in samples),
            unasked=sum(each.unasked for each in samples),
        )


def _usage(samples: Sequence[SampleRequest], stored: Mapping[str, Stored]) -> Usage:
    """What the stored attempts at these samples took, each key once."""
    prices = {attempt.key: attempt_of.teacher.price for attempt_of in samples for attempt in attempt_of.attempts}
    found = {key: stored[key] for key in prices if key in stored}
    costs = [dollars(prices[key], sample.tokens_in, sample.tokens_out) for key, sample in found.items()]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        samples=len(found),
        tokens_in=sum(sample.tokens_in for sample in found.values()),
        tokens_out=sum(sample.tokens_out for sample in found.values()),
        usd=sum(known) if known else None,
    )
