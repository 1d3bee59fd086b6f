"""What a request asks for: OpenAI's body in, questions for the student out.

A field that would change the reply and that a student cannot follow is refused, not overlooked. Fields that change
nothing are taken and left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mindsmirror import limits
from mindsmirror.inference.description import StudentDescription
from mindsmirror.inference.predictor import DIRECT_TOKENS
from mindsmirror.inference.question import Question
from mindsmirror.records import MODES, Mode
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.refusal import Refusal
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
DRAWING: tuple[Mode, ...] = ("vote", "mirror")
"""Modes in which something is drawn."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class StreamOptions(_Body):
    """How a reply is streamed."""

    include_usage: bool = False
    include_obfuscation: bool = False


class Wishes(_Body):
    """The extension `mindsmirror` of a request."""

    mode: Mode | None = None
    samples: int | None = Field(None, ge=2, le=limits.SAMPLES)
    choices: dict[str, str] | list[str] = Field(default_factory=dict)


class Message(_Body):
    """A message of a conversation."""

    role: Literal["user", "assistant", "system", "developer"]
    content: str | None = None
    name: str | None = None
    refusal: str | None = None

    @field_validator("content", mode="before")
    @classmethod
    def _joined(cls, given: Any) -> Any:
        """A list of parts as one text."""
        if not isinstance(given, list):
            return given
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in given):
            raise ValueError("a student reads text only: each part must be {'type': 'text', 'text': …}")
        return "\n".join(part["text"] for part in given)

    @property
    def text(self) -> str:
        """What it says."""
        return self.content or ""


class _Request(_Body):
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


class CompletionRequest(_Request):
    """The body of /v1/completions."""

    prompt: str | list[str]


@dataclass(frozen=True)
class Asked:
    """What a request asks the student."""

    questions: tuple[Question, ...]
    """One for each choice of the reply; each names its mode."""
    mode: Mode
    stream: bool
    usage: bool
    """Whether a stream ends with the count of its tokens."""
    left_out: int
    """Earlier messages, which the student is not shown."""


def model_id(student: StudentDescription) -> str:
    """What the student is called; with `:MODE` behind it, it is asked in that mode."""
    return f"{student.run}-{student.arm}"


def read_request(body: Any, kind: Kind, student: StudentDescription, config: ServerConfig) -> Asked:
    """What a body asks for. Refusal (400 or 404) names the field that is wrong."""
    request, left_out = _read(body, kind)
    mode = _mode(request, student)
    if isinstance(request, ChatRequest):
        texts = [request.messages[-1].text]
        wanted = request.max_completion_tokens if request.max_tokens is None else request.max_tokens
    else:
        texts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
        wanted = request.max_tokens
    _check_bounds(request, mode, len(texts), wanted, config)
    questions = []
    for text in texts:
        for number in range(request.n):
            seed = request.seed if number == 0 else (request.seed or 0) + number
            questions.append(_question(text, request, mode, wanted, seed))
    options = request.stream_options
    return Asked(tuple(questions), mode, request.stream, options is not None and options.include_usage, left_out)


def _read(body: Any, kind: Kind) -> tuple[ChatRequest | CompletionRequest, int]:
    """The body as a record, and how many messages before the last one it has."""
    if not isinstance(body, dict):
        _refuse(None, "the body must be a JSON object", "invalid_body")
    for name, values in NEUTRAL.items():
        given = body.get(name)
        if given is not None and given not in values:
            shown = " or ".join(str(value) for value in values)
            _refuse(name, f"{name}: this student cannot follow it; leave it out ({shown} is taken)", "unsupported")
    kept = {key: value for key, value in body.items() if key not in (*NEUTRAL, *OVERLOOKED) and value is not None}
    model: type[ChatRequest | CompletionRequest] = ChatRequest if kind == "chat.completion" else CompletionRequest
    try:
        request = model.model_validate(kept)
    except ValidationError as error:
        # Of a field that may be several things pydantic names each; the field is enough.
        first = error.errors()[0]["loc"]
        _refuse(str(first[0]) if first else None, explain(error, model), "invalid_value")
    if not isinstance(request, ChatRequest):
        return request, 0
    told = [message for message in request.messages if message.role in ("system", "developer")]
    if any(message.text.strip() for message in told):
        _refuse(
            "messages",
            "messages: this student was trained to answer a question and follows no instructions of a "
            "system or developer message; leave it out",
            "unsupported",
        )
    if request.messages[-1].role != "user":
        _refuse("messages", "messages: the last one must be the user's: it is the question", "invalid_value")
    return request, len(request.messages) - 1 - len(told)


