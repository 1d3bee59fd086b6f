"""Chat templates from foreign folders: those in use pass, those that hang or eat the memory end in seconds."""

import time
from typing import Any

import pytest
import tiny
import tiny_gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from mindsmirror import limits
from mindsmirror.errors import ModelFileError
from mindsmirror.models.chat_template import check_template, check_tokenizer

GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if loop.index0 > 9 %}{% break %}{% endif %}"
    "{{ message['content'] | trim | tojson }}{% endfor %}{% generation %}x{% endgeneration %}"
)
HANG = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
ENDLESS: dict[str, str] = {
    "loops in loops": HANG,
    "only at a system text": "{% if messages[0].role == 'system' %}" + HANG + "{% endif %}",
    "only at a third turn": "{% if messages | length == 3 %}" + HANG + "{% endif %}",
    "a power": "{{ 9 ** (9 ** 9) }}",
    "a text of 100 GB": "{{ 'a' * 100000000000 }}",
    "a list of 8 GB": "{{ ([0] * 1000000000) | length }}",
    "a text of 300 MB": "{{ 'a' * 300000000 }}",
    "only after an error of another kind": "{% if messages | length == 1 %}{{ 1 / 0 }}{% endif %}" + HANG,
}


@pytest.mark.parametrize(
    "template", [None, "", tiny.TEMPLATE, tiny_gguf.TEMPLATE, GEMMA, {"default": GEMMA, "tool": "x"}]
)
def test_templates_in_use_pass(template: Any) -> None:
    check_template(template, "model")


@pytest.mark.parametrize("how", ENDLESS)
def test_a_template_that_does_not_end_is_a_clear_error_within_seconds(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TEMPLATE_SECONDS", 1)
    began = time.monotonic()
    with pytest.raises(ModelFileError, match=r"^the model has a chat template that (has not ended|takes|writes)"):
        check_template(ENDLESS[how], "the model")
    assert time.monotonic() - began < 40
    with pytest.raises(ModelFileError):
        check_template({"default": "x", "tool_use": ENDLESS[how]}, "the model")


def test_a_template_that_is_too_long_is_not_rendered() -> None:
    with pytest.raises(ModelFileError, match="200,001 characters"):
        check_template("x" * (limits.TEMPLATE + 1), "the model")


@pytest.mark.parametrize("template", ["{{ 1 / 0 }}", "{% for", "{{ raise_exception('no') }}", "{{ messages.x.y.z }}"])
def test_a_template_that_refuses_a_question_is_a_clear_error(template: str) -> None:
    with pytest.raises(ModelFileError, match=r"^model has a chat template that refuses a single question: "):
        check_tokenizer(tiny.tokenizer(template), "model")


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    " for m in messages ",
    " endfor ",
    "m.content",
    "'a'",
    " * ",
    "9",
    "|",
    "tojson",
    " if ",
    "x",
]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_any_template_passes_or_is_refused(template: str) -> None:
    try:
        check_tokenizer(tiny.tokenizer(template or None), "model")
    except ModelFileError as error:
        assert str(error).startswith("model has a chat template that ")
