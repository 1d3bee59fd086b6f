"""A request in flight: for engines whose samples arrive one by one."""

from dataclasses import dataclass, field

from mindsmirror.engines.base import Completion, Request


@dataclass(eq=False)
class InFlight:
    """A request, and its completions as far as they have arrived, by key."""

    request: Request
    arrived: dict[str, Completion] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether every sample has arrived."""
        return len(self.arrived) == len(set(self.request.keys))

    @property
    def completions(self) -> tuple[Completion, ...]:
        """One for each of the request's keys, in their order; a key that is asked for twice has the same twice."""
        return tuple(self.arrived[key] for key in self.request.keys)
