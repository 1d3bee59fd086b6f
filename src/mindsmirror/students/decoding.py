"""How a student writes: many texts at once, a token of each a step.

A question is read once, however many texts are sampled for it. A text that has ended leaves the batch, so a few long
texts do not keep the whole batch busy. Each text has random numbers of its own, so a sample depends neither on its
neighbours nor on the size of the batch.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

CROWDED = 0.75
"""Ended texts are dropped when at most this share of the batch still goes on, because dropping copies the cache."""


class GeneratedText(NamedTuple):
    """A text that a student wrote."""

    text: str
    tokens: int
    ended: bool
    """False if it ran out of room."""
    log_probability: float | None = None
    """Mean over its tokens, its end among them, in nats at temperature 1; None where nobody measured it."""


class SamplingParams(NamedTuple):
    """How texts are drawn: greedily where the temperature is 0, else from the whole vocabulary."""

    max_tokens: int
    temperature: float = 0.0
    samples: int = 1
    """Texts for each source."""
    seeds: Sequence[int] = ()
    """One for each source; its samples draw apart from one another."""
    greedy_first: bool = False
    """Whether the first text of each source is its likeliest, and only the others are drawn."""
    watch: Callable[[int, str], None] | None = None
    """Called with the number of a text, [0, sources * samples), and a piece of it, as soon as it is written."""


class Decoded(NamedTuple):
    """Tokens of every text, and the log-probability of each at temperature 1, both [sources * samples, T].

    What stands after a text's first end token has no meaning.
    """

    tokens: Tensor
    log_probabilities: Tensor


class DecodingState(Protocol):
    """A batch of texts in the making, one row each."""

    def read(self) -> Tensor:
        """Read the sources; logits of the first token of each, [B, V]."""
        ...

    def step(self, tokens: Tensor) -> Tensor:
        """Logits after one more token of each row, [B] to [B, V]."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows, [B'], in this order; a row may be named several times."""
        ...


@torch.inference_mode()
def decode(
    state: DecodingState,
    sampling: SamplingParams,
    end: frozenset[int],
    watch: Callable[[Sequence[int], Sequence[int]], None] | None = None,
) -> Decoded:
    """The texts of all sources, those of one source side by side.

    `watch` is given the numbers of the texts that go on, and the next token of each.
    """
    logits = state.read()
    sources = torch.arange(len(logits), device=logits.device)
    live = torch.arange(len(logits) * sampling.samples, device=logits.device)
    rows = sources.repeat_interleave(sampling.samples)
    if sampling.samples > 1:
        state.keep(rows)
        logits = logits[rows]
    draws = _draws(sampling, len(sources)).to(logits.device) if sampling.temperature > 0 else None
    greedy = live % sampling.samples == 0
    written = torch.zeros((len(live), sampling.max_tokens), dtype=torch.long, device=logits.device)
    scores = torch.zeros((len(live), sampling.max_tokens), device=logits.device)
    ends = torch.tensor(sorted(end), device=logits.device)
    going = torch.ones_like(live, dtype=torch.bool)
    for place in range(sampling.max_tokens):
        tokens = logits.argmax(-1) if draws is None else _pick(logits, sampling.temperature, draws[live, place])
        if draws is not None and sampling.greedy_first:
            tokens = torch.where(greedy[live], logits.argmax(-1), tokens)
        written[live, place] = tokens
        scores[live, place] = (logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(-1)).float()
        if watch is not None:
            watch(live.tolist(), tokens.tolist())
        going &= ~torch.isin(tokens, ends)
        count = int(going.sum())
        if count == 0 or place == sampling.max_tokens - 1:
            return Decoded(written[:, : place + 1], scores[:, : place + 1])
        if count <= CROWDED * len(going):
            rows = going.nonzero().flatten()
            state.keep(rows)
            live, tokens, going = live[rows], tokens[rows], going[rows]
        logits = state.step(tokens)
    return Decoded(written, scores)


