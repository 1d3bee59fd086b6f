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

import torch
from ratio import median, print_line

import mindsmirror
from mindsmirror.records import Example, Mode, Tag
from mindsmirror.runs.pipeline import Pipeline
from mindsmirror.runs.standby import StandbyTeacher
from mindsmirror.students.base import pad


@torch.inference_mode()
def generated(own: Any, examples: Sequence[Example], samples: int, batch: int) -> int:
    """Tokens that `generate` writes: of each question one greedy text, or so many sampled ones."""
    student, model, most = own.student, own.model, own.max_tokens
    sources = sorted((student.source(Tag.EXPLAIN, each.text, None) for each in examples), key=len)
    drawing = {"do_sample": True, "temperature": 0.7, "top_k": 0, "top_p": 1.0, "num_return_sequences": samples}
    written = 0
    for at in range(0, len(sources), max(1, batch // samples)):
        tokens, mask = pad(sources[at : at + max(1, batch // samples)], student.tokenizer.eos_token_id, left=True)
        out = model.generate(
            input_ids=tokens,
            attention_mask=mask,
            pad_token_id=student.tokenizer.eos_token_id,
            eos_token_id=sorted(student.end),
            max_new_tokens=most,
            **({"do_sample": False} if samples == 1 else drawing),
        )
        student.tokenizer.batch_decode(out[:, tokens.shape[1] :], skip_special_tokens=True)
        written += int((out[:, tokens.shape[1] :] != student.tokenizer.eos_token_id).sum())
    return written


def measured(student: Any, examples: Sequence[Example], mode: Mode, pairs: int) -> None:
    """Ours and the peer in turns."""
    own, samples = student._predictor, 1 if mode == "think" else student.description.samples
    batch = own.batch
    questions = [each.text for each in examples]
    seconds, tokens = [], (0, 0)
    for _ in range(pairs):
        began = time.perf_counter()
        replies = student.ask_many(questions, mode)
        between = time.perf_counter()
        peers = generated(own, examples, samples, batch)
        seconds.append((between - began, time.perf_counter() - between))
        tokens = sum(reply.tokens for reply in replies), peers
    print_line(
        f"inference, {mode}",
        f"transformers generate, {samples} texts a question",
        [peer / mine for mine, peer in seconds],
        questions=len(questions),
        questions_per_second=median([len(questions) / mine for mine, _ in seconds]),
        peer_questions_per_second=median([len(questions) / peer for _, peer in seconds]),
        tokens_a_question=round(tokens[0] / len(questions), 1),
        peer_tokens_a_question=round(tokens[1] / len(questions), 1),
        batch=batch,
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
