"""Replies that did not parse are asked for again: shown to their teacher with a request, or given more room.

A reply that was cut short is asked for again with twice the room, up to four times what the recipe gives. Any
other is put back as the teacher's own turn, followed by a short request. Refusals stand, and a request that
failed is the next run's to ask again. The words are not part of a prompt set's hash: the keys of repairs cover
them, and samples that need no repair do not depend on them.
"""

from mindsmirror.annotation.reading import legible
from mindsmirror.annotation.samples import SampleRequest
from mindsmirror.annotation.store import Stored
from mindsmirror.engines.base import Finish, Message
from mindsmirror.records import Parse, Purpose, Rationale, SelfEvaluation, Verdict, VerdictSource

MOST_REPAIRS = 3
"""Of a sample: beyond that a teacher that does not do as it is asked will not."""
MOST_ROOM = 4
"""Times the room of the first attempt."""
NOTHING = "(no reply)"
"""Stands for an empty reply: servers refuse a turn without words."""
REQUESTS = {
    Parse.EMPTY: "That was empty. Write the whole reply.",
    Parse.NO_ANSWER: "That does not end with its answer. Write the whole solution again, step by step, and end it "
    'with the sentence "The answer is …", in the form that was asked for.',
    Parse.BAD_ANSWER: "The answer at the end of that cannot be read. Write the whole solution again, step by step, "
    'and end it with the sentence "The answer is …", in the form that was asked for.',
    Parse.MISSED: "That does not end with an answer that was asked for. Write the whole solution again, step by step, "
    "and end it with such an answer.",
}
VERDICT_REQUEST = (
    "That does not end with its result. Write the judgement again and end it with the line "
    '"Evaluation result: the given answer is correct.", or wrong, or uncertain.'
)
WORDS = [REQUESTS, VERDICT_REQUEST, MOST_ROOM]
"""All that determines a repair, but for the reply that it repairs."""


def ask_again(sample: SampleRequest, reply: Stored, most: int) -> bool:
    """Add the next attempt at a sample whose last reply is `reply`; False if there is none.

    `most` is how many repairs a sample may have.
    """
    record, last = sample.record, sample.last
    if record is None or sample.repairs >= most or not mendable(record):
        return False
    if reply.finish is Finish.LENGTH:
        room = min(2 * last.sampling.max_tokens, MOST_ROOM * sample.attempts[0].sampling.max_tokens)
        if room == last.sampling.max_tokens:
            return False
        sample.ask_again(last.prompt, last.sampling.model_copy(update={"max_tokens": room}))
        return True
    turns = (
        Message("assistant", legible(reply.text).strip() or NOTHING),
        Message("user", _request(sample, record.parse)),
    )
    sample.ask_again(last.prompt._replace(messages=(*last.prompt.messages, *turns)), last.sampling)
    return True


def mendable(record: Rationale | SelfEvaluation) -> bool:
    """Whether a reply gave nothing to use and another might: it was neither refused nor did its request fail."""
    if isinstance(record, SelfEvaluation) and record.source is VerdictSource.LIKELIHOOD:
        # It is not drawn, so another reply would be the same.
        return False
    if isinstance(record, SelfEvaluation) and record.parse is Parse.EMPTY:
        # A judge that names its verdict and says no more has answered: another reply could only change its mind.
        return record.source is not VerdictSource.PLAIN or record.verdict is Verdict.UNPARSED
    return record.parse in (*REQUESTS, Parse.TRUNCATED)


def _request(sample: SampleRequest, parse: Parse) -> str:
    if sample.purpose is Purpose.SELF_EVALUATION and parse is Parse.NO_ANSWER:
        return VERDICT_REQUEST
    return REQUESTS[parse]
