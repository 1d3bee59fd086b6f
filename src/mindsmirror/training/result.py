"""What training an arm leaves behind: a record for each stage (`stage.json`), and all of them (`done.json`)."""

from pydantic import Field

from mindsmirror.records import Record


class StepCounts(Record):
    """Optimizer steps, and what this machine took for them."""

    steps: int = Field(description="optimizer steps")
    planned_steps: int = Field(description="more than steps where the stage ended early")
    tokens_per_second: float | None = Field(
        None, description="computed tokens, while the last process trained, validation and saving left out"
    )
    peak_memory: int | None = Field(None, description="bytes that the process held at most, up to the stage's end")
    peak_device_memory: int | None = Field(None, description="bytes of tensors on the accelerator, at most")


class StageLog(StepCounts):
    """What the training loop says of a stage."""

    losses: tuple[float, ...] = Field(description="the loss that was minimised, at each logged step")
    task_losses: dict[str, tuple[float | None, ...]] = Field(
        description="the same for each loss term, without its weight; None where it had no token"
    )
    validation: dict[int, float] = Field(description="step to accuracy on validation questions")
    selected_step: int = Field(
        description="step of the checkpoint that was kept: the last, unless another was surely better"
    )
    selected_score: float | None = Field(description="its accuracy on validation questions; None without validation")


class TrainingCounts(StepCounts):
    """What training took, in every unit in which arms can be made equal."""

    rows: int
    tokens: int = Field(description="source and target tokens of all rows, shared ones once per row")
    target_tokens: int = Field(description="those of them that were learnt")
    computed_tokens: int = Field(description="tokens through the model: shared ones once")
    flops: int = Field(description="of the computed tokens, forward and backward (students/flops.py)")
    torn: int = Field(0, description="questions whose targets are more than a batch holds, so that they were cut")
    seconds: float = Field(description="wall time of the process that ended it")


class StageResult(TrainingCounts, StageLog):
    """What training one stage took, and what came of it."""

    stage: str = Field(description="name of the stage")
    targets: int = Field(description="targets that there were to learn")
    dropped: dict[str, int] = Field(description="what was left out, by reason")


class TrainingResult(Record):
    """The stages of an arm, in order. Processes that only help to train return none."""

    stages: tuple[StageResult, ...] = ()
