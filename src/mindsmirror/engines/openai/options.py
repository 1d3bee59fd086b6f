"""Parameters of the engine `openai`, and the address that it asks by default."""

from typing import Any

from pydantic import Field

from mindsmirror import limits
from mindsmirror.engines.config import Options

DEFAULT_BASE_URL = "https://api.openai.com/v1"
"""The address of a teacher if neither recipe nor environment gives one. It refuses requests without a key."""


class OpenAIOptions(Options):
    """Parameters of the engine `openai`."""

    neutral = frozenset({"concurrency", "timeout", "retries"})
    concurrency: int = Field(
        8, ge=1, le=limits.TOGETHER, description="requests at once, at most: the server's load decides"
    )
    timeout: float = Field(
        120.0, gt=0, le=limits.SECONDS, description="seconds for a whole reply; then the request counts as lost"
    )
    retries: int = Field(5, ge=0, le=limits.RETRIES, description="further attempts after a failure that may pass")
    extra: dict[str, Any] = Field(default_factory=dict, description="further fields of the request body")
