"""A tiny student that can write a sentence: without it every answer of a whole run would be unreadable."""

import random
from pathlib import Path

import tiny
import torch
from end_to_end.material import word_problem

from mindsmirror.records import Tag
from mindsmirror.students.base import TokenisedTarget
from mindsmirror.students.load import save_student

STEPS, QUESTIONS, RATE = 90, 6, 1.5e-2


def schooled(folder: Path, target: Path) -> Path:
    """The student in `folder`, taught for some seconds to give any number in the answer sentence."""
    student = tiny.load(folder)
    draw = random.Random(0)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(student.model.parameters(), lr=RATE)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * min(1, (step + 1) / 10) * (1 - step / STEPS)
        families = []
        for number in range(QUESTIONS):
            question, answer = word_problem(draw.randrange(40), "train")["question"], str(draw.randint(3, 7))
            said = {Tag.PREDICT: answer, Tag.EXPLAIN: f"Let us see what is given. The answer is {answer}."}
            families.append(
                [
                    TokenisedTarget(str(number), tag, student.source(tag, question, None), student.target(said[tag]))
                    for tag in said
                ]
            )
        loss = student.losses(student.model, student.collate(families)).mean()
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(student.model.parameters(), 1.0)
        optimizer.step()
    save_student(student.model, student.tokenizer, target)
    return target
