"""The store against a dictionary: any texts, in any order of writing, committing, crashing and opening again."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mindsmirror.annotation.store import Store, Stored
from mindsmirror.engines.base import Completion, Finish, Message, Request, Sampling
from mindsmirror.errors import StorageError

ANY_CHARACTER = st.characters(exclude_categories=())
TEXTS = st.text(ANY_CHARACTER)
KEYS = st.sampled_from("abcdef")
COMPLETIONS = st.builds(
    Completion,
    key=KEYS,
    text=TEXTS,
    finish=st.sampled_from(Finish),
    tokens_in=st.integers(0, 10**9),
    tokens_out=st.integers(0, 10**9),
    error=TEXTS,
)


def request(completions: list[Completion], prompt: str = "?") -> Request:
    return Request("1", (Message("user", prompt),), Sampling(), tuple(c.key for c in completions))


@given(
    text=TEXTS | st.text(ANY_CHARACTER, min_size=1, max_size=20).map(lambda part: part * (100_000 // len(part))),
    prompt=TEXTS,
    key=st.text(min_size=1),
)
@settings(max_examples=60)
def test_any_text_comes_back_as_it_was(text: str, prompt: str, key: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.sqlite"
        completion = Completion(key, text, Finish.STOP)
        with Store(path) as store:
            store.put("rationale", "m", request([completion], prompt), [completion])
        with Store(path) as store:
            assert store.get([key]) == {key: Stored(text, Finish.STOP, 0, 0)}
            assert list(store.keys()) == [key]


class AgainstDictionary(RuleBasedStateMachine):
    """First write wins, failures stand beside, and what was not committed is gone after a crash."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "store.sqlite"
        self.stored: dict[str, Stored] = {}
        self.failures: dict[str, str] = {}
        self.safe: tuple[dict[str, Stored], dict[str, str]] = ({}, {})

    @initialize()
    def open(self) -> None:
        self.store = Store(self.path)

    @rule(completions=st.lists(COMPLETIONS, max_size=4))
    def put(self, completions: list[Completion]) -> None:
        self.store.put("rationale", "m", request(completions), completions)
        for c in completions:
            if c.finish is Finish.FAILED:
                self.failures[c.key] = c.error
            else:
                self.stored.setdefault(c.key, Stored(c.text, c.finish, c.tokens_in, c.tokens_out))

    @rule()
    def commit(self) -> None:
        self.store.commit()
        self.safe = (dict(self.stored), dict(self.failures))

    @rule()
    def reopen(self) -> None:
        self.commit()
        self.store.close()
        self.open()

    @rule()
    def crash(self) -> None:
        self.store.__exit__(StorageError, StorageError("the disk is full"), None)
        self.stored, self.failures = dict(self.safe[0]), dict(self.safe[1])
        self.open()

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        assert self.store.get("abcdefg") == self.stored
        assert {row.key: row.reason for row in self.store.failures("abcdefg")} == self.failures
        assert list(self.store.keys()) == sorted(self.stored)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestAgainstDictionary = AgainstDictionary.TestCase
TestAgainstDictionary.settings = settings(max_examples=30, stateful_step_count=20)
