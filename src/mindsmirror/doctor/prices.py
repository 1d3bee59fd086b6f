"""Money: missing prices, caps that stop a run at once, and what the whole annotation will cost."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from mindsmirror.annotation.budget import BudgetConfig, most
from mindsmirror.annotation.estimate import Estimate, Range
from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, failure, ok, skipped, warning
from mindsmirror.engines import TeacherConfig, engine_class
from mindsmirror.engines.address import address_fault, is_local
from mindsmirror.engines.base import Request, Sampling
from mindsmirror.errors import BudgetError
from mindsmirror.reporting.formatting import count, usd

CHECK = "prices"


def check(case: Case) -> Iterator[Finding]:
    """Prices and caps first, then the estimate that `--dry-run` shows."""
    if not case.recipe.teacher:
        yield skipped(CHECK, "The annotations come from a file and cost nothing.")
        return
    for number, config in case.asked():
        yield from _price(number, config)
    yield from _cap_of_one(case)
    if not case.samples and not case.pipeline.store.exists():
        yield ok(CHECK, f"{_wanted(case)}. Their price is unknown until some have been asked; --samples 4 asks four.")
        return
    yield _estimated(case.estimate, case.recipe.annotation.budget)


def _price(number: int, config: TeacherConfig) -> Iterator[Finding]:
    url = engine_class(config.engine).address(config)
    if url is None or address_fault(url) or is_local(urlsplit(url).hostname or ""):
        return
    key = f"teacher.{number}"
    if config.price is None:
        yield warning(
            CHECK,
            f"{key} ({config.model}) has no price: what it costs is unknown and cannot be capped in USD.",
            "Add price = { input = …, output = … }, in USD per million tokens.",
        )
    elif config.price.input == 0 or config.price.output == 0:
        side = "input" if config.price.input == 0 else "output"
        yield warning(CHECK, f"{key} ({config.model}): price.{side} is 0.", "Is it free? Caps in USD do not count it.")


def _cap_of_one(case: Case) -> Iterator[Finding]:
    """A cap that a single rationale may pass, if it fills `max_tokens`."""
    config = case.recipe.annotation
    first = next(case.pipeline.annotation_step.task.splits.annotated(), None)
    if first is None:
        return
    prompt = case.pipeline.prompts.rationale(first[1])
    request = Request("1", prompt.messages, Sampling(max_tokens=config.max_tokens), ("1",))
    costs = [most(request, writer.price) for writer in case.writers]
    dearest, longest = max(cost.usd or 0.0 for cost in costs), max(cost.tokens for cost in costs)
    for key, cap, one in (("usd", config.budget.usd, dearest), ("tokens", config.budget.tokens, longest)):
        if cap is not None and cap < one:
            shown = usd(one) if key == "usd" else f"{one} tokens"
            yield warning(
                CHECK,
                f"annotation.budget.{key} = {cap:g} is less than one rationale may cost ({shown}).",
                "Raise it: the run would stop after its first request.",
            )


def _wanted(case: Case) -> str:
    config, questions = case.recipe.annotation, case.pipeline.annotation_step.task.splits.annotated_count
    samples = questions * len(case.writers) * config.rationales * case.samples_a_rationale
    return f"{questions} questions, at most {samples} samples"


def _estimated(found: Estimate, budget: BudgetConfig) -> Finding:
    figures = found.model_dump(mode="json")
    if found.stopped:
        return failure(CHECK, BudgetError, f"A cap is reached: {found.stopped}.", "Raise it.", **figures)
    done = f"{found.stored} of at most {found.samples} samples are stored"
    if found.tokens_out is None or found.tokens_in is None or found.minutes is None:
        return ok(CHECK, f"{done}; the price of the rest is unknown until a question is complete.", **figures)
    cost = "" if found.usd is None else f"{usd(found.usd[0])} to {usd(found.usd[1])}, "
    rest = (
        f"{cost}{_counts(found.tokens_in)} tokens read, {_counts(found.tokens_out)} written, "
        f"{found.minutes[0]:.1f} to {found.minutes[1]:.1f} minutes"
    )
    passed = _passed(found, budget)
    if passed:
        advice = "The run will stop before the end (exit code 18). Raise the cap, or set task.train."
        return warning(CHECK, f"{done}; the rest will take {rest}, more than {passed} leaves.", advice, **figures)
    return ok(CHECK, f"{done}; the rest will take {rest}.", **figures)


def _passed(found: Estimate, budget: BudgetConfig) -> str:
    """The cap that will be passed even at the low end of the estimate; empty if none."""
    if budget.usd is not None and found.usd is not None and found.usd[0] > budget.usd - (found.paid_usd or 0.0):
        return f"annotation.budget.usd = {budget.usd:g}"
    low = (found.tokens_in or (0, 0))[0] + (found.tokens_out or (0, 0))[0]
    if budget.tokens is not None and low > budget.tokens - found.paid_tokens:
        return f"annotation.budget.tokens = {budget.tokens}"
    minutes = (found.minutes or (0.0, 0.0))[0]
    if budget.minutes is not None and minutes > budget.minutes - found.paid_minutes:
        return f"annotation.budget.minutes = {budget.minutes:g}"
    return ""


def _counts(bounds: Range) -> str:
    return f"{count(bounds[0])} to {count(bounds[1])}"
