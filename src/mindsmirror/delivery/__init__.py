"""Exports for others: a run's annotations as a data set with a card.

`rows` makes the rows, `cards` the card, and `dataset` writes both in one of three formats.
"""

from mindsmirror.delivery.dataset import FORMATS, write_dataset

__all__ = ["FORMATS", "write_dataset"]
