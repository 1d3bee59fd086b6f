"""The bodies of OpenAI's requests, as far as a student can follow them.

A field that would change the reply and that a student cannot follow is refused, not overlooked. Fields that change
nothing are taken and left.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mindsmirror import limits
from mindsmirror.records import Mode
from mindsmirror.server.refusal import refuse
from mindsmirror.system.validation import explain

Kind = Literal["chat.completion", "text_completion"]

NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "best_of": (1,),
    "echo": (False,),
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False, 0),
    "modalities": (["text"],),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "stop": ([],),
    "suffix": ("",),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "top_p": (1,),
}
"""Fields that a student cannot follow, and the values with which they ask for nothing."""
OVERLOOKED = (
    "metadata",
    "parallel_tool_calls",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "user",
)
"""Fields that change no reply."""
INSTRUCTING = ("system", "developer")
"""Whose messages say how to answer."""


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(_Fields):
    """How a reply is streamed."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Wishes(_Fields):
    """The extension `mindsmirror` of a request."""

    mode: Mode | None = None
    samples: int | None = Field(None, ge=2, le=limits.SAMPLES)
    choices: dict[str, str] | list[str] = Field(default_factory=dict)
    escalate: bool | None = None


class Message(_Fields):
    """A message of a conversation; its parts are read as one text."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | None = None
    name: str | None = None
    refusal: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _joined(cls, given: Any) -> Any:
        if not isinstance(given, list):
            return given
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in given):
            raise ValueError("a student reads text only: each part must be {'type': 'text', 'text': …}")
        return "\n".join(part["text"] for part in given)


class _Request(_Fields):
    model: str | None = None
    n: int = Field(1, ge=1, le=limits.SAMPLES)
    max_tokens: int | None = Field(None, ge=8, le=limits.TOKENS)
    temperature: float | None = Field(None, ge=0, le=limits.TEMPERATURE, allow_inf_nan=False)
    seed: int | None = Field(None, ge=-limits.WHOLE, le=limits.WHOLE)
    stream: bool = False
    stream_options: StreamOptions | None = None
    mindsmirror: Wishes = Field(default_factory=Wishes)


class ChatRequest(_Request):
    """The body of /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=8, le=limits.TOKENS)

    @property
    def texts(self) -> list[str]:
        """The question: the last message."""
        return [self.messages[-1].content or ""]

    @property
    def room(self) -> int | None:
        """Tokens that may be written."""
        return self.max_completion_tokens if self.max_tokens is None else self.max_tokens

    @property
    def left_out(self) -> int:
        """Earlier messages, which a student is not shown."""
        return sum(message.role not in INSTRUCTING for message in self.messages) - 1


class CompletionRequest(_Request):
    """The body of /v1/completions."""

    prompt: str | list[str]

    @property
    def texts(self) -> list[str]:
        """The questions."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    @property
    def room(self) -> int | None:
        """Tokens that may be written."""
        return self.max_tokens

    left_out: ClassVar[int] = 0
    """There are no earlier messages."""


def read_body(body: Any, kind: Kind) -> ChatRequest | CompletionRequest:
    """The body as a record. Refusal (400) names the field that is wrong or cannot be followed."""
    if not isinstance(body, dict):
        refuse(None, "the body must be a JSON object", "invalid_body")
    for name, values in NEUTRAL.items():
        given = body.get(name)
        if given is not None and given not in values:
            shown = " or ".join(str(value) for value in values)
            refuse(name, f"{name}: this student cannot follow it; leave it out ({shown} is taken)", "unsupported")
    kept = {key: value for key, value in body.items() if key not in (*NEUTRAL, *OVERLOOKED) and value is not None}
    model: type[ChatRequest | CompletionRequest] = ChatRequest if kind == "chat.completion" else CompletionRequest
    try:
        request = model.model_validate(kept)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        refuse(str(place[0]) if place else None, explain(error, model), "invalid_value")
    if isinstance(request, ChatRequest):
        _check_talk(request.messages)
    return request


def _check_talk(messages: list[Message]) -> None:
    if any(message.role in INSTRUCTING and (message.content or "").strip() for message in messages):
        what = "messages: this student was trained to answer a question and follows no instructions"
        refuse("messages", f"{what} of a system or developer message; leave it out", "unsupported")
    if messages[-1].role != "user":
        refuse("messages", "messages: the last one must be the user's: it is the question", "invalid_value")
