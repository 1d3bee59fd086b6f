"""Does the engine compute what the teacher's file says? Held against Transformers' reading of the same file.

An engine may read a file without complaint and compute wrong logits: it then writes fluent text that is not the
model's. Engines give texts, and not all of them give logits, so the texts are what is compared. The engine continues
a few of the recipe's own prompts, always by the token that it holds most likely; Transformers then reads each reply
token by token. Where both compute the same, Transformers would have taken the same tokens, but for near ties:
OpenVINO on a sound Q4_K_M file agreed in 98 and 99 % of 124 tokens, with 0.040 and 0.005 nats between its tokens and
the first choice on average. On a Q4_1 file that it reads wrongly it was 82 % and 0.29 nats.
"""

import gc
from collections.abc import Iterator, Sequence
from itertools import islice

from pydantic import Field

from mindsmirror.annotation.prompts import Prompt
from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, failure, ok, skipped, warning
from mindsmirror.engines import Completion, Engine, Finish, Request, Sampling, TeacherConfig, open_engine, sample_key
from mindsmirror.engines.transformers import TransformersEngine
from mindsmirror.errors import EngineError, ModelFileError, UnknownNameError
from mindsmirror.models.locate import locate
from mindsmirror.records import Record
from mindsmirror.runs.checks import to_fetch
from mindsmirror.system.hardware import free_memory
from mindsmirror.system.progress import say

CHECK = "fidelity"
PREFIXES, TOKENS = 4, 32
GREEDY = Sampling(temperature=0.0, max_tokens=TOKENS)
DOUBTFUL_GAP, WRONG_GAP = 0.08, 0.15
"""Nats between the engine's tokens and the first choice, on average, from which on it is doubtful, or wrong."""
DOUBTFUL_AGREEMENT, WRONG_AGREEMENT = 0.9, 0.7
"""Shares of tokens that are the first choice below which it is doubtful, or wrong."""
FEWEST = 10
"""Tokens below which nothing is concluded."""
UNPACKED = 5
"""Times a GGUF's size: the memory that Transformers takes to read it."""


class Fidelity(Record):
    """How an engine's most likely tokens look to Transformers."""

    tokens: int
    agreement: float = Field(description="share of the tokens that are Transformers' first choice, too")
    gap: float = Field(description="nats by which a token lies below the first choice, on average")
    largest: float = Field(description="the largest such gap")
    prompts_differ: int = Field(description="prompts that the engine counted as another number of tokens")

    @property
    def wrong(self) -> bool:
        """Whether the two compute different models."""
        return self.gap >= WRONG_GAP or self.agreement < WRONG_AGREEMENT

    @property
    def doubtful(self) -> bool:
        """Whether near ties alone hardly explain the difference."""
        return self.gap >= DOUBTFUL_GAP or self.agreement < DOUBTFUL_AGREEMENT or self.prompts_differ > 0


def check(case: Case) -> Iterator[Finding]:
    """A line for each teacher that runs in this process; its model is loaded twice, one after the other."""
    lacking = {entry.name: f"{entry.bytes / 1e6:,.0f} MB" for entry in to_fetch(case.recipe, trains=False)}
    for _, config in case.asked():
        if not config.local:
            yield skipped(CHECK, f"{config.model}: the engine {config.engine} has no file to compare.")
        elif config.engine == "transformers":
            yield ok(CHECK, f"{config.model}: the engine is the reference itself.")
        elif config.path is None and config.model in lacking:
            size = lacking[config.model]
            yield skipped(CHECK, f"{config.model} is not on this machine yet ({size}): compare it once a run has it.")
        else:
            yield _checked(case, config)
    if not case.recipe.teacher:
        yield skipped(CHECK, "There is no teacher.")


