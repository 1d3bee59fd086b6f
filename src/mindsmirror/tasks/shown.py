"""How questions of the common shapes are shown to teacher and student."""

from collections.abc import Mapping
from typing import Any

from mindsmirror.answers.choice import Choice
from mindsmirror.errors import DataError
from mindsmirror.records import Example
from mindsmirror.tasks.rows import Row
from mindsmirror.tasks.splits import content_id

NLI_QUESTION = "Is the hypothesis an entailment of the premise, neutral to it, or a contradiction?"


def with_choices(question: str, choices: Mapping[str, str]) -> str:
    """The question, then "Answer choices:" and a line "(a) …" for each choice."""
    lines = "\n".join(f"({letter}) {text.strip()}" for letter, text in choices.items())
    return f"{question.strip()}\nAnswer choices:\n{lines}"


def premise_and_hypothesis(premise: str, hypothesis: str, question: str = NLI_QUESTION) -> str:
    """Premise, hypothesis and the question about them, a line each."""
    return f"Premise: {premise.strip()}\nHypothesis: {hypothesis.strip()}\n{question}".strip()


def choice_example(row: Row, extra: Mapping[str, Any]) -> Example:
    """The example of a row with question, choices and answer_key (letter, 0-based index, or text).

    `gold` is the right choice's text, so that answers are scored by text: some rows repeat a choice.
    """
    choices = row.choices()
    text = with_choices(row.text("question"), choices)
    letter = _right_letter(row, choices)
    return Example(
        id=row_id(row, text),
        text=text,
        choices=choices,
        gold=None if letter is None else choices[letter].strip(),
        extra=dict(extra),
    )


def row_id(row: Row, text: str) -> str:
    """The row's own id as a string, or that of its content."""
    given = row.fields.get("id")
    if given is None:
        return content_id(text)
    if isinstance(given, bool) or not isinstance(given, str | int) or not str(given).strip():
        raise DataError(f"{row.where}: 'id' must be a string or a whole number.")
    return str(given)


def _right_letter(row: Row, choices: Mapping[str, str]) -> str | None:
    key = row.value("answer_key")
    if key is None or key == "":
        return None
    given = row.fields["choices"]
    names = list(given) if isinstance(given, dict) else list(choices)
    if isinstance(key, int) and not isinstance(key, bool) and not isinstance(given, dict):
        if 0 <= key < len(choices):
            return list(choices)[key]
        raise DataError(f"{row.where}: 'answer_key' is {key}, but there are {len(choices)} choices, counted from 0.")
    wanted = str(key).strip()
    letters = [letter for letter, name in zip(choices, names, strict=True) if name.casefold() == wanted.casefold()]
    if letters:
        return letters[0]
    answer = Choice().read(wanted, choices)
    if answer is None:
        raise DataError(f"{row.where}: 'answer_key' is {key!r}, which is not one of the choices.")
    return next(letter for letter, text in choices.items() if text.strip() == answer.text)
