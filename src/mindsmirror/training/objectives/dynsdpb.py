"""DynSDPB's loss: agreement with the last batch. The student is its own teacher, one step old.

Half of every batch is the half that was new one step before (training/plan.py); one forward pass computes both. For
each token i of the repeated half, with the logits z' that were computed for it then and z now,

    loss_i = alpha_i * T_i^2 * KL(softmax(z'_i / T_i) || softmax(z_i / T_i))

and the mean over the repeated tokens of each task is added to that task's cross-entropy over all of them, as in DLB
(Shen et al., 2022, arXiv 2203.16172) and DynSDPB (Fu et al., 2024, arXiv 2411.16991). What was said before is
detached; under teacher forcing its tokens are those of now.

DynSDPB lowers alpha and raises T where the student is uncertain or discriminates badly; its formulae could not be read,
so these are ours. From p = softmax(z'): u = entropy / log V is its uncertainty, d = the most probable token's lead over
the next its discrimination, and c = (1 - u + d) / 2, in [0, 1], its certainty. Then alpha_i = weight * c, and
T_i = temperature * (2 - c): a certain student is held to all it said, an uncertain one softly to little.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from mindsmirror.methods.dynsdpb import Agreement
from mindsmirror.students.base import TASKS, Batch, Student, TokenisedTarget
from mindsmirror.students.flops import Component
from mindsmirror.training.objectives.base import LEARN, Objective, TokenLosses, joined
from mindsmirror.training.objectives.divergence import CHUNK, divergence

AGREE = 1
"""Index of the kind of loss."""


class DynSDPBObjective(Objective):
    """Likelihood of all tokens, and agreement on those that were in the batch one step before."""

    Parameters = Agreement
    kinds = (LEARN, "agree")
    repeats = True

    def __init__(self, student: Student, parameters: Agreement | None = None) -> None:
        super().__init__(student, parameters)
        self._said: dict[int, Tensor] = {}
        """Serial number of a batch to the logits of its new half."""

    def sums_likelihoods(self, batch: Mapping[str, Tensor]) -> bool:
        """Never: there is the divergence, too."""
        return False

    def collate(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> Batch:
        """The first `apart` families are repeated; `repeated` is how many predictions they have."""
        repeated = self.student.work(families[:apart])[Component.HEAD] if apart else 0
        return {**super().collate(families, apart), "repeated": torch.tensor(repeated)}

    def term_weights(self, families: Sequence[Sequence[TokenisedTarget]], apart: int = 0) -> list[float]:
        """The tokens of the first `apart` families count for agreement, too."""
        weights = super().term_weights(families, apart)
        for row in chain.from_iterable(families[:apart]):
            weights[AGREE * len(TASKS) + row.term % len(TASKS)] += sum(row.weights)
        return weights

    def losses(self, model: Any, batch: Mapping[str, Tensor]) -> TokenLosses:
        """Likelihoods of both halves, and the repeated half's agreement if it was seen before."""
        logits = self.student.logits(model, batch)
        nll = functional.cross_entropy(logits.float(), batch["target"], reduction="none")
        own = TokenLosses(nll, batch["weight"], batch["term"])
        serial, repeats, repeated = (int(batch[name]) for name in ("serial", "repeats", "repeated"))
        before = self._said.get(repeats)
        # Older ones are not asked for any more.
        self._said = {number: kept for number, kept in self._said.items() if number > repeats}
        self._said[serial] = logits[repeated:].detach().clone()
        if before is None:
            return own
        strength, temperature = self._softness(before)
        gap = strength * temperature**2 * divergence(before, logits[:repeated], temperature)
        return joined(own, TokenLosses(gap, batch["weight"][:repeated], _agree(batch["term"][:repeated])))

    def state(self) -> dict[str, Tensor]:
        """What was said of the halves that are still to be repeated."""
        return {str(serial): said.cpu() for serial, said in self._said.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        device = self.student.model.device
        self._said = {int(serial): said.to(device) for serial, said in state.items()}

    def _softness(self, before: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and T of each repeated token, [N] both."""
        sure = certainty(before) if self.parameters.dynamic else before.new_ones(len(before), dtype=torch.float32)
        return self.parameters.weight * sure, self.parameters.temperature * (2 - sure)


def _agree(term_N: Tensor) -> Tensor:
    """The term of agreement that belongs to the task of each term."""
    return AGREE * len(TASKS) + term_N % len(TASKS)


def certainty(logits_NV: Tensor) -> Tensor:
    """How sure each distribution is, [N], from 0 (all tokens are alike) to 1 (one has all the probability)."""
    found = []
    for logits in torch.split(logits_NV, CHUNK):
        log_p = torch.log_softmax(logits.float(), dim=-1)
        uncertainty = -(log_p.exp() * log_p).sum(-1) / math.log(log_p.shape[-1])
        first, second = log_p.topk(2, dim=-1).values.exp().unbind(-1)
        found.append((1 - uncertainty + first - second) / 2)
    return torch.cat(found) if found else logits_NV.new_zeros(0, dtype=torch.float32)
