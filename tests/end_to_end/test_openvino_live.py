"""The live teacher (`make live` fetches it): requests that start together must not mix up their questions.

What it says of choices must be probabilities of the model, not of the grammar by which they are drawn.
"""

import math
from collections.abc import Iterator

import pytest

from mindsmirror.annotation.prompts import load_prompts
from mindsmirror.engines import Completion, Engine, Message, Request, Sampling, TeacherConfig, open_engine, sample_key
from mindsmirror.records import Example

MODEL = "qwen2.5-coder-1.5b-instruct"
pytestmark = pytest.mark.live
ANIMALS = ("cows", "spiders", "ducks", "bees", "tigers", "crabs", "humans", "wasps")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with open_engine(TeacherConfig(model=MODEL, engine="openvino")) as engine:
        yield engine


def test_requests_that_share_a_prefix_keep_their_own_questions(engine: Engine) -> None:
    prompts = load_prompts("number")
    sampling = Sampling(temperature=0.0, max_tokens=24)
    replies: dict[str, str] = {}
    for number, animal in enumerate(ANIMALS, start=3):
        question = f"There are {number} {animal} in a field and 2 of the {animal} leave. How many {animal} are left?"
        prompt = prompts.rationale(Example(id=animal, text=question))
        key = sample_key(engine.identity, prompt.messages, sampling, 0)
        engine.submit(Request(animal, prompt.messages, sampling, (key,), prompt.shared))
    while len(replies) < len(ANIMALS):
        replies |= {request.id: completions[0].text for request, completions in engine.poll()}
    for animal, text in replies.items():
        # A reply that is built on another request's cache names that request's animals.
        strangers = [other for other in ANIMALS if other != animal and other in text]
        assert animal[:-1] in text, f"{animal}: {text}"
        assert not strangers, f"{animal}: {text}"


def test_choices_have_the_models_own_probabilities(engine: Engine) -> None:
    """One of them is what it would have written, and together they are nearly all that it would write, but no more."""
    weigh, write = Sampling(temperature=0, choices=("yes", "no")), Sampling(temperature=0, max_tokens=1)
    for question in ("Is 2 + 2 = 4?", "Is ice hot?"):
        messages = (Message("user", f"{question} Answer with one word in lower case: yes or no."),)
        found: dict[Sampling, tuple[Completion, ...]] = {}
        for sampling in (weigh, write):
            key = sample_key(engine.identity, messages, sampling, 0)
            engine.submit(Request("r", messages, sampling, (key, key), 0))
        while replies := engine.poll():
            found |= {request.sampling: completions for request, completions in replies}
        first, second = found[weigh]
        assert {completion.text for completion in found[write]} == {first.text}, "greedy samples are all the same"
        assert {a.text for a in first.alternatives} == {"yes", "no"}
        assert 0.5 < sum(math.exp(a.logprob) for a in first.alternatives) < 1.1
        assert second.alternatives == first.alternatives
        assert (first.tokens_out, second.tokens_in) == (1, 0) and first.tokens_in == found[write][0].tokens_in
