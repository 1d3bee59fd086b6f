"""The doctor: what would go wrong with a recipe, looked for before it costs money or a night.

Each check is a module that looks at a `Case` (case.py) and tells `Finding`s (finding.py); `examine.py` goes through
them in order. A check only looks: it begins no run and writes nothing, but for samples that it was allowed to ask
for. This module holds the checks' names alone, so that help needs nothing else.
"""

from collections.abc import Mapping

CHECKS: Mapping[str, str] = {
    "task": "questions, prompts, and whether the prompts solve test questions",
    "student": "it can be had, loads, and takes the questions",
    "machine": "device, precision, memory for training",
    "disk": "room for store, checkpoints and models",
    "endpoint": "address, key, model, and what the server can do; asks for four samples of at most 16 tokens",
    "prices": "prices, caps, and what the annotation will cost",
    "judge": "how often its verdicts agree with gold",
    "fidelity": "whether the engine reads the teacher's file as Transformers does; loads it twice",
}
"""Name of each check to what it looks at, in the order in which they are made: the dear ones last."""
