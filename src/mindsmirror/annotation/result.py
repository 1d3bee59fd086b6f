"""What the annotation step of a run leaves behind: the result in its `done.json`, and what `annotate --json` prints."""

from typing import Self

from pydantic import Field

from mindsmirror.records import Purpose, Record, Usage


class Spent(Usage):
    """What all runs of the recipe's name have used, with two counts of this process."""

    estimated: int = Field(0, description="samples that count by our own upper bounds")
    wasted: int = Field(0, description="tokens of attempts that failed, and of samples that nobody asked for")


class AnnotationResult(Record):
    """How much of the annotation there is, and what it took."""

    questions: int = Field(description="questions that are annotated, at least in part")
    expected: int = Field(description="training and validation questions of the task")
    complete: int = Field(description="questions that lack nothing")
    found: int = Field(0, description="samples that were in the store")
    asked: int = Field(0, description="samples that were asked for and came")
    failed: int = Field(0, description="samples whose request failed")
    usable: int = Field(description="rationales that state an answer")
    reasons: dict[str, int] = Field(default_factory=dict, description="why requests failed, the most frequent reasons")
    unasked: int = Field(0, description="samples that were not asked for, because a cap of the budget was reached")
    steps: dict[Purpose, Usage] = Field(
        default_factory=dict, description="what the stored samples took, whoever paid for them; empty for a file"
    )
    paid: Spent = Spent()
    stopped: str = Field("", description="the cap at which it stopped before every question was complete")
    lacking: int = Field(0, description="questions that the file of annotations lacks")

    @property
    def final(self) -> bool:
        """Whether there is nothing left to ask for."""
        return self.failed == 0 and self.unasked == 0

    @property
    def samples(self) -> int:
        """Samples that are in the store."""
        return sum(usage.samples for usage in self.steps.values())

    def as_found(self) -> Self:
        """The result of a step that was done before: all samples were found, and none was asked for."""
        return self.model_copy(update={"found": self.samples, "asked": 0})

    def too_little(self, most_failed: float) -> str:
        """Why this is too little to train on, and what the server answered; empty if it is enough.

        `most_failed` is the share of the samples, in [0, 1], whose requests may fail.
        """
        came = self.samples
        answers = "; ".join(f"{number} times: {reason}" for reason, number in self.reasons.items())
        said = f" The server answered: {answers}." if answers else ""
        if self.failed > most_failed * (self.failed + came):
            return (
                f"{self.failed} of {self.failed + came} samples failed, more than annotation.max_failed = "
                f"{most_failed:g} allows.{said} Remove the cause and start the same command again: it asks for them "
                "again."
            )
        if self.usable == 0 and self.failed + came and not self.stopped:
            return (
                f"not one of {self.failed + came} replies can be used: none states an answer that can be read.{said} "
                "Look at the raw replies in the store's table `failures`, and at annotation.max_tokens and "
                "annotation.prompts."
            )
        return ""
