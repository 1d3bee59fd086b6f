"""A GGUF file in llama.cpp's server (package `xllamacpp`), in this process.

The server's own address is used, on the loopback device and behind a random key: there it takes tokens as they are,
gives the probabilities of as many of them as wanted, and shows what its template and its tokenizer do.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from mindsmirror.delivery.runtimes.base import ServedStudent
from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.inference.predictor import Predictor
from mindsmirror.students.base import Student
from mindsmirror.students.decoding import GeneratedText

SLOTS = 8
WEIGHED = 2000
"""Tokens whose probability is asked for; what is left is shared evenly by all others."""
ATTEMPTS = 5
SILENT = -1


class LlamaCppRuntime:
    """llama.cpp's server with one GGUF file."""

    def __init__(self, path: Path, context: int, judge: Path | None = None) -> None:
        """Load the file with room for `context` tokens a prompt with its reply. ModelFileError if that fails.

        `judge` is the file of the adapter that judges; requests do without it unless they ask for it.
        """
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtraError("xllamacpp", "llama-cpp") from error
        self.name = f"llama.cpp (xllamacpp {xllamacpp.__version__})"
        self.adapter = judge.name if judge is not None else None
        self._scale, self._together = 0.0, SLOTS
        self._key = secrets.token_hex(32)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel, params.n_ctx = SLOTS, SLOTS * context
        params.cache_ram_mib, params.cache_idle_slots = 0, False
        params.hostnames, params.api_keys = ["127.0.0.1"], [self._key]
        params.ui = params.endpoint_slots = False
        params.n_threads_http = SLOTS + 2
        params.verbosity = SILENT
        if judge is not None:
            params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(str(judge), self._scale)]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise ModelFileError(f"llama.cpp does not load {path.name}: {error}") from error

    def next_logits(self, sources: Sequence[Sequence[int]]) -> Any:
        """Logarithms of probabilities, [B, V]: of the likeliest tokens as llama.cpp gives them, of others the rest."""
        import torch

        size = self._vocabulary()
        replies = self._all([{"prompt": list(source), "n_predict": 1, "n_probs": WEIGHED} for source in sources])
        rows = []
        for reply in replies:
            weighed = reply["completion_probabilities"][0]["top_logprobs"]
            known = torch.tensor([each["logprob"] for each in weighed], dtype=torch.float64)
            left = max(1 - known.exp().sum().item(), 1e-9) / max(size - len(weighed), 1)
            row = torch.full((size,), left, dtype=torch.float64).log()
            row[[each["id"] for each in weighed]] = known
            rows.append(row.float())
        return torch.stack(rows)

    def generate(self, sources: Sequence[Sequence[int]], max_tokens: int) -> list[GeneratedText]:
        """The greedy continuation of each source."""
        replies = self._all([{"prompt": list(source), "n_predict": max_tokens} for source in sources])
        return [
            GeneratedText(reply["content"].strip(), reply["tokens_predicted"], reply["stop_type"] == "eos")
            for reply in replies
        ]

    def tokens_of(self, messages: Sequence[dict[str, str]]) -> list[int] | None:
        """What the file's own template and tokenizer make of a conversation."""
        text = self.call("/apply-template", {"messages": list(messages)})["prompt"]
        body = {"content": text, "add_special": True, "parse_special": True}
        return list(self.call("/tokenize", body)["tokens"])

    def judging(self, asked: Predictor) -> Predictor | None:
        """The file's student with its adapter switched on; None without one.

        llama.cpp switches such an adapter for all requests that it computes together (seen with xllamacpp
        2026.10.11549), so verdicts are asked for one at a time.
        """
        if self.adapter is None:
            return None
        judge = copy(self)
        judge._scale, judge._together = 1.0, 1
        return replace(asked, student=cast(Student, ServedStudent(asked.student, judge)), model=None, judge=None)

    def call(self, route: str, body: Mapping[str, Any] | None = None) -> Any:
        """What the server replies to a body, or to a request without one. ModelFileError if it refuses or is gone."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        for attempt in range(ATTEMPTS):
            try:
                with urlopen(Request(self._server.listening_address + route, content, headers)) as reply:
                    return json.load(reply)
            except HTTPError as error:
                reason = error.read().decode(errors="replace")[:200]
                raise ModelFileError(f"llama.cpp refuses what the exported student is asked: {reason}") from error
            except (URLError, OSError) as error:
                # On a busy machine the server closes a connection that it has not read in time.
                if attempt == ATTEMPTS - 1:
                    raise ModelFileError(f"llama.cpp does not answer with the exported file: {error}") from error
                time.sleep(attempt + 1)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Free the model."""
        self._server = None

    def _vocabulary(self) -> int:
        return int(self.call("/v1/models")["data"][0]["meta"]["n_vocab"])

    def _all(self, bodies: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The replies to completions, in their order."""
        greedy: dict[str, Any] = {"temperature": 0, "samplers": ["temperature"], "cache_prompt": True}
        if self.adapter is not None:
            greedy["lora"] = [{"id": 0, "scale": self._scale}]
        with ThreadPoolExecutor(self._together) as pool:
            return list(pool.map(lambda body: self.call("/completion", greedy | dict(body)), bodies))
