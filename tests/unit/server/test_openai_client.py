"""The server as OpenAI's own client sees it, over a real socket."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
from openai import APIError, APIStatusError, BadRequestError, InternalServerError, NotFoundError, OpenAI
from served import NAME, QUESTION, serving

from mindsmirror.inference.confidence import AnswerModel, Calibration, SampleModel
from mindsmirror.inference.question import Question, Reply
from mindsmirror.runs.student import TrainedStudent

DRAWING = ["vote", "mirror"]


def asked(client: OpenAI, question: str = QUESTION, **more: Any) -> Any:
    return client.chat.completions.create(model=NAME, messages=[{"role": "user", "content": question}], **more)


def wish(**keys: Any) -> dict[str, Any]:
    return {"extra_body": {"mindsmirror": keys}}


ELSEWHERE = {"question", "arm", "text", "tokens"}
"""Keys of a reply that the extension leaves out, because they stand elsewhere."""


def said(reply: Reply) -> dict[str, Any]:
    return reply.model_dump(mode="json", exclude=ELSEWHERE)


def test_a_question_is_answered_as_by_the_student_itself(client: OpenAI, student: TrainedStudent) -> None:
    expected = student.ask(QUESTION)
    found = asked(client)
    [choice] = found.choices
    assert (choice.message.content, choice.finish_reason) == (expected.text, "stop")
    assert expected.text and found.model == NAME
    assert choice.mindsmirror == said(expected) | {"left_out": 0}
    assert found.usage.completion_tokens == expected.tokens
    assert found.usage.prompt_tokens == student.reads(QUESTION) > len(QUESTION)


@pytest.mark.parametrize("mode", ["predict", "think", "vote", "mirror"])
def test_every_mode_is_asked_by_the_extension_or_the_models_name(
    client: OpenAI, student: TrainedStudent, mode: str
) -> None:
    expected = said(student.ask(QUESTION, mode=mode)) | {"left_out": 0}
    assert expected["mode"] == mode
    assert asked(client, **wish(mode=mode)).choices[0].mindsmirror == expected
    named = client.chat.completions.create(
        model=f"{NAME}:{mode}", messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
    )
    assert named.choices[0].model_extra == {"mindsmirror": expected}


def test_the_older_api_takes_several_prompts(client: OpenAI, student: TrainedStudent) -> None:
    prompts = [QUESTION, QUESTION.replace("5", "7"), "How many?"]
    found = client.completions.create(model=NAME, prompt=prompts)
    assert [(choice.index, choice.text) for choice in found.choices] == [
        (place, reply.text) for place, reply in enumerate(student.ask_many(prompts))
    ]


@pytest.mark.parametrize("mode", ["predict", "think", "vote", "mirror"])
def test_a_stream_comes_to_the_same(client: OpenAI, mode: str) -> None:
    whole = asked(client, **wish(mode=mode))
    pieces = list(asked(client, stream=True, stream_options={"include_usage": True}, **wish(mode=mode)))
    texts = [piece.choices[0].delta.content or "" for piece in pieces if piece.choices]
    assert "".join(texts) == whole.choices[0].message.content
    ends = [piece.choices[0] for piece in pieces if piece.choices and piece.choices[0].finish_reason]
    assert [(end.finish_reason, end.mindsmirror) for end in ends] == [("stop", whole.choices[0].mindsmirror)]
    assert pieces[-1].usage == whole.usage and not pieces[-1].choices
    asides = [each for piece in pieces for c in piece.choices if (each := _aside(c))]
    if mode == "think":
        assert sum(map(bool, texts)) > 3
    assert bool(asides) == (mode in DRAWING)
    if asides:
        assert "".join(asides) == asked(client, **wish(mode="think")).choices[0].message.content


def _aside(choice: Any) -> str:
    text: str = ((choice.model_extra or {}).get("mindsmirror") or {}).get("first_rationale", "")
    return text


def test_a_stream_of_several_choices_keeps_them_apart(client: OpenAI) -> None:
    prompts = [QUESTION, "How many pens has Bo?"]
    whole = client.completions.create(model=NAME, prompt=prompts)
    texts = {0: "", 1: ""}
    for piece in client.completions.create(model=NAME, prompt=prompts, stream=True):
        texts[piece.choices[0].index] += piece.choices[0].text
    assert list(texts.values()) == [choice.text for choice in whole.choices]


def test_choices_of_a_vote_are_drawn_apart(client: OpenAI, student: TrainedStudent) -> None:
    found = asked(client, n=3, seed=5, temperature=1.5, **wish(mode="vote", samples=4))
    expected = [
        student.ask(Question(question=QUESTION, mode="vote", samples=4, temperature=1.5, seed=5 + n)) for n in range(3)
    ]
    assert [choice.mindsmirror for choice in found.choices] == [said(each) | {"left_out": 0} for each in expected]


def test_earlier_messages_are_left_out_and_counted(client: OpenAI) -> None:
    talk: Any = [
        {"role": "system", "content": ""},
        {"role": "user", "content": "How many cats?"},
        {"role": "assistant", "content": "3"},
        {"role": "user", "content": QUESTION},
    ]
    found = client.chat.completions.create(model=NAME, messages=talk, user="me")
    plain = asked(client)
    assert found.choices[0].message == plain.choices[0].message
    assert found.choices[0].model_extra == {"mindsmirror": plain.choices[0].mindsmirror | {"left_out": 2}}


def test_a_question_without_an_answer_gets_the_students_text(client: OpenAI) -> None:
    found = asked(client, max_tokens=8)
    [choice] = found.choices
    assert choice.finish_reason == "length" and choice.message.content
    assert choice.mindsmirror["answer"] is None and choice.mindsmirror["parse"] == "truncated"


def test_models_are_listed(client: OpenAI) -> None:
    found = {model.id: model for model in client.models.list()}
    assert list(found) == [NAME, *(f"{NAME}:{mode}" for mode in ("predict", "think", "vote", "mirror"))]
    about = (found[NAME].model_extra or {})["mindsmirror"]
    assert about["default_mode"] == "think" and about["task"] == "pens"
    assert client.models.retrieve(f"{NAME}:vote").id == f"{NAME}:vote"
    with pytest.raises(NotFoundError, match=NAME):
        client.models.retrieve("gpt-4o")


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"temperature": 0.7}, "temperature", "likeliest text"),
        ({"temperature": 0, **wish(mode="vote")}, "temperature", "all the same"),
        ({"n": 2}, "n", "would be the same"),
        ({"n": 17, **wish(mode="vote")}, "n", "not between 1 and 16"),
        ({"top_p": 0.5}, "top_p", "cannot follow it"),
        ({"stop": ["."]}, "stop", "cannot follow it"),
        ({"logprobs": True}, "logprobs", "cannot follow it"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools", "cannot follow it"),
        ({"max_tokens": 2000}, "max_tokens", "more than 1024"),
        ({"max_tokens": 20, **wish(mode="predict")}, "max_tokens", "48 or more"),
        ({"max_tokens": 2}, "max_tokens", "must be at least 8"),
        (wish(mode="guess"), "mindsmirror", "must be 'predict'"),
        (wish(samples=3), "mindsmirror", "vote and mirror draw"),
        (wish(mode="vote", samples=99), "mindsmirror", "more than 16"),
        (wish(chioces=["a"]), "mindsmirror", "Did you mean 'choices'"),
        ({"extra_body": {"temprature": 1}}, "temprature", "Did you mean 'temperature'"),
        ({"question": "  "}, "messages", "is empty"),
        ({"question": "many pens " * 200}, "messages", "256 tokens or more"),
    ],
)
def test_what_cannot_be_done_is_said(client: OpenAI, fields: dict[str, Any], param: str, words: str) -> None:
    for stream in (False, True):
        with pytest.raises(BadRequestError, match=words) as caught:
            asked(client, stream=stream, **fields)
        assert caught.value.param == param and caught.value.type == "invalid_request_error"


def test_a_conversation_that_is_no_question_is_said(client: OpenAI) -> None:
    for talk, words in (
        ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2?"}], "follows no instructions"),
        ([{"role": "user", "content": "2?"}, {"role": "assistant", "content": "2"}], "must be the user's"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "reads text only"),
        ([], "must not be empty"),
    ):
        messages: Any = talk
        with pytest.raises(BadRequestError, match=words):
            client.chat.completions.create(model=NAME, messages=messages)


def test_another_model_is_not_found(client: OpenAI) -> None:
    for name in ("gpt-4o", f"{NAME}:guess"):
        with pytest.raises(NotFoundError, match=f"{NAME}:mirror") as caught:
            client.chat.completions.create(model=name, messages=[{"role": "user", "content": "2?"}])
        assert caught.value.code == "model_not_found"


def test_an_address_that_there_is_not(client: OpenAI) -> None:
    with pytest.raises(APIStatusError, match=r"POST /v1/embeddings"):
        client.embeddings.create(model=NAME, input="x")


class Failing:
    """A student that says a piece of its text and then fails."""

    def __init__(self, student: TrainedStudent) -> None:
        self.description, self.reads = student.description, student.reads

    def ask_many(self, questions: Sequence[Question], on_text: Any = None) -> list[Reply]:
        if questions[0].question == QUESTION:
            on_text(0, "So")
        raise RuntimeError("no memory is left")


def test_a_fault_of_the_student_is_said_without_its_reason(student: TrainedStudent) -> None:
    failing: Any = Failing(student)
    with serving(failing) as address, OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client:
        for stream in (False, True):
            with pytest.raises(InternalServerError) as caught:
                asked(client, "another question", stream=stream)
            assert "no memory" not in str(caught.value)
        pieces = asked(client, stream=True)
        assert next(pieces).choices[0].delta.role == "assistant" and next(pieces).choices[0].delta.content == "So"
        with pytest.raises(APIError, match="the student failed"):
            next(pieces)


@pytest.fixture(scope="module")
def calibrated(student: TrainedStudent) -> TrainedStudent:
    """The same student after a calibration that promised a risk."""
    seen = tuple((number / 100, number > 60) for number in range(100))
    model = AnswerModel(
        sample=SampleModel(intercept=0.4, weights={}), strength=1.0, slope=1.0, intercept=0.0, threshold=0.9, seen=seen
    )
    calibration = Calibration(temperature=0.7, modes={"think": model}, preferred="think")
    description = student.description.model_copy(update={"calibration": calibration})
    return TrainedStudent(description, student._predictor)


def test_a_confidence_comes_with_what_it_has_meant(calibrated: TrainedStudent) -> None:
    with serving(calibrated) as address, OpenAI(base_url=f"{address}/v1", api_key="x") as client:
        [choice] = asked(client).choices
    said = choice.mindsmirror
    assert said["confidence"] == pytest.approx(1 / (1 + math.exp(-0.4))) and said["calibrated"] and said["abstained"]
    assert said["alike"]["of"] in (20, 21) and said["alike"]["least"] < said["confidence"] < said["alike"]["most"]
    assert said["alike"]["right"] == sum(0.6 < sure <= said["alike"]["most"] for sure in (n / 100 for n in range(100)))
    assert choice.message.content, "who abstains is heard all the same"
