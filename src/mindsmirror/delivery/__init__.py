"""Exports for others: trained students for other runtimes, and annotations as a data set, each with a card.

`dataset` writes annotations: `rows` makes the rows, `cards` the card. `student` writes a student in one of the
`formats`, loads it in its runtime (`runtimes/`), holds it against the trained one (`compare`, `fidelity`) and adds a
`model_card`. `push` brings either to the hub.
"""

from mindsmirror.delivery.dataset import FORMATS, write_dataset

__all__ = ["FORMATS", "write_dataset"]
