"""The loop that writes texts: who is in the batch changes nothing, and draws follow the probabilities."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mindsmirror.students.decoding import SamplingParams, decode

WORDS = 12
END = frozenset({0})


class Babbler:
    """Logits that depend on a text's source and on all that it has written; it counts the rows it computes."""

    def __init__(self, sources: list[int], ending: float) -> None:
        self.texts: list[tuple[int, ...]] = [(source,) for source in sources]
        self.ending = ending
        self.computed: list[int] = []

    def read(self) -> Tensor:
        self.computed.append(len(self.texts))
        return torch.stack([self._logits(text) for text in self.texts])

    def step(self, tokens: Tensor) -> Tensor:
        assert len(tokens) == len(self.texts)
        self.texts = [(*text, token) for text, token in zip(self.texts, tokens.tolist(), strict=True)]
        return self.read()

    def keep(self, rows: Tensor) -> None:
        self.texts = [self.texts[row] for row in rows.tolist()]

    def _logits(self, text: tuple[int, ...]) -> Tensor:
        generator = torch.Generator().manual_seed(hash(text) & 0xFFFFFFFF)
        logits = 2 * torch.randn(WORDS, generator=generator)
        logits[0] += self.ending
        return logits


def cut(rows: Tensor) -> list[list[int]]:
    """Each text up to and with its end token."""
    return [row[: row.index(0) + 1] if 0 in row else row for row in rows.tolist()]


@settings(max_examples=60)
@given(
    sources=st.lists(st.integers(0, 50), min_size=1, max_size=7, unique=True),
    samples=st.integers(1, 4),
    temperature=st.sampled_from([0.0, 0.5, 1.5]),
    ending=st.floats(-2, 4),
    length=st.integers(1, 20),
)
def test_a_text_is_the_same_whoever_shares_its_batch(
    sources: list[int], samples: int, temperature: float, ending: float, length: int
) -> None:
    def written(asked: list[int]) -> list[list[int]]:
        sampling = SamplingParams(length, temperature, samples, [1000 + source for source in asked])
        return cut(decode(Babbler(asked, ending), sampling, END).tokens)

    together = written(sources)
    assert together == [text for source in sources for text in written([source])]
    assert all(len(text) <= length for text in together)


@settings(max_examples=40)
@given(
    sources=st.lists(st.integers(0, 50), min_size=1, max_size=5, unique=True),
    samples=st.integers(2, 4),
    ending=st.floats(-2, 4),
    length=st.integers(1, 20),
)
def test_a_greedy_text_and_drawn_ones_together_are_what_they_are_apart(
    sources: list[int], samples: int, ending: float, length: int
) -> None:
    def written(temperature: float, samples: int, *, greedy_first: bool = False) -> list[list[int]]:
        sampling = SamplingParams(length, temperature, samples, sources, greedy_first)
        return cut(decode(Babbler(sources, ending), sampling, END).tokens)

    greedy, drawn = written(0.0, 1), written(1.5, samples - 1)
    together = written(1.5, samples, greedy_first=True)
    assert together[::samples] == greedy
    assert [text for place, text in enumerate(together) if place % samples] == drawn


def test_greedy_takes_the_likeliest_token_each_time() -> None:
    [text] = cut(decode(Babbler([3], 0.0), SamplingParams(9), END).tokens)
    alone, expected = Babbler([3], 0.0), list[int]()
    logits = alone.read()
    while len(expected) < 9 and 0 not in expected:
        expected.append(int(logits[0].argmax()))
        logits = alone.step(torch.tensor(expected[-1:]))
    assert text == expected


def test_texts_that_have_ended_leave_the_batch() -> None:
    babbler = Babbler(list(range(40)), 1.0)
    texts = cut(decode(babbler, SamplingParams(60, 1.0, seeds=range(40)), END).tokens)
    needed = sum(len(text) for text in texts)
    assert babbler.computed[0] == 40
    assert babbler.computed[-1] < 5
    assert needed <= sum(babbler.computed) < 1.4 * needed


class Fixed:
    """The same probabilities at every step."""

    def __init__(self, shares: list[float]) -> None:
        self.logits = torch.tensor([shares]).log()

    def read(self) -> Tensor:
        return self.logits

    def step(self, tokens: Tensor) -> Tensor:
        return self.logits

    def keep(self, rows: Tensor) -> None:
        self.logits = self.logits[rows]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_draws_follow_the_tempered_probabilities(temperature: float) -> None:
    shares = torch.tensor([0.5, 0.3, 0.0, 0.15, 0.05])
    sampling = SamplingParams(1, temperature, samples=20_000, seeds=[7])
    drawn = decode(Fixed(shares.tolist()), sampling, END).tokens.flatten().bincount(minlength=5) / 20_000
    expected = shares ** (1 / temperature)
    torch.testing.assert_close(drawn, expected / expected.sum(), rtol=0, atol=0.012)
    assert drawn[2] == 0


def test_every_source_needs_a_seed_to_be_sampled_by() -> None:
    with pytest.raises(ValueError, match="2 sources need as many seeds"):
        decode(Babbler([1, 2], 0.0), SamplingParams(3, 1.0, seeds=[1]), END)
