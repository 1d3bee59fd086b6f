"""Every endpoint of the recipe: is it reachable, does it accept key and model, and what can it do?"""

from collections.abc import Iterator

from mindsmirror.doctor.case import Case
from mindsmirror.doctor.finding import Finding, failure, ok, skipped, warning
from mindsmirror.engines import engine_class
from mindsmirror.errors import EngineError

CHECK = "endpoint"


def check(case: Case) -> Iterator[Finding]:
    """A finding for each teacher behind an endpoint, from a few tiny samples."""
    remote = [config for _, config in case.asked() if engine_class(config.engine).address(config) is not None]
    if not remote:
        yield skipped(CHECK, "No teacher is behind an endpoint.")
    for config in remote:
        try:
            probe = engine_class(config.engine).probe(config)
        except EngineError as error:
            yield failure(CHECK, EngineError, str(error))
            continue
        if probe is None:
            yield skipped(CHECK, f"{config.model}: the engine {config.engine} cannot probe its server.")
            continue
        if probe.busy:
            yield warning(
                CHECK,
                f"The endpoint of {config.model} is reachable but busy ({probe.busy}).",
                "A run would wait. Check again later.",
            )
            continue
        listed = "" if probe.served is None or config.model in probe.served else ", which it does not list"
        able = {None: "not known", True: "yes", False: "no"}
        yield ok(
            CHECK,
            f"The endpoint takes the key and answers for {config.model}{listed}; a short reply takes "
            f"{probe.seconds:.2f} s. Several samples a request (n): {able[probe.n]}; log-probabilities of "
            f"alternatives: {able[probe.logprobs]}.",
            **probe._asdict(),
        )
