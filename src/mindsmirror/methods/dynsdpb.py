"""DynSDPB (Fu et al., 2024, arXiv 2411.16991): the student is held to what it said of the last mini-batch.

A fine-tuning of labels and rationales in which half of every batch is that of one step before. For that half the
student is taught, beside the tokens, the distribution that it had for each of them one step earlier:

    L = CE(both halves)  +  alpha * T^2 * KL(softmax(z' / T) || softmax(z / T)) on the repeated half

with z' kept from the last step and detached (DLB, arXiv 2203.16172), and alpha and T dynamic: where the student was
uncertain or did not discriminate, it is held to less of what it said, and more softly. The targets are those of
multi_cot, and so are alpha as the weight of labels and `select`: the difference between the two arms is the agreement.

Departures. How alpha and T follow from uncertainty and discrimination could not be read, so the formulae are ours, for
each token by itself (training/objectives/dynsdpb.py); `agreement = { weight, temperature, dynamic = false }` is DLB.
Both halves go through the student in one forward pass, where DLB makes two. Batches are of whole questions, so halves
are equal in tokens, not in rows. The paper's correction of vocabularies is not needed: under teacher forcing a
token is the same token one step later. With gradients of several batches a step, "before" is one step, not one batch.
"""

from collections.abc import Sequence

from pydantic import Field

from mindsmirror import limits
from mindsmirror.methods.base import Method, Needs
from mindsmirror.methods.settings import ThinkingSettings
from mindsmirror.methods.targets import thinking_stage
from mindsmirror.records import Annotation, Record, Stage
from mindsmirror.tasks.base import Task


class Agreement(Record):
    """Half of every batch is that of one step before, and the student is held to what it said of it then.

    How much, and how sharply, goes by how certain it was (training/objectives/dynsdpb.py).
    """

    weight: float = Field(1.0, gt=0, le=limits.LARGEST, description="of the divergence where the student was certain")
    temperature: float = Field(
        3.0, gt=0, le=limits.LARGEST, description="at which distributions are compared where it was certain"
    )
    dynamic: bool = Field(True, description="weight falls and temperature rises with its uncertainty; else fixed")


class DynSDPBSettings(ThinkingSettings):
    """Those of multi_cot, and how strong the agreement is."""

    agreement: Agreement = Field(
        Agreement(), description="how much, and how sharply, the student is held to what it said one step before"
    )


class DynSDPB(Method[DynSDPBSettings]):
    """`predict: x -> label` and `explain: x -> rationale`, in agreement with the student of the last mini-batch."""

    settings = DynSDPBSettings
    needs = Needs(rationales=1)
    thinks = True

    def stages(self, annotations: Sequence[Annotation], task: Task, arm: DynSDPBSettings) -> tuple[Stage, ...]:
        """One stage, two tasks, each with its agreement."""
        stage = thinking_stage(annotations, task, arm, limit=None)
        return (stage.model_copy(update={"objective": "dynsdpb", "parameters": arm.agreement.model_dump()}),)
