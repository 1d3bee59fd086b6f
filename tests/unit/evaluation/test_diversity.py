"""Self-BLEU by hand, and against BLEU written down as its formula says."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror.evaluation.diversity import self_bleu, tokens

SENTENCES = st.lists(
    st.lists(st.sampled_from(["a", "b", "c"]), max_size=7).map(" ".join),
    min_size=2,
    max_size=5,
)


def bleu(text: str, others: list[str], order: int) -> float:
    """BLEU of a text against the others, gram by gram, as Papineni et al. define it; without smoothing."""
    words, references = text.split(), [other.split() for other in others]
    if not words:
        return 1.0 if [] in references else 0.0
    product, orders = 1.0, min(order, len(words))
    for n in range(1, orders + 1):
        grams = [words[i : i + n] for i in range(len(words) - n + 1)]
        clipped = 0
        for gram in {tuple(gram) for gram in grams}:
            most = max(sum(tuple(other[i : i + n]) == gram for i in range(len(other) - n + 1)) for other in references)
            clipped += min(grams.count(list(gram)), most)
        product *= clipped / len(grams)
    near = min((abs(len(other) - len(words)), len(other)) for other in references)[1]
    return float(product ** (1 / orders)) * min(1.0, math.exp(1 - near / len(words)))


@pytest.mark.parametrize(
    ("texts", "order", "value"),
    [
        # p1 = 3/4 and p2 = 2/3 for both.
        (["a b c d", "a b c e"], 2, math.sqrt(3 / 4 * 2 / 3)),
        # No 4-gram is shared.
        (["a b c d", "a b c e"], 4, 0.0),
        # "a" counts once in the first, for no other text has it twice: 2/3. The second is 2/2, the third 0/1.
        (["a a b", "a b", "c"], 1, (2 / 3 + 1 + 0) / 3),
        # The short text is cut by exp(1 - 3/1); of the long one a third is shared.
        (["a", "a b c"], 1, (math.exp(-2) + 1 / 3) / 2),
        # What repeats itself but not the others is no likeness.
        (["a a a", "b b b"], 1, 0.0),
        (["The sum is 5.", "the SUM is 5."], 4, 1.0),
        (["", ""], 4, 1.0),
        (["", "a"], 4, 0.0),
    ],
)
def test_self_bleu_by_hand(texts: list[str], order: int, value: float) -> None:
    assert self_bleu(texts, order) == pytest.approx(value)


def test_one_text_is_like_nothing() -> None:
    assert self_bleu([]) is None and self_bleu(["a b"]) is None


def test_a_sign_is_a_token_and_case_is_none() -> None:
    assert tokens("It's 3.5 + x_1,\nÄh!") == ["it", "'", "s", "3", ".", "5", "+", "x_1", ",", "äh", "!"]


@given(SENTENCES, st.integers(1, 4))
def test_self_bleu_is_the_mean_of_plain_bleu(texts: list[str], order: int) -> None:
    scores = [bleu(text, texts[:place] + texts[place + 1 :], order) for place, text in enumerate(texts)]
    found = self_bleu(texts, order)
    assert found == pytest.approx(sum(scores) / len(scores))
    assert self_bleu(texts[::-1], order) == pytest.approx(found)


@given(st.lists(st.text(max_size=30), min_size=2, max_size=5))
def test_self_bleu_is_a_share_and_1_for_copies(texts: list[str]) -> None:
    found = self_bleu(texts)
    assert found is not None and 0 <= found <= 1
    assert self_bleu([texts[0]] * len(texts)) == 1.0
