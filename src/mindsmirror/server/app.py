"""The addresses of the server, and what each of them does."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from mindsmirror.inference.question import Question, Reply
from mindsmirror.runs.student import TrainedStudent
from mindsmirror.server.asked import Asked, model_id, read_request
from mindsmirror.server.body import Kind
from mindsmirror.server.config import ServerConfig
from mindsmirror.server.counters import CONTENT_TYPE, Counters
from mindsmirror.server.escalated import Escalated
from mindsmirror.server.guard import Guard
from mindsmirror.server.page import page_routes
from mindsmirror.server.refusal import Json, Refusal
from mindsmirror.server.replies import Replies
from mindsmirror.server.scheduler import ClosedError, FullError, Scheduler, Told
from mindsmirror.server.stream import Stream, failed
from mindsmirror.system.progress import quietly

T = TypeVar("T")
BODY_SECONDS = 30.0
"""In which a request's body must have come."""
LEAVING_SECONDS = 5.0
"""For which the threads of student and teacher are waited for in the end."""


class Service:
    """A student, its queue, and the addresses at which it is asked."""

    def __init__(self, student: TrainedStudent, config: ServerConfig) -> None:
        self.student, self.config = student, config
        self.began = int(time.time())
        self.counters = Counters(lambda: self.scheduler.waiting)
        self.scheduler = Scheduler(
            self._ask, queue=config.queue, together=config.together, observe=self.counters.decoded
        )
        self.escalated = Escalated(student.standby, config, self.counters.taught) if config.escalate else None

    async def health(self, request: Request) -> Response:
        """Whether questions are answered."""
        works = self.scheduler.works
        return Json({"status": "ok" if works else "the student has stopped"}, 200 if works else 503)

    async def metrics(self, request: Request) -> Response:
        """What was counted."""
        return Response(self.counters.text(), media_type=CONTENT_TYPE)

    async def models(self, request: Request) -> Response:
        """The student, and the student in each of its modes."""
        return Json({"object": "list", "data": [self._model(name) for name in self._names]})

    async def model(self, request: Request) -> Response:
        """One of them."""
        name = request.path_params["name"]
        if name not in self._names:
            raise Refusal(404, f"there is no model {name!r}; there are: {', '.join(self._names)}", "model_not_found")
        return Json(self._model(name))

    async def chat(self, request: Request) -> Response:
        """/v1/chat/completions."""
        return await self._complete(request, "chat.completion")

    async def completions(self, request: Request) -> Response:
        """/v1/completions."""
        return await self._complete(request, "text_completion")

    async def _complete(self, request: Request, kind: Kind) -> Response:
        own = self.student.description
        asked = read_request(await _json(request), kind, own, self.config)
        read = await asyncio.to_thread(self._read, asked)
        documents = Replies(kind, model_id(own), asked.left_out)
        reply = self._streamed if asked.stream else self._whole
        try:
            return await reply(request, asked, documents, read)
        except (Refusal, ClientDisconnect):
            raise
        except Exception:
            # Said here: what is left to uvicorn closes a connection that others go on to use.
            logging.getLogger(__name__).exception("the student failed")
            raise failed() from None

    async def _whole(self, request: Request, asked: Asked, documents: Replies, read: int) -> Response:
        futures = self._submit(asked, [None] * len(asked.questions), read)
        try:
            replies = await _unless_gone(request, asyncio.gather(*map(asyncio.wrap_future, futures)))
        finally:
            # Of those that are answered this changes nothing.
            for future in futures:
                future.cancel()
        return Json(documents.whole(replies, read))

    async def _streamed(self, request: Request, asked: Asked, documents: Replies, read: int) -> Response:
        stream = Stream(asked, lambda told: self._submit(asked, told, read))
        try:
            # What fails before the first piece can still be said by a status.
            first = await _unless_gone(request, asyncio.ensure_future(stream.next()))
            if isinstance(first[1], Future):
                first[1].result()
        except BaseException:
            stream.give_up()
            raise
        return StreamingResponse(stream.events(first, documents, read), media_type="text/event-stream")

    @property
    def _names(self) -> list[str]:
        own = self.student.description
        return [model_id(own), *(f"{model_id(own)}:{mode}" for mode in own.modes)]

    def _model(self, name: str) -> dict[str, Any]:
        shown = {"run", "arm", "base", "task", "modes", "default_mode", "samples"}
        about = self.student.description.model_dump(mode="json", include=shown)
        about["answers"] = self.student.description.answers.kind
        about["escalates"] = self.escalated is not None
        return {
            "id": name,
            "object": "model",
            "created": self.began,
            "owned_by": "mindsmirror",
            "mindsmirror": about,
        }

    def _ask(self, questions: Sequence[Question], told: Callable[[int, str], None] | None) -> list[Reply]:
        with quietly():
            replies = self.student.ask_many(questions, on_text=told)
        self.counters.replied(replies)
        return replies

    def _read(self, asked: Asked) -> int:
        """Tokens that the student reads. Refusal if a question is too long for it."""
        most = self.student.description.max_source
        sizes = [self.student.reads(question) for question in asked.questions]
        if max(sizes) >= most:
            message = f"the question takes {most} tokens or more; this student reads fewer than that"
            raise Refusal(400, message, "context_length_exceeded", "messages")
        return sum(sizes)

    def _submit(self, asked: Asked, told: Sequence[Told | None], read: int) -> list["Future[Reply]"]:
        """The replies to come. Refusal if too many questions wait already, or the server ends."""
        try:
            futures = self.scheduler.submit(asked.questions, told)
        except FullError as error:
            raise Refusal(429, f"{error} questions wait already; ask again later", "queue_full", retry=1) from None
        except ClosedError:
            raise Refusal(503, "the server ends and takes nothing new", "shutting_down", retry=5) from None
        self.counters.read(read)
        if self.escalated is None or not asked.escalate:
            return futures
        return [self.escalated.after(*each) for each in zip(asked.questions, futures, strict=True)]

    def close(self) -> None:
        """Take nothing more; requests had their time, and nobody waits for what is still being written."""
        self.scheduler.close(LEAVING_SECONDS)
        if self.escalated is not None:
            self.escalated.close(LEAVING_SECONDS)