def _mode(request: _Request, student: StudentDescription) -> Mode:
    """The mode that the extension names, or the model, or else the one that the student prefers."""
    name, _, suffix = (request.model or model_id(student)).partition(":")
    if name != model_id(student) or suffix not in ("", *MODES):
        known = ", ".join([model_id(student), *(f"{model_id(student)}:{mode}" for mode in student.modes)])
        raise Refusal(404, f"there is no model {request.model!r}; there are: {known}", "model_not_found", "model")
    behind = next((mode for mode in MODES if mode == suffix), None)
    mode = request.mindsmirror.mode or behind or student.default_mode
    if mode not in student.modes:
        _refuse("mindsmirror", f"this student was not taught to {mode}; it can {', '.join(student.modes)}", "no_mode")
    return mode


def _check_bounds(request: _Request, mode: Mode, texts: int, wanted: int | None, config: ServerConfig) -> None:
    samples = request.mindsmirror.samples
    if not texts or texts * request.n > config.max_choices:
        what = f"{texts} prompts times {request.n} choices"
        _refuse("n", f"n: {what} are not between 1 and {config.max_choices}, the most of one request", "too_many")
    if wanted is not None and wanted > config.max_tokens:
        _refuse("max_tokens", f"max_tokens: {wanted} are more than {config.max_tokens}, the server's limit", "too_many")
    if mode == "predict" and wanted is not None and wanted < DIRECT_TOKENS:
        _refuse("max_tokens", f"max_tokens: in mode predict {DIRECT_TOKENS} or more: it has its own limit", "too_few")
    if samples is not None and samples > config.max_samples:
        _refuse("mindsmirror", f"samples: {samples} are more than {config.max_samples}, the server's limit", "too_many")
    if mode in DRAWING:
        if request.temperature == 0:
            _refuse(
                "temperature", f"temperature: mode {mode} draws rationales; at 0 they are all the same", "unsupported"
            )
        return
    because = f"in mode {mode} the student writes its likeliest text; vote and mirror draw"
    if request.temperature:
        _refuse("temperature", f"temperature: {because}. Leave it out, or set 0", "unsupported")
    if request.n > 1:
        _refuse("n", f"n: {because}, so all choices would be the same", "unsupported")
    if samples is not None:
        _refuse("mindsmirror", f"samples: {because}", "unsupported")


def _question(text: str, request: _Request, mode: Mode, max_tokens: int | None, seed: int | None) -> Question:
    if not text.strip():
        _refuse("messages" if isinstance(request, ChatRequest) else "prompt", "the question is empty", "invalid_value")
    drawn = mode in DRAWING
    try:
        return Question.model_validate(
            {
                "question": text,
                "choices": request.mindsmirror.choices,
                "mode": mode,
                "samples": request.mindsmirror.samples if drawn else None,
                "temperature": request.temperature if drawn else None,
                "max_tokens": None if mode == "predict" else max_tokens,
                "seed": seed,
            }
        )
    except ValidationError as error:
        _refuse("mindsmirror", explain(error, Question), "invalid_value")


def _refuse(param: str | None, message: str, code: str) -> NoReturn:
    raise Refusal(400, message, code, param)
