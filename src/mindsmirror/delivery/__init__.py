"""What leaves a run for others to use: its annotations as a data set with a card.

`rows` is what a row says, `cards` the card, and `dataset` writes both in one of three formats.
"""

from mindsmirror.delivery.dataset import FORMATS, write_dataset

__all__ = ["FORMATS", "write_dataset"]
