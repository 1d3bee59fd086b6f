"""Whatever a body holds, it becomes questions that the student can be asked, or a refusal that says why not."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from served import NAME, description

from mindsmirror.inference.question import Question
from mindsmirror.server.asked import Asked, read_request
from mindsmirror.server.body import NEUTRAL, Kind
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.refusal import Refusal

STUDENT = description()
CONFIG = ServerConfig()
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
MODES = st.sampled_from(["predict", "think", "vote", "mirror", "guess"])
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": st.sampled_from(["", "2?", "How many?"])}
)
PLAUSIBLE = {
    "messages": st.lists(MESSAGE, max_size=3),
    "prompt": st.sampled_from(["2?", ["2?", "3?"], []]),
    "model": st.sampled_from([NAME, f"{NAME}:vote", f"{NAME}:", "other"]),
    "n": st.integers(0, 20),
    "temperature": st.sampled_from([0, 0.5, 1, 3.5]),
    "max_tokens": st.sampled_from([1, 8, 60, 5000]),
    "max_completion_tokens": st.sampled_from([8, 60]),
    "seed": st.integers(-5, 5),
    "stream": st.booleans(),
    "stream_options": st.just({"include_usage": True}),
    "mindsmirror": st.fixed_dictionaries(
        {}, optional={"mode": MODES, "samples": st.integers(0, 20), "choices": st.just(["a", "b"])}
    ),
    "user": st.just("me"),
}
BODIES = st.fixed_dictionaries({}, optional={key: each | ANYTHING for key, each in PLAUSIBLE.items()})
LIKELY = st.fixed_dictionaries(
    {"messages": st.just([{"role": "user", "content": "2?"}])},
    optional={key: each for key, each in PLAUSIBLE.items() if key not in ("messages", "prompt")},
)
STRANGE = st.dictionaries(st.sampled_from([*NEUTRAL, "metadata", "what"]), ANYTHING, max_size=2)


def read(body: Any, kind: Kind) -> Asked | None:
    """What is asked; None where it is refused, and then the refusal can be sent."""
    try:
        return read_request(body, kind, STUDENT, CONFIG)
    except Refusal as refusal:
        assert refusal.status in (400, 404) and str(refusal)
        assert set(json.loads(json.dumps(refusal.document))["error"]) == {"message", "type", "param", "code"}
        return None


@given(BODIES | LIKELY | ANYTHING, STRANGE, st.sampled_from(["chat.completion", "text_completion"]))
def test_any_body_is_asked_or_refused(body: Any, strange: dict[str, Any], kind: Kind) -> None:
    asked = read(body | strange if isinstance(body, dict) else body, kind)
    if asked is None:
        return
    assert 1 <= len(asked.questions) <= CONFIG.max_choices
    for question in asked.questions:
        assert Question.model_validate(question.model_dump()) == question
        assert question.mode == asked.mode and asked.mode in STUDENT.modes
        assert (question.max_tokens or 0) <= CONFIG.max_tokens and (question.samples or 0) <= CONFIG.max_samples
        assert asked.mode in ("vote", "mirror") or question.temperature is None
    assert len({question.seed for question in asked.questions}) >= len(asked.questions) / max(1, _prompts(body))


def _prompts(body: Any) -> int:
    return len(body["prompt"]) if isinstance(body.get("prompt"), list) else 1


@given(LIKELY)
def test_a_plain_question_is_refused_only_for_what_was_added(body: dict[str, Any]) -> None:
    if read(body, "chat.completion") is None:
        body = {"messages": body["messages"]}
        assert read(body, "chat.completion") is not None
