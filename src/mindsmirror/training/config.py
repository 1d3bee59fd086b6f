"""The `[training]` table of a recipe; apart from the training itself, so that reading it needs no torch."""

from importlib.util import find_spec
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mindsmirror import limits
from mindsmirror.errors import MissingExtraError

Tracker = Literal["tensorboard", "wandb", "mlflow", "trackio", "comet_ml", "clearml", "swanlab", "dvclive"]
"""Where training can be watched: Transformers' own reporting, by the name of the package that each needs."""
OTHER_PACKAGES: dict[Tracker, tuple[str, ...]] = {"tensorboard": ("tensorboardX",)}
"""What does as well."""


class Budget(BaseModel):
    """How long to train: exactly one of these, the same for every arm, split over stages by their shares.

    What is given is equal for all arms; the rest follows from what an arm learns, and is counted (training/cost.py).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tokens: int | None = Field(
        None,
        ge=1,
        le=limits.COUNTED_TOKENS,
        description="source and target tokens of all targets, shared ones counted once per target",
    )
    target_tokens: int | None = Field(
        None, ge=1, le=limits.COUNTED_TOKENS, description="tokens that the student learns to write, of all targets"
    )
    flops: float | None = Field(
        None,
        gt=0,
        le=limits.FLOPS,
        description="floating-point operations of the computed tokens, forward and backward (students/flops.py)",
    )
    steps: int | None = Field(None, ge=1, le=limits.STEPS, description="optimizer steps")
    epochs: float | None = Field(
        None, gt=0, le=limits.EPOCHS, description="passes over the stage's targets, times its share"
    )

    def part(self, share: float) -> "Budget":
        """A share of it, in [0, 1]; at least 1 of what is counted."""
        given = {name: value * share for name, value in self.model_dump(exclude_none=True).items()}
        whole = ("tokens", "target_tokens", "steps")
        return Budget(**{name: max(1, round(value)) if name in whole else value for name, value in given.items()})

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = (self.tokens, self.target_tokens, self.flops, self.steps, self.epochs)
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of tokens, target_tokens, flops, steps, epochs")
        return self


class TrainingConfig(BaseModel):
    """The `[training]` table of a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float = Field(1e-4, gt=0, le=limits.LARGEST, description="the highest, reached after the warm-up")
    warmup: float = Field(
        0.05, ge=0, lt=1, description="share of the steps in which the rate rises; then it falls linearly to 0"
    )
    weight_decay: float = Field(0.0, ge=0, le=limits.LARGEST, description="AdamW's")
    budget: Budget = Field(Budget(epochs=3), description="how long each arm trains: exactly one of these")
    batch_tokens: int = Field(
        1024, ge=16, le=limits.BATCH_TOKENS, description="computed tokens in a batch, before padding"
    )
    accumulate: int = Field(1, ge=1, le=limits.STEPS, description="batches per optimizer step")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="bf16: matrix products in bf16, weights in fp32; auto: where the machine has bf16"
    )
    checkpoints: int = Field(
        3, ge=1, le=limits.CHECKPOINTS, description="how often a stage is saved; the last stage is validated as often"
    )
    early_stopping: int | None = Field(
        None,
        ge=1,
        le=limits.CHECKPOINTS,
        description="end the last stage after so many validations without improvement",
    )
    trackers: tuple[Tracker, ...] = Field((), description="tools that receive losses and validations during training")

    @model_validator(mode="after")
    def _can_be_planned(self) -> Self:
        budget = self.budget
        # As many batches as there must be at least; the rest is known when they are planned.
        tokens = budget.tokens or budget.target_tokens or 0
        batches = max((budget.steps or 0) * self.accumulate, tokens // self.batch_tokens)
        if batches > limits.STEPS:
            raise ValueError(
                f"budget: it comes to {batches:,} batches; at most {limits.STEPS:,} are planned. Lower it, or "
                + ("accumulate" if budget.steps else "raise batch_tokens")
            )
        return self

    @model_validator(mode="after")
    def _can_stop(self) -> Self:
        if self.early_stopping is not None and self.early_stopping > self.checkpoints - 2:
            raise ValueError(
                f"early_stopping = {self.early_stopping} could never stop anything: a stage is validated checkpoints = "
                f"{self.checkpoints} times, and the last of them is its end. Set checkpoints to "
                f"{self.early_stopping + 2} or more"
            )
        return self


def check_trackers(config: TrainingConfig) -> None:
    """Raise MissingExtraError if the package of a tracker is not installed; nothing is imported."""
    for tracker in config.trackers:
        if not any(find_spec(package) for package in (tracker, *OTHER_PACKAGES.get(tracker, ()))):
            raise MissingExtraError(tracker, "tensorboard" if tracker == "tensorboard" else None)
