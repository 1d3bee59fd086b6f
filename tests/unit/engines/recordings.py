"""Recordings, as somebody's script may write them."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mindsmirror.engines.base import Completion, Finish


def write_recording(
    path: Path, rows: Iterable[tuple[str, str | Completion]], identity: Mapping[str, Any] | None = None
) -> None:
    """Write (key, text or completion) pairs as a recording, gzipped if the name ends in `.gz`."""
    lines = [] if identity is None else [json.dumps({"identity": dict(identity)})]
    for key, text in rows:
        completion = text if isinstance(text, Completion) else Completion(key, text, Finish.STOP)
        row: dict[str, Any] = {"key": key, "text": completion.text, "finish": completion.finish.value}
        row |= {"tokens_in": completion.tokens_in, "tokens_out": completion.tokens_out}
        if completion.alternatives:
            row["alternatives"] = completion.alternatives
        lines.append(json.dumps(row))
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
