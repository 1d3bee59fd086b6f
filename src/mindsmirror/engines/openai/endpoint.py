"""What is known of one server: which fields it takes, whether it has ever worked, and when to give it up.

Servers differ in the fields that they accept. What one refuses is found out once, from its own words, and
remembered for the life of the engine.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mindsmirror.engines.address import public_url
from mindsmirror.engines.base import ALTERNATIVES, Request, seed_of
from mindsmirror.engines.counting import own_room
from mindsmirror.engines.openai.failures import LostError, MalformedError, RefusedError, SlowError
from mindsmirror.engines.openai.options import DEFAULT_BASE_URL, OpenAIOptions
from mindsmirror.engines.openai.redactor import Redactor, secrets_of
from mindsmirror.errors import EngineError

LONGEST_PAUSE = 600.0
"""Seconds: a server that asks for more is not waited for."""
LONGEST_REASON = 400
"""Characters of what a server says that are shown."""
FEWER_ALTERNATIVES = 5
"""How many alternatives to a token are asked for, if a server refuses to give as many as OpenAI's."""


class Dialect(NamedTuple):
    """Which fields a request to this server has, and how they are named."""

    limit: str = "max_tokens"
    """Name of the field that bounds the tokens of a reply."""
    seed: bool = True
    alternatives: int = ALTERNATIVES
    """To a token, where they are asked for."""


ENOUGH_REFUSALS = 20
"""Equal refusals of a server that has answered nothing yet, after which no more are asked for."""


