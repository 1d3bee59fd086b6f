"""What tests of several rooms share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

# A busy machine is no failure: how long an example takes is not what is tested.
hypothesis_settings.register_profile("ours", deadline=None)
hypothesis_settings.load_profile("ours")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder with a tiny model of the family that is named (tests/tiny.py), made once; not to be written to."""
    made: dict[tuple[object, ...], Path] = {}

    def folder(kind: str, **settings: Any) -> Path:
        import tiny

        key = (kind, *sorted(settings.items()))
        if key not in made:
            made[key] = tiny.save(kind, tmp_path_factory.mktemp("tiny") / kind, **settings)
        return made[key]

    return folder