def generate(
    state: DecodingState, tokenizer: Any, sampling: SamplingParams, end: frozenset[int]
) -> list[list[GeneratedText]]:
    """The texts of each source."""
    pieces = TextPieces(tokenizer, end, sampling.watch) if sampling.watch else None
    decoded = decode(state, sampling, end, pieces.add if pieces else None)
    texts = [read_generated(tokenizer, *row, end=end) for row in zip(*decoded, strict=True)]
    if pieces:
        for number, text in enumerate(texts):
            pieces.finish(number, text.text)
    return [texts[start : start + sampling.samples] for start in range(0, len(texts), sampling.samples)]


def read_generated(
    tokenizer: Any, tokens: Tensor, log_probabilities: Tensor | None = None, *, end: frozenset[int]
) -> GeneratedText:
    """One row of generated tokens, [T], up to its end of sequence, with the mean of its log-probabilities, [T]."""
    ids = tokens.tolist()
    stop = next((index for index, token in enumerate(ids) if token in end), None)
    kept = ids if stop is None else ids[:stop]
    text = tokenizer.decode(kept, skip_special_tokens=True).strip()
    count = len(kept) + (stop is not None)
    mean = None if log_probabilities is None or not count else float(log_probabilities[:count].mean())
    return GeneratedText(text, count, stop is not None, mean)


class TextPieces:
    """Makes pieces of text of tokens. All pieces of a text, joined, are the text as `read_generated` returns it.

    That needs a tokenizer that decodes a longer row to a text that begins as that of the shorter one, as byte-level and
    SentencePiece ones do. Of a text that changes behind itself no more is told.
    """

    def __init__(self, tokenizer: Any, end: frozenset[int], told: Callable[[int, str], None]) -> None:
        self._tokenizer, self._end, self._told = tokenizer, end, told
        self._tokens: dict[int, list[int]] = {}
        self._said: dict[int, str] = {}

    def add(self, texts: Sequence[int], tokens: Sequence[int]) -> None:
        """One more token of each of these texts; those that have ended may be among them."""
        for number, token in zip(texts, tokens, strict=True):
            written = self._tokens.setdefault(number, [])
            ended = bool(written) and written[-1] in self._end
            if not ended:
                written.append(token)
            if not ended and token not in self._end:
                text = self._tokenizer.decode(written, skip_special_tokens=True).strip()
                # A character of several tokens is shown as this one until its last token has come.
                self._tell(number, text.rstrip("\ufffd").rstrip())

    def finish(self, number: int, text: str) -> None:
        """The whole text is known: say what of it was not said yet."""
        self._tell(number, text)

    def _tell(self, number: int, text: str) -> None:
        said = self._said.get(number, "")
        if len(text) > len(said) and text.startswith(said):
            self._said[number] = text
            self._told(number, text[len(said) :])


def _draws(sampling: SamplingParams, sources: int) -> Tensor:
    """A uniform number for every token of every text, [sources * samples, T]; those of a greedy text are not used."""
    if len(sampling.seeds) != sources:
        raise ValueError(f"{sources} sources need as many seeds to be sampled by, not {len(sampling.seeds)}")
    first = int(sampling.greedy_first)
    # What is drawn does not depend on whether a greedy text comes before it.
    unused, shape = torch.zeros((first, sampling.max_tokens)), (sampling.samples - first, sampling.max_tokens)
    drawn = (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) for seed in sampling.seeds)
    return torch.cat([part for of_source in drawn for part in (unused, of_source)])


def _pick(logits: Tensor, temperature: float, draws: Tensor) -> Tensor:
    """The token at which each row's cumulative probability passes its draw, [B]."""
    cumulative = torch.softmax(logits / temperature, dim=-1).cumsum(-1)
    # Rounding leaves the last sum a little off 1, and a draw must not fall behind it.
    found = torch.searchsorted(cumulative, (draws * cumulative[:, -1])[:, None], right=True)
    return found.flatten().clamp(max=logits.shape[-1] - 1)
