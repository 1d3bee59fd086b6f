import pytest

from mindsmirror.answers.denial import denies
from mindsmirror.answers.standing import Standing, declines, standing, taken_back


@pytest.mark.parametrize(
    ("before", "meant"),
    [
        ("", Standing.STATED),
        ("They are not many, so ", Standing.STATED),
        ("It is no (a). ", Standing.STATED),
        ("There is no doubt that ", Standing.STATED),
        ("If we add, ", Standing.STATED),
        ("I don't think ", Standing.DENIED),
        ("Nobody believes that ", Standing.DENIED),
        ("I do not believe, however, that ", Standing.DENIED),
        ("Suppose ", Standing.SUPPOSED),
        ('He adds them. Tom says: "', Standing.SUPPOSED),
        ("You might think ", Standing.SUPPOSED),
    ],
)
def test_what_governs_a_statement(before: str, meant: Standing) -> None:
    assert standing(before + "the answer is 42.", len(before)) is meant


@pytest.mark.parametrize(
    "after",
    [
        *(". Wait, that is wrong.", ", which is not right.", ", not.", ". Actually, 43.", " is wrong"),
        *("}, which is wrong.", " (pens), which is wrong.", "}$ is wrong", "}?", ")?"),
    ],
)
def test_what_takes_an_answer_back(after: str) -> None:
    assert taken_back(after)


@pytest.mark.parametrize(
    "after",
    ["", ".", ", which is right.", ", not 41.", ". That is correct.", " because it is not 41.", "}.", " (pens)."],
)
def test_what_does_not(after: str) -> None:
    assert not taken_back(after)


def test_a_refusal_opens_the_reply() -> None:
    assert declines("I'm sorry, but I can't help with that.")
    assert declines("As an AI, I am unable to answer this question.")
    assert not declines("I can't help but notice that it rains.")
    assert not declines("We can't do this in one step. First 3 + 4 = 7. The answer is 7.")
    assert not declines("I cannot answer this without adding: 3 + 4 = 7. The answer is 7.")
    assert not declines("We add them. I cannot answer that.")
    assert not declines('"I cannot do it," said Tom.')


def test_words_of_denial() -> None:
    assert all(
        map(denies, ["not 5", "it isn't", "hardly", "anything but bank", "far from it", "is wrong", "rather than"])
    )
    assert not any(map(denies, ["", "5 apples", "a knot", "nothings", "but", "the note"]))
