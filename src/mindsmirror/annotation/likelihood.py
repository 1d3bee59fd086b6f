"""How likely a judge finds it that a rationale is correct: read off one token, before anything is written.

The judge sees solutions with one word about each, then the question and the solution to be judged. What counts is
not the word that it would write but P(correct) / (P(correct) + P(wrong)) where the two begin to differ, their first
token. That is P(True) of Kadavath et al. (2022, arXiv 2207.05221), with this project's words for it. A small model's
shares lean to one side whatever it reads, so they are calibrated before they become verdicts (`calibration`).
"""

import math
from collections.abc import Iterable

from mindsmirror.annotation.prompts import JUDGE_SYSTEM, Prompt, PromptSet, shown_solution
from mindsmirror.annotation.reading import WITHHELD, legible
from mindsmirror.annotation.store import Stored
from mindsmirror.engines.base import Alternative, Finish, Message, Sampling, Subject
from mindsmirror.records import Example, Parse, Purpose, SelfEvaluation, Verdict, VerdictSource

WORDS = {Verdict.CORRECT: "correct", Verdict.WRONG: "wrong"}
REQUEST = (
    "Is this solution correct? Check every step against the question, then answer with one word: correct or wrong."
)
# Of no temperature: a likelihood is not drawn, and asking for it again gives the same.
SAMPLING = Sampling(temperature=0.0, max_tokens=1, choices=tuple(WORDS.values()))
AROUND = " \t\r\n\"'*_`.#"
"""What may stand around a word, or with its beginning in a token."""


def likelihood_prompt(prompts: PromptSet, example: Example, rationale: str) -> Prompt:
    """Ask for one word on a solution; the words are not part of the set's hash, a sample's key covers them."""
    messages = [Message("system", JUDGE_SYSTEM)]
    for shot in prompts.judged:
        if shot.verdict in WORDS:
            messages.append(Message("user", shown_solution(shot.question, shot.rationale) + REQUEST))
            messages.append(Message("assistant", WORDS[shot.verdict]))
    shared = len(messages)
    messages.append(Message("user", shown_solution(example.text, rationale) + REQUEST))
    return Prompt(tuple(messages), shared, Subject(Purpose.SELF_EVALUATION, example.text, rationale))


def log_odds(alternatives: Iterable[Alternative]) -> float | None:
    """ln P(correct) − ln P(wrong) over the tokens that begin either word; None if none does.

    A word that is not among the alternatives is at most as likely as the least of them, and is taken to be that.
    """
    listed = [each for each in alternatives if math.isfinite(each.logprob)]
    sums = {}
    for verdict, word in WORDS.items():
        found = [each.logprob for each in listed if _begins(each.text, word)]
        if found:
            sums[verdict] = _log_sum(found)
    if not sums:
        return None
    least = min(each.logprob for each in listed)
    return sums.get(Verdict.CORRECT, least) - sums.get(Verdict.WRONG, least)


def read_likelihood(teacher: str, rationale: int, sample: int, found: Stored | str) -> SelfEvaluation:
    """Read what the judge gave; its verdict is the likelier word, until it is calibrated. There is no critique."""
    verdict, likelihood, parse, reason = Verdict.UNPARSED, None, Parse.OK, ""
    if isinstance(found, str):
        parse, reason = Parse.FAILED, legible(found)
    else:
        odds = log_odds(found.alternatives)
        if odds is not None:
            likelihood = share(odds)
            verdict = Verdict.UNCERTAIN if odds == 0 else Verdict.CORRECT if odds > 0 else Verdict.WRONG
        elif found.finish is Finish.FILTERED:
            parse, reason = Parse.REFUSED, WITHHELD
        elif found.alternatives:
            parse, reason = Parse.NO_ANSWER, "none of the likely first tokens begins a verdict"
        else:
            parse, reason = Parse.NO_ANSWER, "the reply came without probabilities"
    return SelfEvaluation(
        teacher=teacher,
        rationale=rationale,
        sample=sample,
        verdict=verdict,
        source=VerdictSource.LIKELIHOOD,
        parse=parse,
        reason=reason,
        likelihood=likelihood,
    )


def share(odds: float) -> float:
    """The probability whose log-odds these are."""
    return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))


def _begins(token: str, word: str) -> bool:
    begun = token.strip(AROUND).lower()
    return bool(begun) and (word.startswith(begun) or begun.startswith(word))


def _log_sum(logprobs: list[float]) -> float:
    most = max(logprobs)
    return most + math.log(sum(math.exp(each - most) for each in logprobs))
