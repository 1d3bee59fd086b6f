"""Where the words of a verdict differ: there its probability is read off."""

from mindsmirror.errors import ModelFileError
from mindsmirror.students.base import Student
from mindsmirror.students.text import VERDICT_WORDS


def first_difference(student: Student) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens that all verdict words begin with, and the next token of each word."""
    words = [student.target(word) for word in VERDICT_WORDS]
    shared = 0
    while len({word[: shared + 1] for word in words}) == 1:
        shared += 1
    following = tuple(word[shared] for word in words)
    if len(set(following)) < len(words):
        raise ModelFileError(
            f"this student's tokenizer splits the words {VERDICT_WORDS} so that their first tokens are alike: the "
            "probability of a verdict cannot be read off. Choose another student."
        )
    return words[0][:shared], following
