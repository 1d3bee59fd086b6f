"""What a server counts, in the text format of Prometheus."""

from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from mindsmirror.inference.question import Reply, TeacherReply
from mindsmirror.server.scheduler import Decoded

PATHS = ("/", "/health", "/metrics", "/v1/models", "/v1/chat/completions", "/v1/completions")
"""Those that are counted by name: others could be any number."""
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)
SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class Counters:
    """The counts of one server; `waiting` says how many questions wait now."""

    def __init__(self, waiting: Callable[[], float]) -> None:
        self._registry = own = CollectorRegistry()
        self.open = Gauge("mindsmirror_open_requests", "Requests that are open now.", registry=own)
        queue = Gauge("mindsmirror_waiting_questions", "Questions that wait now.", registry=own)
        queue.set_function(waiting)
        self._requests = Counter(
            "mindsmirror_requests", "Requests by path and status.", ("path", "status"), registry=own
        )
        self._replies = Counter(
            "mindsmirror_replies",
            "Questions by mode, and whether they were answered, abstained from, or nothing could be read.",
            ("mode", "outcome"),
            registry=own,
        )
        self._sent = Counter(
            "mindsmirror_sent", "Questions sent to the teacher, and whether it answered.", ("outcome",), registry=own
        )
        self._teacher = Counter(
            "mindsmirror_teacher_tokens", "Tokens that the teacher read and wrote.", ("kind",), registry=own
        )
        self._usd = Counter("mindsmirror_teacher_usd", "What those cost, where a price is known.", registry=own)
        self._tokens = Counter("mindsmirror_tokens", "Tokens that the student read and wrote.", ("kind",), registry=own)
        self._sizes = Histogram(
            "mindsmirror_batch_questions", "Questions that were decoded together.", registry=own, buckets=SIZES
        )
        self._decoding = Histogram(
            "mindsmirror_batch_seconds", "Seconds in which a batch was answered.", registry=own, buckets=SECONDS
        )
        self._waiting = Histogram(
            "mindsmirror_wait_seconds", "Seconds that a question waited for its batch.", registry=own, buckets=SECONDS
        )

    def request(self, path: str, status: int) -> None:
        """A request has been answered."""
        self._requests.labels(path if path in PATHS else "other", str(status)).inc()

    def read(self, tokens: int) -> None:
        """The student has questions of so many tokens to read."""
        self._tokens.labels("read").inc(tokens)

    def replied(self, replies: Sequence[Reply]) -> None:
        """The student has replied."""
        for reply in replies:
            outcome = "abstained" if reply.abstained else "unread" if reply.answer is None else "answered"
            self._replies.labels(reply.mode, outcome).inc()
            self._tokens.labels("written").inc(reply.tokens)

    def taught(self, replies: Sequence[TeacherReply]) -> None:
        """The teacher has replied, or has failed."""
        for reply in replies:
            self._sent.labels("unanswered" if reply.answer is None else "answered").inc()
            self._teacher.labels("read").inc(reply.tokens_in)
            self._teacher.labels("written").inc(reply.tokens_out)
            self._usd.inc(reply.usd or 0.0)

    def decoded(self, batch: Decoded) -> None:
        """A batch has been decoded."""
        self._sizes.observe(batch.questions)
        self._decoding.observe(batch.seconds)
        for seconds in batch.waited:
            self._waiting.observe(seconds)

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
