"""How much faster a trained student answers than the same model by Transformers' `generate`, and than its teacher.

Ours: `ask_many` of the run's student in modes think and mirror, with verdicts and confidences. Peer of think:
`generate`, greedy. Peer of mirror: `generate` with as many sampled texts a question as the mirror draws at most; it
judges nothing. Batches hold as many texts on both sides. The teacher writes one rationale of each question by its own
engine. Questions are the run's test questions. Interleaved pairs, median; prints one JSON line a mode.

    python benchmarks/inference.py RUN [--arm NAME] [--questions 48] [--pairs 3] [--teacher]
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asking import TEMPERATURE, peer
from ratio import median, print_line

import mindsmirror
from mindsmirror.records import Example, Mode, Tag
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.standby import StandbyTeacher


def generated(own: Any, examples: Sequence[Example], samples: int) -> int:
    """Tokens that `generate` writes: of each question one greedy text, or so many sampled ones."""
    sources = sorted((own.student.source(Tag.EXPLAIN, each.text, None) for each in examples), key=len)
    size, temperature = max(1, own.batch // samples), 0.0 if samples == 1 else TEMPERATURE
    return sum(
        text.tokens
        for at in range(0, len(sources), size)
        for text in peer(own.student, own.model, sources[at : at + size], samples, own.max_tokens, temperature)
    )


def measured(student: Any, examples: Sequence[Example], mode: Mode, pairs: int) -> None:
    """Ours and the peer in turns."""
    own, samples = student._predictor, 1 if mode == "think" else student.description.samples
    questions = [each.text for each in examples]
    seconds, tokens = [], (0, 0)
    for _ in range(pairs):
        began = time.perf_counter()
        replies = student.ask_many(questions, mode)
        between = time.perf_counter()
        theirs = generated(own, examples, samples)
        seconds.append((between - began, time.perf_counter() - between))
        tokens = sum(reply.tokens for reply in replies), theirs
    print_line(
        f"inference, {mode}",
        f"transformers generate, {samples} texts a question",
        [plain / mine for mine, plain in seconds],
        questions=len(questions),
        questions_per_second=median([len(questions) / mine for mine, _ in seconds]),
        peer_questions_per_second=median([len(questions) / plain for _, plain in seconds]),
        tokens_a_question=round(tokens[0] / len(questions), 1),
        peer_tokens_a_question=round(tokens[1] / len(questions), 1),
        batch=own.batch,
    )


def main() -> None:
    """Measure, and print one JSON line for each mode, and one for the teacher."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--arm")
    parser.add_argument("--questions", type=int, default=48)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--teacher", action="store_true", help="the teacher answers the same questions, and is paid")
    given = parser.parse_args()
    student = mindsmirror.load(given.run, given.arm)
    examples = Pipeline.of(given.run).task.splits.test[: given.questions]
    student.ask_many([each.text for each in examples[:2]], "think")
    modes: tuple[Mode, ...] = ("think", "mirror")
    for mode in modes:
        if mode in student.modes:
            measured(student, examples, mode, given.pairs)
    if given.teacher:
        asked = [mindsmirror.Question(question=each.text) for each in examples]
        began = time.perf_counter()
        StandbyTeacher(given.run).ask(asked)
        middle = time.perf_counter()
        student.ask_many([each.text for each in examples], "mirror")
        ratio = (middle - began) / (time.perf_counter() - middle)
        print_line("inference, mirror", "its teacher, one rationale a question, loading it included", [ratio])


if __name__ == "__main__":
    main()
