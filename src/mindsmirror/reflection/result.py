"""What drawing a student's own rationales leaves behind (`done.json`)."""

from pydantic import Field

from mindsmirror.records import Record


class DrawResult(Record):
    """How many rationales a student wrote, how many of them are right, and what writing them took."""

    student: str = Field(description="who wrote them, by the hash of its weights")
    questions: int
    samples: int
    answered: int = Field(description="those that state an answer")
    correct: int = Field(description="those that are judged correct")
    mended: int = Field(0, description="those beside them whose sums were put right")
    tokens: int = Field(description="tokens that the student wrote")
    flops: int = Field(description="of reading the questions and writing the rationales (students/flops.py)")
