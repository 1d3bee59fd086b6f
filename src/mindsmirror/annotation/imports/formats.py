"""The formats of files that hold somebody else's rationales, one module each, registered here by name.

A format is a `Format`: a reader that yields a `ForeignRationale` for each rationale and refuses a file of another
format with its name and row. What the texts amount to is decided when they are imported (`importing`).
"""

from collections.abc import Mapping

from mindsmirror.annotation.imports import jsonl, minds_mirror, step_by_step
from mindsmirror.annotation.imports.foreign import Format

FORMATS: Mapping[str, Format] = {
    "minds_mirror": minds_mirror.FORMAT,
    "step_by_step": step_by_step.FORMAT,
    "jsonl": jsonl.FORMAT,
}