class Endpoint:
    """The server at `base_url`; its key is read from the environment and kept out of all texts."""

    def __init__(self, model: str, base_url: str, key_variable: str, options: OpenAIOptions) -> None:
        self._model, self._key_variable, self._options = model, key_variable, options
        self._shown = public_url(base_url)
        self._names_user = "@" in urlsplit(base_url).netloc
        self.secret = os.environ.get(key_variable, "").strip()
        if not (self.secret.isascii() and self.secret.isprintable()):
            raise EngineError(f"the environment variable {key_variable} holds what cannot be an API key")
        if not (self.secret or self._names_user) and self._shown == DEFAULT_BASE_URL:
            raise EngineError(f"the endpoint {self._shown} needs an API key. {self._missing()}")
        self.redactor = Redactor([self.secret, *secrets_of(base_url)])
        self.dialect = Dialect()
        self.takes_n = True
        self.worked = False
        self._refusals: Counter[str] = Counter()
        """How often the server said each of its refusals, before anything worked."""

    def room(self, request: Request) -> int:
        """Tokens that each sample of a request may have."""
        asked = 1 if request.sampling.choices else request.sampling.max_tokens
        return own_room(self._options.extra, asked)

    def body(
        self, request: Request, keys: tuple[str, ...], dialect: Dialect, more: Mapping[str, Any] | None = None
    ) -> bytes:
        """A chat completion's request for so many samples, with `more` fields; ValueError if it cannot be sent."""
        sampling = request.sampling
        fields: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            dialect.limit: sampling.max_tokens,
            "temperature": sampling.temperature,
        }
        if dialect.seed:
            fields["seed"] = seed_of(keys[0])
        if len(keys) > 1:
            fields["n"] = len(keys)
        if sampling.top_p < 1:
            fields["top_p"] = sampling.top_p
        if sampling.choices:
            fields |= {dialect.limit: 1, "logprobs": True, "top_logprobs": dialect.alternatives}
        # TOML knows dates, JSON does not: they are written as text.
        return json.dumps(fields | self._options.extra | dict(more or {}), ensure_ascii=False, default=str).encode()

    def adapts(self, error: Exception, dialect: Dialect) -> bool:
        """Whether the server only refused a field of this dialect, which is changed from now on."""
        if not isinstance(error, RefusedError) or error.status not in (400, 422):
            return False
        extra: Mapping[str, Any] = self._options.extra
        if "max_completion_tokens" in error.message and dialect.limit == "max_tokens" and dialect.limit not in extra:
            self.dialect = self.dialect._replace(limit="max_completion_tokens")
            return True
        if dialect.seed and "seed" not in extra and re.search(r"\bseed\b", error.message):
            self.dialect = self.dialect._replace(seed=False)
            return True
        if "top_logprobs" in error.message and dialect.alternatives > FEWER_ALTERNATIVES:
            self.dialect = self.dialect._replace(alternatives=FEWER_ALTERNATIVES)
            return True
        return False

    def useless(self, error: Exception, attempt: int) -> EngineError | None:
        """The error that ends the run, if no other request can succeed where this one failed; None otherwise."""
        if isinstance(error, RefusedError) and error.code == "insufficient_quota":
            return self.end("has no money left on this key", error, "Top it up or use another one.")
        if isinstance(error, RefusedError) and error.status in (400, 422) and "logprobs" in error.message:
            return self.blind(error)
        if self.worked:
            return None
        if isinstance(error, RefusedError):
            return self._refuses(error)
        if isinstance(error, LostError | SlowError) and attempt >= min(1, self._options.retries):
            return self._silent(error)
        return None

    def blind(self, error: Exception) -> EngineError:
        """The error for a server that gives no probabilities, though a request needs them."""
        hint = "A judge by likelihood needs them: take a server that gives `top_logprobs`, or another judge."
        return self.end("gives no probabilities of tokens", error, hint)

    def boundless(self, written: int, room: int) -> EngineError:
        """The error for a server that writes more tokens than a request allows."""
        error = MalformedError(f"a reply of {written} tokens where there was room for {room}")
        hint = (
            "It would bill whatever it likes; what has come is kept. Take a server that keeps to it, or set the field "
            "that this one obeys in `parameters.extra`, such as max_completion_tokens."
        )
        return self.end("ignores `max_tokens`", error, hint)

    def end(self, what: str, error: Exception, hint: str) -> EngineError:
        """An EngineError that names the endpoint; to be raised `from None`, other texts may quote the key."""
        return EngineError(f"the endpoint {self._shown} {what} ({self.reason(error)}). {hint}")

    def reason(self, error: Exception) -> str:
        """The error in one line. The key, which some servers repeat, is masked."""
        name = "" if isinstance(error, RefusedError | LostError | SlowError) else f"{type(error).__name__}: "
        return self.redactor.line(f"{name}{error}", LONGEST_REASON)

    def _silent(self, error: LostError | SlowError) -> EngineError:
        hint = "Is the server running, and is `base_url` right?"
        if "[SSL: CERTIFICATE" in str(error):
            hint = "If it is yours, put the certificate of its issuer into a file that SSL_CERT_FILE names."
            return self.end("shows a certificate that is not trusted here", error, hint)
        if "[SSL" in str(error):
            hint = "Does it speak plain HTTP? Then `base_url` begins with http://."
            return self.end("does not speak TLS as it should", error, hint)
        if isinstance(error, SlowError):
            hint = "Is it still loading its model? Raise `parameters.timeout` if it needs that long."
        return self.end("does not answer", error, hint)

    def _refuses(self, error: RefusedError) -> EngineError | None:
        if error.status in (401, 403):
            if self.secret:
                hint = f"It was sent the value of the environment variable {self._key_variable}: put a valid key there."
                return self.end("refuses the API key", error, hint)
            if self._names_user:
                return self.end("refuses user and password", error, "Check both in `base_url`.")
            return self.end("needs an API key", error, self._missing())
        if error.status == 404:
            hint = "Check `model` against the models that it serves, and that `base_url` ends as it wants (/v1)."
            return self.end(f"does not know the model {self._model!r} or the path", error, hint)
        if 300 <= error.status < 400:
            hint = "Redirects are not followed, as the key would go with them: put the right address into `base_url`."
            return self.end("is somewhere else", error, hint)
        if error.status in (400, 422):
            # Without its numbers, in which a server may count.
            said = re.sub(r"[0-9]+", "", error.message)
            self._refusals[said] += 1
            if self._refusals[said] >= ENOUGH_REFUSALS:
                hint = (
                    "Nothing has worked yet. Look at annotation.temperature, annotation.max_tokens, judge.temperature, "
                    "and `parameters.extra` of this teacher."
                )
                return self.end("refuses every request alike", error, hint)
        return None

    def _missing(self) -> str:
        name = self._key_variable
        state = "is empty" if name in os.environ else "is not set"
        return f"The environment variable {name} {state}: export {name}=…, or name another one in `api_key_env`."
