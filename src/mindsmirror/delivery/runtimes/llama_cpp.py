"""A GGUF file in llama.cpp's server (package `xllamacpp`), in this process.

The server's own address is used, on the loopback device and behind a random key: there it takes tokens as they are,
gives the probabilities of as many of them as wanted, and shows what its template and its tokenizer do.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from mindsmirror.errors import MissingExtraError, ModelFileError
from mindsmirror.students.decoding import GeneratedText

SLOTS = 8
WEIGHED = 2000
"""Tokens whose probability is asked for; what is left is shared evenly by all others."""
ATTEMPTS = 5
SILENT = -1


class LlamaCppRuntime:
    """llama.cpp's server with one GGUF file."""

    def __init__(self, path: Path, context: int) -> None:
        """Load the file with room for `context` tokens a prompt with its reply. ModelFileError if that fails."""
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtraError("xllamacpp", "llama-cpp") from error
        self.name = f"llama.cpp (xllamacpp {xllamacpp.__version__})"
        self._key = secrets.token_hex(32)
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_parallel, params.n_ctx = SLOTS, SLOTS * context
        params.cache_ram_mib, params.cache_idle_slots = 0, False
        params.hostnames, params.api_keys = ["127.0.0.1"], [self._key]
        params.ui = params.endpoint_slots = False
        params.n_threads_http = SLOTS + 2
        params.verbosity = SILENT
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
        text = self._call("/apply-template", {"messages": list(messages)})["prompt"]
        body = {"content": text, "add_special": True, "parse_special": True}
        return list(self._call("/tokenize", body)["tokens"])

    def close(self) -> None:
        """Free the model."""
        self._server = None

    def _vocabulary(self) -> int:
        return int(self._call("/v1/models")["data"][0]["meta"]["n_vocab"])

    def _all(self, bodies: Sequence[Mapping[str, Any]]) -> list[Any]:
        """The replies to completions, as many at a time as there are slots."""
        greedy = {"temperature": 0, "samplers": ["temperature"], "cache_prompt": True}
        with ThreadPoolExecutor(SLOTS) as pool:
            return list(pool.map(lambda body: self._call("/completion", greedy | dict(body)), bodies))

    def _call(self, route: str, body: Mapping[str, Any] | None = None) -> Any:
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
