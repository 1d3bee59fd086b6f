"""The live teacher, where its bytes are at hand: requests that start together must not mix up their questions."""

import pytest

from mindsmirror.annotation.prompts import load_prompts
from mindsmirror.engines import Request, Sampling, TeacherConfig, engine_identity, open_engine, sample_key
from mindsmirror.engines.catalog import entries
from mindsmirror.engines.digest import cache_dir
from mindsmirror.records import Example

MODEL = "qwen2.5-coder-1.5b-instruct"
ANIMALS = ("cows", "spiders", "ducks", "bees", "tigers", "crabs", "humans", "wasps")


@pytest.mark.slow
def test_requests_that_share_a_prefix_keep_their_own_questions() -> None:
    pytest.importorskip("openvino_genai")
    entry = entries()[MODEL]
    if not any(cache_dir().rglob(entry.file)):
        pytest.skip(f"{MODEL} is not in {cache_dir()}: `make demo` fetches it")
    prompts = load_prompts("number")
    config = TeacherConfig(model=MODEL, engine="openvino")
    sampling = Sampling(temperature=0.0, max_tokens=24)
    replies: dict[str, str] = {}
    with open_engine(config) as engine:
        for number, animal in enumerate(ANIMALS, start=3):
            question = (
                f"There are {number} {animal} in a field and 2 of the {animal} leave. How many {animal} are left?"
            )
            prompt = prompts.rationale(Example(id=animal, text=question))
            key = sample_key(engine_identity(config), prompt.messages, sampling, 0)
            engine.submit(Request(animal, prompt.messages, sampling, (key,), prompt.shared))
        while len(replies) < len(ANIMALS):
            replies |= {request.id: completions[0].text for request, completions in engine.poll()}
    for animal, text in replies.items():
        # A reply that is built on another request's cache names that request's animals.
        strangers = [other for other in ANIMALS if other != animal and other in text]
        assert animal[:-1] in text, f"{animal}: {text}"
        assert not strangers, f"{animal}: {text}"
