"""What a request asks for: a body in, questions for the student out, within what the server allows."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from mindsmirror.inference.description import StudentDescription
from mindsmirror.inference.predictor import DIRECT_TOKENS
from mindsmirror.inference.question import Question
from mindsmirror.records import MODES, Mode
from mindsmirror.server.body import ChatRequest, CompletionRequest, Kind, read_body
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.refusal import Refusal, refuse
from mindsmirror.system.validation import explain

DRAWING: tuple[Mode, ...] = ("vote", "mirror")
"""Modes in which something is drawn."""
AnyRequest = ChatRequest | CompletionRequest


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
    escalate: bool = False
    """Whether the teacher is asked what the student abstains from."""


def model_id(student: StudentDescription) -> str:
    """What the student is called; with `:MODE` behind it, it is asked in that mode."""
    return f"{student.run}-{student.arm}"


def read_request(body: Any, kind: Kind, student: StudentDescription, config: ServerConfig) -> Asked:
    """What a body asks for. Refusal (400 or 404) names the field that is wrong."""
    request = read_body(body, kind)
    mode = _mode(request, student)
    _check_bounds(request, mode, config)
    questions = []
    for text in request.texts:
        for number in range(request.n):
            seed = request.seed if number == 0 else (request.seed or 0) + number
            questions.append(_question(text, request, mode, seed))
    options = request.stream_options
    usage = options is not None and options.include_usage
    escalate = _escalates(request, mode, student, config)
    return Asked(tuple(questions), mode, request.stream, usage, request.left_out, escalate)


def _mode(request: AnyRequest, student: StudentDescription) -> Mode:
    """The mode that the extension names, or the model, or else the one that the student prefers."""
    name, _, suffix = (request.model or model_id(student)).partition(":")
    if name != model_id(student) or suffix not in ("", *MODES):
        known = ", ".join([model_id(student), *(f"{model_id(student)}:{mode}" for mode in student.modes)])
        raise Refusal(404, f"there is no model {request.model!r}; there are: {known}", "model_not_found", "model")
    behind = next((mode for mode in MODES if mode == suffix), None)
    mode = request.mindsmirror.mode or behind or student.default_mode
    if mode not in student.modes:
        refuse("mindsmirror", f"this student was not taught to {mode}; it can {', '.join(student.modes)}", "no_mode")
    return mode


def _escalates(request: AnyRequest, mode: Mode, student: StudentDescription, config: ServerConfig) -> bool:
    """Whether the teacher is asked: as the request says, or else the server."""
    wished = request.mindsmirror.escalate
    if wished and not config.escalate:
        refuse("mindsmirror", "escalate: this server asks no teacher; it must be started with --escalate", "no_teacher")
    if wished and not student.abstains(mode):
        what = f"escalate: this student abstains from nothing in mode {mode}, so the teacher would never be asked"
        refuse("mindsmirror", what, "no_threshold")
    return config.escalate if wished is None else wished


def _check_bounds(request: AnyRequest, mode: Mode, config: ServerConfig) -> None:
    texts, wanted, samples = len(request.texts), request.room, request.mindsmirror.samples
    if not texts or texts * request.n > config.max_choices:
        what = f"{texts} prompts times {request.n} choices"
        refuse("n", f"n: {what} are not between 1 and {config.max_choices}, the most of one request", "too_many")
    if wanted is not None and wanted > config.max_tokens:
        refuse("max_tokens", f"max_tokens: {wanted} are more than {config.max_tokens}, the server's limit", "too_many")
    if mode == "predict" and wanted is not None and wanted < DIRECT_TOKENS:
        refuse("max_tokens", f"max_tokens: in mode predict {DIRECT_TOKENS} or more: it has its own limit", "too_few")
    if samples is not None and samples > config.max_samples:
        refuse("mindsmirror", f"samples: {samples} are more than {config.max_samples}, the server's limit", "too_many")
    if mode in DRAWING:
        if request.temperature == 0:
            refuse(
                "temperature", f"temperature: mode {mode} draws rationales; at 0 they are all the same", "unsupported"
            )
        return
    because = f"in mode {mode} the student writes its likeliest text; vote and mirror draw"
    if request.temperature:
        refuse("temperature", f"temperature: {because}. Leave it out, or set 0", "unsupported")
    if request.n > 1:
        refuse("n", f"n: {because}, so all choices would be the same", "unsupported")
    if samples is not None:
        refuse("mindsmirror", f"samples: {because}", "unsupported")


def _question(text: str, request: AnyRequest, mode: Mode, seed: int | None) -> Question:
    if not text.strip():
        refuse("messages" if isinstance(request, ChatRequest) else "prompt", "the question is empty", "invalid_value")
    drawn = mode in DRAWING
    try:
        return Question.model_validate(
            {
                "question": text,
                "choices": request.mindsmirror.choices,
                "mode": mode,
                "samples": request.mindsmirror.samples if drawn else None,
                "temperature": request.temperature if drawn else None,
                "max_tokens": None if mode == "predict" else request.room,
                "seed": seed,
            }
        )
    except ValidationError as error:
        refuse("mindsmirror", explain(error, Question), "invalid_value")
