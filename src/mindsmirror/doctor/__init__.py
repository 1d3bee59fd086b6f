"""The doctor finds what would go wrong with a recipe before it costs money or a night.

Each check is a module that examines a `Case` (case.py) and yields `Finding`s (finding.py); `examine.py` runs the checks
in order. A check begins no run, and writes nothing except the samples that it may request. This module has only the
names of the checks, so that `--help` imports nothing else.
"""

from collections.abc import Mapping

CHECKS: Mapping[str, str] = {
    "task": "questions, prompts, and whether the prompts solve test questions",
    "student": "whether it is available, loads, and can read the questions",
    "machine": "device, precision, memory for training",
    "disk": "space for store, checkpoints and models",
    "endpoint": "address, key, model, and what the server can do; requests four samples of at most 16 tokens",
    "prices": "prices, caps, and what the annotation will cost",
    "judge": "how often its verdicts agree with gold",
    "fidelity": "whether the engine reads the teacher's file as Transformers does; loads it twice",
}
"""Name of each check to what it looks at, in the order in which they run: the expensive ones last."""
