"""What a student is asked: choices get the letters that students were taught."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mindsmirror.answers import Choice
from mindsmirror.inference.question import Question
from mindsmirror.tasks import Splits, Task

TASK = Task("places", 1, "CC0", Choice(), Splits((), (), ()))


@pytest.mark.parametrize("choices", [["bank", "river"], {"A": "bank", "B": "river"}, {"2": "bank", "1": "river"}])
def test_choices_are_lettered_as_students_were_taught(choices: object) -> None:
    example = Question.model_validate({"question": "Where?", "choices": choices}).example(TASK)
    assert example.choices == {"a": "bank", "b": "river"} and "(a) bank" in example.text
    for said in ("a", "(a)", "(A) bank", "bank"):
        answer = TASK.read(example, said)
        assert answer is not None and answer.key == "bank"


@given(st.integers(0, 40))
def test_as_many_as_there_are_letters(count: int) -> None:
    given = {"question": "Where?", "choices": [f"place {n}" for n in range(count)]}
    if count == 1 or count > 26:
        with pytest.raises(ValidationError, match="2 to 26"):
            Question.model_validate(given)
    else:
        assert len(Question.model_validate(given).choices) == count