def _checked(case: Case, config: TeacherConfig) -> Finding:
    need, free = _reading_memory(config), free_memory()
    if free is not None and need > free:
        return warning(
            CHECK,
            f"{config.model} was not compared: Transformers takes about {need / 2**30:.1f} GiB to read it, and "
            f"{free / 2**30:.1f} GiB are free.",
            "Look at its replies before you rely on them.",
        )
    took = f"about {need / 2**30:.1f} GiB and a minute or two; --skip fidelity leaves it out"
    say(f"comparing {config.engine} with Transformers on {config.model}: {took}")
    questions = list(islice(case.pipeline.task.splits.annotated(), PREFIXES))
    prompts = [case.pipeline.prompts.rationale(example) for _, example in questions]
    with open_engine(config) as engine:
        replies = greedy(engine, prompts)
    failed = next((reply.error for reply in replies if reply.finish is Finish.FAILED), None)
    if failed is not None:
        return failure(CHECK, EngineError, f"{config.model}: the engine {config.engine} fails: {failed}.")
    gc.collect()
    reference = TeacherConfig(model=config.model, path=config.path, engine="transformers")
    try:
        opened = open_engine(reference)
    except EngineError as error:
        text = f"{config.model} cannot be compared: {error}."
        return warning(CHECK, text, "Look at its replies before you rely on them.")
    with opened as transformers:
        assert isinstance(transformers, TransformersEngine)
        return verdict(config, compared(transformers, prompts, replies))


def greedy(engine: Engine, prompts: Sequence[Prompt]) -> list[Completion]:
    """The engine's most likely continuation of each prompt, in their order."""
    found: dict[str, Completion] = {}
    for number, prompt in enumerate(prompts):
        key = sample_key(engine.identity, prompt.messages, GREEDY, 0)
        engine.submit(Request(str(number), prompt.messages, GREEDY, (key,), prompt.shared))
    while len(found) < len(prompts):
        ended = engine.poll()
        if not ended:
            raise EngineError(f"the engine {engine.identity.get('engine')} gave {len(found)} of {len(prompts)} replies")
        found |= {request.id: completions[0] for request, completions in ended}
    return [found[str(number)] for number in range(len(prompts))]


def compared(reference: TransformersEngine, prompts: Sequence[Prompt], replies: Sequence[Completion]) -> Fidelity:
    """How the replies look to the reference."""
    read = [reference.follow(prompt.messages, reply) for prompt, reply in zip(prompts, replies, strict=True)]
    agrees = [agreed for followed in read for agreed in followed.agrees]
    gaps = [gap for followed in read for gap in followed.gaps]
    counts = [(reply.tokens_in, followed.prompt_tokens) for reply, followed in zip(replies, read, strict=True)]
    return Fidelity(
        tokens=len(gaps),
        agreement=sum(agrees) / max(1, len(agrees)),
        gap=sum(gaps) / max(1, len(gaps)),
        largest=max(gaps, default=0.0),
        prompts_differ=sum(theirs not in (0, ours) for theirs, ours in counts),
    )


def verdict(config: TeacherConfig, found: Fidelity) -> Finding:
    """What the comparison means."""
    figures = found.model_dump()
    what = f"{config.model}: {100 * found.agreement:.0f} % of {found.tokens} tokens of the engine {config.engine} are "
    what += f"Transformers' first choice, too, and {found.gap:.3f} nats lie between them on average"
    if found.tokens < FEWEST:
        text = f"{config.model}: the engine {config.engine} wrote {found.tokens} tokens, too few to tell anything."
        return warning(CHECK, text, "Look at its replies: is this a model that follows a conversation?", **figures)
    if found.wrong:
        text = f"{what}: it computes something else than the file says."
        advice = 'Take engine = "transformers", or a file of another quantisation (F16, Q8_0).'
        return failure(CHECK, EngineError, text, advice, **figures)
    if found.prompts_differ:
        text = f"{what}, but it reads {found.prompts_differ} prompts as another number of tokens."
        return warning(CHECK, text, "Its chat template or tokenizer is not that of the file.", **figures)
    if found.doubtful:
        return warning(CHECK, f"{what}: more than near ties explain.", "Compare by hand before a long run.", **figures)
    return ok(CHECK, f"{what}.", **figures)


def _reading_memory(config: TeacherConfig) -> int:
    """Bytes that Transformers takes to read the model, about; 0 where it lies nowhere on this machine."""
    try:
        path = locate(config.model, config.path)
    except (ModelFileError, UnknownNameError):
        return 0
    if path.is_file():
        return UNPACKED * path.stat().st_size
    return 2 * sum(file.stat().st_size for file in path.glob("*.safetensors"))