async def _json(request: Request) -> Any:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return json.loads(await request.body())
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {BODY_SECONDS:g} seconds", "too_slow") from None
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is no JSON: {error}", "invalid_body") from None


async def _unless_gone(request: Request, wanted: "asyncio.Future[T]") -> T:
    """What is waited for, unless the client hangs up first: then it is given up."""
    gone = asyncio.ensure_future(request.receive())
    waited: set[asyncio.Future[Any]] = {wanted, gone}
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            raise ClientDisconnect
        return await wanted
    finally:
        gone.cancel()
        wanted.cancel()
        # Nobody waits for what is given up; asked for its failure, it does not complain that nobody did.
        wanted.add_done_callback(lambda future: future.cancelled() or future.exception())


async def _refused(request: Request, error: Exception) -> Response:
    """Every failure in the shape of OpenAI's errors."""
    if isinstance(error, HTTPException):
        error = Refusal(error.status_code, f"{request.method} {request.url.path}: {error.detail}", "not_found")
    refusal = error if isinstance(error, Refusal) else failed()
    return Json(refusal.document, refusal.status, refusal.headers)


async def _hung_up(request: Request, error: Exception) -> Response:
    """Nobody will read this: the client has gone."""
    return Response(status_code=499)


def make_app(student: TrainedStudent, config: ServerConfig) -> Starlette:
    """The application that answers for a student."""
    service = Service(student, config)

    @contextlib.asynccontextmanager
    async def living(app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(service.close)

    return Starlette(
        routes=[
            *page_routes(),
            Route("/health", service.health),
            Route("/metrics", service.metrics),
            Route("/v1/models", service.models),
            Route("/v1/models/{name}", service.model),
            Route("/v1/chat/completions", service.chat, methods=["POST"]),
            Route("/v1/completions", service.completions, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, config=config, counters=service.counters)],
        exception_handlers={
            Refusal: _refused,
            HTTPException: _refused,
            ClientDisconnect: _hung_up,
            Exception: _refused,
        },
        lifespan=living,
    )
