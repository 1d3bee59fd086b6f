import pytest

from mindsmirror.answers import Answer, Choice, Equation, Number, Text, read_reply
from mindsmirror.records import Parse


def number(raw: str) -> Answer | None:
    return Number().read(raw, {})


@pytest.mark.parametrize(
    ("reply", "reasoning", "answer"),
    [
        ("So 84 / 2 = 42. The answer is 42.", "So 84 / 2 = 42.", "42"),
        ("2 + 2 = 4, so the answer is 4", "2 + 2 = 4.", "4"),
        ("2 + 2 = 4.\nTherefore, the final answer is: **4**", "2 + 2 = 4.", "4"),
        ("Half of 84.\n#### 42", "Half of 84.", "42"),
        ("Half of 84 is 42. So she has $\\boxed{42}$ apples.", "Half of 84 is 42.", "42"),
        ("It is half. The answer is \\boxed{42}.", "It is half.", "42"),
        ("It is half. The answer is 3.5 km. That is all.", "It is half.", "3.5"),
        ("It is half. The answer is $1,234.50. Done", "It is half.", "1234.5"),
        ("It is half. THE ANSWER IS 42", "It is half.", "42"),
        ("It is half.\n**Answer:** 42", "It is half.", "42"),
        ("It is half.\n\n**Final Answer:**\n\n42", "It is half.", "42"),
        ("It is half.\n### Final answer\n42", "It is half.", "42"),
        ("Half. The answer is 42 because 14 * 3 = 42.", "Half.", "42"),
        ("Half. The answer is 42 (14 * 3).", "Half.", "42"),
        ("The answer is 41. Wait, no. The answer is 42.", "The answer is 41. Wait, no.", "42"),
        ("Half. The answer is 42. I hope the answer is helpful.", "Half.", "42"),
        ("Half. The answer is 42.\n\nQ: And then?\nA: The answer is 5.", "Half.", "42"),
        ("Half. The answer is 42.\nQuestion: And then?\nThe answer is 5.", "Half.", "42"),
        ("Question: how many?\nHalf. The answer is 42.", "Question: how many?\nHalf.", "42"),
        ("Half. So, the answer to the question is 42.", "Half.", "42"),
        ("It sinks. The answer is minus \\boxed{5}.", "It sinks.", "-5"),
        ("It sinks. The answer is -\\boxed{5}.", "It sinks.", "-5"),
        ("It grows. The answer is \\boxed{5} thousand.", "It grows.", "5000"),
        ("It grows. The answer is \\boxed{\\frac{1}{2}}.", "It grows.", "1/2"),
        ("There is no doubt that the answer is 42.", "There is no doubt.", "42"),
        ("It is not (a) or (b), so the answer is 42.", "It is not (a) or (b).", "42"),
        ("The answer is 42, which is correct.", "", "42"),
        ("The answer is 42. That is correct.", "", "42"),
        ("The answer is 42, not 41.", "", "42"),
        ("Half. The answer is 42. I don't think the answer is 41.", "Half.", "42"),
        ("Half. The answer is 42. The answer is not 41.", "Half.", "42"),
        ("If we halve it, the answer is 42.", "If we halve it,", "42"),
        ("I can't help but halve it. The answer is 42.", "I can't help but halve it.", "42"),
    ],
)
def test_reasoning_and_answer(reply: str, reasoning: str, answer: str) -> None:
    read = read_reply(reply, number)
    assert read.parse is Parse.OK, read
    assert read.answer is not None
    assert (read.reasoning, read.answer.text) == (reasoning, answer)


@pytest.mark.parametrize(
    ("reply", "truncated", "parse"),
    [
        ("  \n", False, Parse.EMPTY),
        ("She has 42.", False, Parse.NO_ANSWER),
        ("She has", True, Parse.TRUNCATED),
        ("The answer is 4", True, Parse.TRUNCATED),
        ("The answer is 4.", True, Parse.OK),
        ("The answer is 4.\n\nQ: What is", True, Parse.OK),
        ("The answer is 4", False, Parse.OK),
        ("The answer is", False, Parse.BAD_ANSWER),
        ("The answer is unknown.", False, Parse.BAD_ANSWER),
        ("I'm sorry, but I can't help with that.", False, Parse.REFUSED),
        ("As an AI, I have no apples.", False, Parse.REFUSED),
        ("I'm sorry for the detour. The answer is 4.", False, Parse.OK),
    ],
)
def test_how_the_parse_ends(reply: str, truncated: bool, parse: Parse) -> None:
    read = read_reply(reply, number, truncated)
    assert read.parse is parse
    assert (read.answer is None) == (parse is not Parse.OK)
    assert bool(read.reason) == (parse is not Parse.OK)


