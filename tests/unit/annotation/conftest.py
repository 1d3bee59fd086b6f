"""A laboratory: a task of sums, a store on disk, and scripted engines whose every request is counted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from mindsmirror.annotation.annotate import AnnotationConfig, Annotator, Tally, Teacher
from mindsmirror.annotation.budget import BudgetConfig, Spending
from mindsmirror.annotation.judges import JudgeConfig
from mindsmirror.annotation.prompts import PromptSet, load_prompts
from mindsmirror.annotation.samples import Account
from mindsmirror.annotation.store import Store
from mindsmirror.answers import Number
from mindsmirror.answers.base import AnswerKind
from mindsmirror.engines.base import Completion, Message, Request, Sampling, sample_key
from mindsmirror.engines.config import Price
from mindsmirror.engines.scripted import Script, ScriptedEngine
from mindsmirror.records import Annotation, Example
from mindsmirror.tasks.base import Splits, Task

Strategy = Literal["plain", "consensus", "informed", "likelihood"]


class Counted(ScriptedEngine):
    """A scripted engine that knows how full it was and how often it was closed.

    Its replies lack the samples whose keys `lacks` names.
    """

    def __init__(self, script: str | Script, lacks: Callable[[str], bool] = lambda key: False, **options: Any) -> None:
        super().__init__(script, **options)
        self._lacks = lacks
        self.requests: list[Request] = []
        self.keys: list[str] = []
        self.in_flight = self.most = self.closed = 0

    def submit(self, request: Request) -> None:
        assert not self.closed
        self.requests.append(request)
        self.in_flight += len(request.keys)
        self.most = max(self.most, self.in_flight)
        super().submit(request)

    def poll(self) -> Sequence[tuple[Request, tuple[Completion, ...]]]:
        assert not self.closed
        ended = super().poll()
        self.in_flight -= sum(len(request.keys) for request, _ in ended)
        self.keys += [key for request, _ in ended for key in request.keys]
        return [(request, tuple(c for c in found if not self._lacks(c.key))) for request, found in ended]

    def close(self) -> None:
        self.closed += 1
        super().close()


@dataclass
class Lab:
    """Runs the annotator over one store and keeps every engine that it opened."""

    folder: Path
    engines: list[Counted] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    spending: Spending | None = None
    # Without its reminder, so that a script knows a question by its text.
    prompts: PromptSet = field(default_factory=lambda: load_prompts("number").model_copy(update={"reminder": ""}))

    @property
    def path(self) -> Path:
        return self.folder / "store.sqlite"

    @property
    def asked(self) -> list[str]:
        """Keys that were served in the last run."""
        return [key for engine in self.engines for key in engine.keys]

    def stored(self) -> list[str]:
        with Store(self.path) as store:
            return list(store.keys())

    def sums(self, count: int, first: int = 0) -> tuple[Example, ...]:
        """Questions of which the teacher script is right about some."""
        numbers = range(first, first + count)
        return tuple(Example(id=f"q{n}", text=f"What is {n} + {n + 3}?", gold=str(2 * n + 3)) for n in numbers)

    def task(self, answers: AnswerKind | None = None) -> Task:
        return Task("sums", 1, "none", answers or Number(), Splits((), (), ()))

    def replies(self, replies: Mapping[str, Sequence[str | Completion]]) -> Script:
        """The n-th reply for the n-th sample of a question; a numbered remark for any other prompt."""
        order: dict[tuple[Message, ...], list[str]] = {}

        def script(request: Request, key: str) -> str | Completion:
            asked = order.setdefault(tuple(request.messages), [])
            if key not in asked:
                asked.append(key)
            if request.messages[-1].content not in replies:
                return f"Remark {asked.index(key)}. {request.messages[-1].content}"
            reply = replies[request.messages[-1].content][asked.index(key)]
            return replace(reply, key=key) if isinstance(reply, Completion) else reply

        return script

    def rationale_keys(self, example: Example, samples: Iterable[int], teacher: Teacher) -> list[str]:
        messages = self.prompts.rationale(example).messages
        sampling = Sampling(temperature=0.8, max_tokens=256)
        return [sample_key(teacher.identity, messages, sampling, sample) for sample in samples]

    def teacher(
        self,
        script: str | Script = "teacher",
        name: str = "scripted",
        price: Price | None = None,
        **options: Any,
    ) -> Teacher:
        """A teacher whose identity is its name alone, so that another script can stand in for it."""
        identity = {"engine": "scripted", "model": name}

        def opened() -> Counted:
            self.engines.append(Counted(script, identity=identity, **options))
            return self.engines[-1]

        return Teacher(name, identity, opened, price)

    def annotator(
        self,
        store: Store,
        *,
        k: int = 3,
        m: int = 1,
        strategy: Strategy = "consensus",
        teacher: Teacher | None = None,
        judge: Teacher | None = None,
        answers: AnswerKind | None = None,
        repairs: int = 0,
        budget: BudgetConfig | None = None,
        payer: str = "",
        rectified: int = 0,
        corrupted: int = 0,
        others: Sequence[Teacher] = (),
    ) -> Annotator:
        teacher = teacher or self.teacher()
        return Annotator(
            self.task(answers),
            self.prompts,
            teacher,
            judge or teacher,
            AnnotationConfig(
                rationales=k,
                self_evaluations=m,
                rectified=rectified,
                corrupted=corrupted,
                repairs=repairs,
                budget=budget or BudgetConfig(),
            ),
            JudgeConfig(strategy=strategy),
            store,
            payer,
            others,
        )

    def annotate(self, questions: Iterable[Example], **settings: Any) -> dict[str, Annotation]:
        """Annotations by id of one whole run; `engines` and `asked` then speak of this run."""
        return {id: account.annotation for id, account in self.accounts(questions, **settings).items()}

    def accounts(self, questions: Iterable[Example], **settings: Any) -> dict[str, Account]:
        """The same with what each question lacks and cost."""
        self.engines.clear()
        with Store(self.path) as store:
            annotator = self.annotator(store, **settings)
            found = list(annotator.accounts(("train", example) for example in questions))
        self.tally, self.spending = annotator.tally, annotator.spending
        assert all(engine.closed == 1 for engine in self.engines)
        by_id = {account.annotation.example.id: account for account in found}
        assert len(by_id) == len(found)
        return by_id


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)
