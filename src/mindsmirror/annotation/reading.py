"""From what the store holds to records: parsing happens here, on every run, and never at the store's door.

So a better parser costs nothing, and a sample without a usable reply is a record with the reason why.
"""

from collections.abc import Iterable

from mindsmirror.annotation.store import Stored
from mindsmirror.answers.base import Answer
from mindsmirror.answers.reply import read_reply, refuses
from mindsmirror.answers.verdict import read_verdict
from mindsmirror.engines.base import Finish
from mindsmirror.records import Example, Parse, Rationale, SelfEvaluation, Verdict, VerdictSource
from mindsmirror.tasks.base import Task

WITHHELD = "the endpoint withheld the reply"


def read_rationale(
    task: Task, example: Example, teacher: str, sample: int, found: Stored | str, repairs: int = 0
) -> Rationale:
    """Take a reply apart; `found` is the stored reply, or the reason why there is none.

    `repairs` is how many replies before it were asked for again.
    """
    if isinstance(found, str):
        return Rationale(
            teacher=teacher, sample=sample, text="", parse=Parse.FAILED, reason=legible(found), repairs=repairs
        )
    text = legible(found.text)
    reply = read_reply(text, lambda raw: task.read(example, raw), truncated=found.finish is Finish.LENGTH)
    withheld = reply.answer is None and found.finish is Finish.FILTERED
    return Rationale(
        teacher=teacher,
        sample=sample,
        text=text.strip(),
        reasoning=reply.reasoning,
        answer=reply.answer.text if reply.answer else None,
        parse=Parse.REFUSED if withheld else reply.parse,
        reason=WITHHELD if withheld else reply.reason,
        repairs=repairs,
        right=task.right(example, reply.answer) if reply.answer else None,
    )


def read_evaluation(
    teacher: str,
    rationale: int,
    sample: int,
    found: Stored | str,
    source: VerdictSource,
    known: Verdict | None,
    repairs: int = 0,
) -> SelfEvaluation:
    """Read a self-evaluation of a rationale; `known` is the verdict if it did not come from the judge's words.

    A critique that is cut short or missing keeps its known verdict and carries its own parse and reason.
    """
    verdict, critique, parse, reason = known or Verdict.UNPARSED, "", Parse.OK, ""
    if isinstance(found, str):
        parse, reason = Parse.FAILED, legible(found)
    else:
        critique = legible(found.text).strip()
        cut = found.finish is Finish.LENGTH
        if known is None:
            verdict, critique = read_verdict(critique, truncated=cut)
        if found.finish is Finish.FILTERED:
            parse, reason = Parse.REFUSED, WITHHELD
        elif cut:
            parse, reason = Parse.TRUNCATED, "the critique ran out of room"
        elif verdict is Verdict.UNPARSED and refuses(critique):
            parse, reason = Parse.REFUSED, "the model refuses"
        elif verdict is Verdict.UNPARSED:
            parse, reason = Parse.NO_ANSWER, "no verdict can be read for sure from its result"
        elif not critique:
            parse, reason = Parse.EMPTY, "there is no critique"
    return SelfEvaluation(
        teacher=teacher,
        rationale=rationale,
        sample=sample,
        verdict=verdict,
        source=source,
        critique=critique,
        parse=parse,
        reason=reason,
        repairs=repairs,
    )


def answers_of(example: Example, rationales: Iterable[Rationale], task: Task) -> dict[int, Answer]:
    """The answers that rationales reach, by sample; those that reach none are absent."""
    read = {r.sample: task.read(example, r.answer) for r in rationales if r.answer is not None}
    return {sample: answer for sample, answer in read.items() if answer is not None}


def legible(text: str) -> str:
    """`text` without lone surrogates, which JSON cannot hold; servers that cut an emoji in half send them."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