@pytest.mark.parametrize(
    ("reply", "parse"),
    [
        ("I don't think the answer is 42.", Parse.BAD_ANSWER),
        ("I doubt that the answer is 42.", Parse.BAD_ANSWER),
        ("Nobody thinks that the answer is 42.", Parse.BAD_ANSWER),
        ("It's false that the answer is 42.", Parse.BAD_ANSWER),
        ("I do not believe, however, that the answer is 42.", Parse.BAD_ANSWER),
        ("The answer isn't 42.", Parse.BAD_ANSWER),
        ("The answer cannot be 42.", Parse.BAD_ANSWER),
        ("The answer is not 42.", Parse.BAD_ANSWER),
        ("It is not \\boxed{42}.", Parse.BAD_ANSWER),
        ("The answer is not \\boxed{42}.", Parse.BAD_ANSWER),
        ("The answer is anything but \\boxed{42}.", Parse.BAD_ANSWER),
        ("The answer is 42. The answer is not 42.", Parse.BAD_ANSWER),
        ("The answer is 42. No, the answer isn't 42.", Parse.BAD_ANSWER),
        ("The answer is 42. Wait, that is wrong.", Parse.BAD_ANSWER),
        ("The answer is 42. I made a mistake.", Parse.BAD_ANSWER),
        ("The answer is 42, which is wrong.", Parse.BAD_ANSWER),
        ("The answer is \\boxed{42}, which is wrong.", Parse.BAD_ANSWER),
        ("The answer is 42 (pens), which is wrong.", Parse.BAD_ANSWER),
        ("Is the answer \\boxed{42}?", Parse.BAD_ANSWER),
        ("The answer is 42 is wrong.", Parse.BAD_ANSWER),
        ("If the answer is 42, she has more.", Parse.BAD_ANSWER),
        ("Suppose the answer is 42. Then half is 21.", Parse.BAD_ANSWER),
        ('The student says: "The answer is 42."', Parse.BAD_ANSWER),
        ("Is it possible that the answer is 42?", Parse.BAD_ANSWER),
        ("So we get $-\\boxed{42}$.", Parse.BAD_ANSWER),
        ("The answer is at least \\boxed{42}.", Parse.BAD_ANSWER),
        ("The answer is 42. No wait, 43.", Parse.BAD_ANSWER),
        ("The answer is 42, but I doubt it.", Parse.BAD_ANSWER),
        ("The answer is 42? No.", Parse.BAD_ANSWER),
        ("The answer is 42 if it rains.", Parse.BAD_ANSWER),
        ("The answer is 42. Actually, 43.", Parse.BAD_ANSWER),
        ("The answer is 42. Hmm, no, 43.", Parse.BAD_ANSWER),
        ("The answer is 42. That can't be right.", Parse.BAD_ANSWER),
        ("The answer is 42 (wrong).", Parse.BAD_ANSWER),
        ("The answer is 42, but that is wrong.", Parse.BAD_ANSWER),
        ("You might think the answer is 42, but it isn't.", Parse.BAD_ANSWER),
        ("I refuse. The answer is 42.", Parse.REFUSED),
        ("I apologize, but I am unable to help with this request. The answer is 42.", Parse.REFUSED),
        ("I'm sorry, I cannot help. The answer is 42.", Parse.REFUSED),
        ("I'm sorry, but I can't assist with that. The answer is 42.", Parse.REFUSED),
        ("I cannot answer that.\nThe answer is 42.", Parse.REFUSED),
    ],
)
def test_an_answer_that_is_not_stated_is_not_read(reply: str, parse: Parse) -> None:
    read = read_reply(reply, number)
    assert (read.answer, read.parse) == (None, parse)


def test_other_kinds() -> None:
    choices = {"a": "St. Louis", "b": "Mt. Rainier"}
    read = read_reply("It is a mountain. The answer is (b) Mt. Rainier.", lambda raw: Choice().read(raw, choices))
    assert read.answer is not None and read.answer.text == "Mt. Rainier"
    read = read_reply("Each. The answer is (84 / 2).", lambda raw: Equation().read(raw, {}))
    assert read.answer is not None and read.answer.text == "84 / 2"
    read = read_reply("Two. The answer is ((29/2) and (30/2)).", lambda raw: Equation().read(raw, {}))
    assert read.parse is Parse.BAD_ANSWER


def test_text_answers_keep_their_lines_and_lose_the_sentence() -> None:
    def read(reply: str) -> str | None:
        answer = read_reply(reply, lambda raw: Text().read(raw, {})).answer
        return answer.text if answer else None

    assert read("Because. The answer is Paris. It is big.") == "Paris"
    assert read("Because. The answer is J. K. Rowling.") == "J. K. Rowling"
    assert read("Turned:\nThe answer is 1 2\n3 4\n\nBye.") == "1 2\n3 4"
    assert read("Turned:\nThe answer is\n1 2\n3 4") == "1 2\n3 4"
