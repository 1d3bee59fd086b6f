"""The whole method in one file: a teacher explains and judges, a small model learns both, and is asked.

    python examples/minimal.py

Teacher and student are those of the recipe `quickstart` and run on this machine: 1.2 GB to fetch once, and about the
time that `mindsmirror demo` takes. All is kept in `runs/minimal`; started again, it goes on where it was stopped.
"""

import mindsmirror

QUICKSTART = mindsmirror.read_recipe("quickstart")
RECIPE = {
    "name": "minimal",
    # Questions: a file, here the one of the quickstart. Yours is named by its path, too.
    "task": {"name": QUICKSTART.task.name, "train": 48, "valid": 12, "test": 40},
    # The teacher writes three rationales for each training question, and judges every one of them.
    "teacher": [{"model": "qwen2.5-coder-1.5b-instruct", "engine": "openvino"}],
    "annotation": {"rationales": 3, "self_evaluations": 1, "max_tokens": 96, "prompts": QUICKSTART.annotation.prompts},
    "judge": {"strategy": "informed", "max_tokens": 64},
    # The student learns to answer, to think, and to judge what it thought.
    "student": {"model": "smollm2-135m-instruct"},
    "training": {"learning_rate": 1.5e-4, "budget": {"steps": 110}, "batch_tokens": 288},
    # The first arm learns labels alone: what the method is held against.
    "arm": [
        {"name": "standard", "method": "standard", "labels": "gold"},
        {"name": "mirror", "method": "minds_mirror", "labels": "gold", "alpha": 0.3},
    ],
    "evaluation": {"samples": 3, "max_tokens": 96},
}


def main(runs: str = "runs") -> None:
    """Distil, compare the arms, and ask the student; `runs` is the folder that keeps the run."""
    report = mindsmirror.run(mindsmirror.make_recipe(RECIPE), runs)
    for arm in report.arms:
        print(f"{arm.name} ({arm.mode}): {arm.accuracy:.0%} of {arm.n} questions, 95 % interval {arm.ci95}")

    made = mindsmirror.open_run(f"{runs}/{RECIPE['name']}")
    thought = made.predictions("mirror", "think")
    wrong = [row for row in thought if not row.right]
    print(f"{len(made.annotations)} questions annotated; {len(wrong)} of {len(thought)} test answers wrong")

    student = mindsmirror.load(made.folder)
    reply = student.ask(thought[0].question, mode="think")
    print(reply.question)
    print(f"{reply.answer}, since: {reply.rationale}")
    print(f'its own verdict: {reply.verdict}, probability of "correct": {reply.p_correct}')


if __name__ == "__main__":
    main()
