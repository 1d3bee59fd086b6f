"""What the student said, in the shape of OpenAI's replies, whole or in pieces.

Each choice has the extension `mindsmirror`, and its text is never missing: where no answer can be read, it is what the
student wrote.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mindsmirror.inference.question import Reply
from mindsmirror.records import Parse
from mindsmirror.server.body import Kind
from mindsmirror.server.refusal import as_json

EXTENSION = {
    "mode",
    "answer",
    "rationale",
    "verdict",
    "p_correct",
    "confidence",
    "calibrated",
    "alike",
    "abstained",
    "parse",
    "answered_by",
    "teacher",
}
"""What the extension `mindsmirror` of a choice has of a reply."""
OWN = EXTENSION - {"answered_by", "teacher"} | {"text"}
"""What it has of the student's own reply, where the teacher answered."""
DONE = b"data: [DONE]\n\n"


def event(document: Any) -> bytes:
    """A server-sent event. JSON leaves no bare line end in it."""
    return b"data: " + as_json(document) + b"\n\n"


@dataclass(frozen=True)
class Replies:
    """The documents of one request."""

    kind: Kind
    model: str
    left_out: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, replies: Sequence[Reply], read: int) -> dict[str, Any]:
        """The reply to a request that does not stream; `read` are the tokens that the student read."""
        choices = [self._choice(place, reply) for place, reply in enumerate(replies)]
        return self._head(self.kind) | {"choices": choices, "usage": usage(replies, read)}

    def opening(self, place: int) -> dict[str, Any]:
        """The first piece of a choice: who speaks."""
        return self._piece(place, {"role": "assistant", "content": ""} if self._chats else "")

    def text(self, place: int, piece: str) -> dict[str, Any]:
        """A piece of a choice's text."""
        return self._piece(place, {"content": piece} if self._chats else piece)

    def aside(self, place: int, piece: str) -> dict[str, Any]:
        """A piece of the first rationale of a vote, which need not be the one that is elected."""
        return self._piece(place, {} if self._chats else "", mindsmirror={"first_rationale": piece})

    def end(self, place: int, reply: Reply) -> dict[str, Any]:
        """The last piece of a choice: how it ended, and the extension."""
        said = extension(reply, self.left_out)
        return self._piece(place, {} if self._chats else "", finish_reason=_finish(reply), mindsmirror=said)

    def counted(self, replies: Sequence[Reply], read: int) -> dict[str, Any]:
        """The piece of a stream that counts tokens."""
        return self._head(self._streamed) | {"choices": [], "usage": usage(replies, read)}

    @property
    def _chats(self) -> bool:
        return self.kind == "chat.completion"

    @property
    def _streamed(self) -> str:
        return "chat.completion.chunk" if self._chats else self.kind

    def _head(self, kind: str) -> dict[str, Any]:
        prefix = "chatcmpl" if self._chats else "cmpl"
        return {"id": f"{prefix}-{self.id}", "object": kind, "created": self.created, "model": self.model}

    def _choice(self, place: int, reply: Reply) -> dict[str, Any]:
        said: dict[str, Any] = {"text": reply.text}
        if self._chats:
            said = {"message": {"role": "assistant", "content": reply.text, "refusal": None}}
        ends = {"logprobs": None, "finish_reason": _finish(reply), "mindsmirror": extension(reply, self.left_out)}
        return {"index": place} | said | ends

    def _piece(self, place: int, said: Any, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
        key = "delta" if self._chats else "text"
        choice = {"index": place, key: said, "logprobs": None, "finish_reason": finish_reason} | more
        return self._head(self._streamed) | {"choices": [choice]}


def usage(replies: Sequence[Reply], read: int) -> dict[str, int]:
    """Tokens, as OpenAI counts them; those of a teacher that was asked are among them."""
    asked = [reply.teacher for reply in replies if reply.teacher is not None]
    read += sum(teacher.tokens_in for teacher in asked)
    wrote = sum((reply.student or reply).tokens for reply in replies) + sum(teacher.tokens_out for teacher in asked)
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


def extension(reply: Reply, left_out: int = 0) -> dict[str, Any]:
    """What OpenAI's reply has no place for: the extension `mindsmirror` of a choice."""
    own = None if reply.student is None else reply.student.model_dump(mode="json", include=OWN)
    return reply.model_dump(mode="json", include=EXTENSION) | {"student": own, "left_out": left_out}


def _finish(reply: Reply) -> str:
    return "length" if reply.parse is Parse.TRUNCATED else "stop"
