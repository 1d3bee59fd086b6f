"""The k x m loop: k rationales of every question, m judgements of every rationale, and duals if they are wanted.

A question moves through two steps, each a set of samples that are either in the store or asked for: its rationales,
of one teacher or several, and what is asked about them. Replies of a
step that did not parse are asked for again before the next step begins. Questions are independent, so one
question's judgements are written while another's rationales still are; as many questions are open as keep the
engine busy, and no more, so memory does not grow with their number. The loop holds no replies: what it needs it
reads back from the store, so a run that resumes and a run that was never interrupted take the same path. Once a
cap of the budget is reached nothing more is asked for, and the other questions are read as far as they are
stored. An engine is opened only when a sample is missing.
"""

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
        wanted = [
            sample
            for place, teacher in enumerate(self._writers)
            for sample in samples_of(Purpose.RATIONALE, teacher, prompt, sampling, k, first=place * k)
        ]
        question = Question(number, example, split, wanted)
        self._asking.ask(question, wanted)
        return question

    def _advance(self, question: Question) -> Iterator[Account]:
        """Once nothing is outstanding: repair what did not parse, go on to the next step, or finish."""
        while question.outstanding == 0:
            again = self._settle(question)
            if again:
                self._asking.ask(question, again)
            elif question.further is None:
                records = [wanted.record for wanted in question.wanted]
                question.rationales = tuple(record for record in records if isinstance(record, Rationale))
                question.further = [*self._judgements(question), *self._duals(question)]
                self._asking.ask(question, question.further)
            else:
                self.tally.questions += 1
                yield self._account(question)
                return

    def _settle(self, question: Question) -> list[SampleRequest]:
        """Read the step's last replies; those of its samples that are to be asked for again."""
        open_ = [wanted for wanted in question.step if not wanted.settled]
        stored = self._store.get([wanted.last.key for wanted in open_])
        again = []
        for wanted in open_:
            found = self._asking.found(wanted.last.key, stored)
            wanted.settled = True
            if isinstance(found, Stored):
                wanted.record = self._read(question, wanted, found)
                self._note(wanted, found)
                if ask_again(wanted, found, self._config.repairs):
                    wanted.settled = False
                    again.append(wanted)
            elif found is not None:
                wanted.failed = True
                # A repair whose request fails leaves the reply that was to be repaired.
                wanted.record = wanted.record or self._read(question, wanted, found)
            else:
                wanted.unasked = True
        return again

    def _read(self, question: Question, wanted: SampleRequest, found: Stored | str) -> Rationale | SelfEvaluation:
        name, number, repairs = wanted.teacher.name, wanted.number, wanted.repairs
        if wanted.rationale is None:
            return read_rationale(self._task, question.example, name, wanted.first + number, found, repairs)
        if wanted.purpose is not Purpose.SELF_EVALUATION:
            kind = DualKind(wanted.purpose)
            return read_dual(self._task, question.example, name, kind, wanted.rationale, number, found, repairs)
        if self._judging.source is VerdictSource.LIKELIHOOD:
            return read_likelihood(name, wanted.rationale, number, found)
        known = question.ruling.verdicts[wanted.rationale] if question.ruling else None
        return read_evaluation(name, wanted.rationale, number, found, self._judging.source, known, repairs)

    def _note(self, wanted: SampleRequest, found: Stored) -> None:
        record = wanted.record
        if record is not None and record.parse is not Parse.OK:
            key, name = wanted.last.key, wanted.teacher.name
            failure = Failure(key, wanted.purpose, name, record.parse.value, record.reason, found.text)
            self._store.note([failure], wanted.repairs)

    def _judgements(self, question: Question) -> list[SampleRequest]:
        if self._config.self_evaluations == 0 or any(wanted.unasked for wanted in question.wanted):
            # Verdicts of too few rationales would not be those of all, and what is asked on them paid for in vain.
            return []
        answers = answers_of(question.example, question.rationales, self._task)
        strategy = self._judging.source
        if strategy is VerdictSource.CONSENSUS:
            question.ruling = consensus(answers)
        elif strategy is VerdictSource.INFORMED:
            question.ruling = informed(self._task, question.example, answers)
        sampling = Sampling(temperature=self._judging.temperature, max_tokens=self._judging.max_tokens)
        texts = {rationale.sample: rationale.text for rationale in question.rationales}
        judgements: list[SampleRequest] = []
        for sample in answers:
            if strategy is VerdictSource.LIKELIHOOD:
                prompt, sampling = likelihood_prompt(self._prompts, question.example, texts[sample]), SAMPLING
            elif question.ruling is None:
                prompt = self._prompts.judgement(question.example, texts[sample])
            else:
                verdict = question.ruling.verdicts[sample]
                prompt = self._prompts.critique(question.example, texts[sample], verdict, question.ruling.answer)
            judgements += samples_of(
                Purpose.SELF_EVALUATION, self._judge, prompt, sampling, self._config.self_evaluations, rationale=sample
            )
        return judgements

    def _duals(self, question: Question) -> list[SampleRequest]:
        wanted = {DualKind.RECTIFIED: self._config.rectified, DualKind.CORRUPTED: self._config.corrupted}
        if not any(wanted.values()) or any(sample.unasked for sample in question.wanted):
            return []
        return dual_samples(self._task, self._prompts, question, wanted)

    def _account(self, question: Question) -> Account:
        further = question.further or []
        wanted = [*question.wanted, *further]
        keys = [attempt.key for each in wanted for attempt in each.attempts]
        stored = self._store.get(keys)
        asks_duals = self._config.rectified or self._config.corrupted
        annotation = Annotation(
            example=question.example,
            split=question.split,
            rationales=question.rationales,
            evaluations=tuple(each.record for each in further if isinstance(each.record, SelfEvaluation)),
            duals=tuple(each.record for each in further if isinstance(each.record, DualRationale)),
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
            {purpose: _usage([each for each in wanted if each.purpose is purpose], stored) for purpose in Purpose},
            failed=sum(each.failed for each in wanted),
            unasked=sum(each.unasked for each in wanted),
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
