"""A tiny student that is asked over HTTP, and OpenAI's own client to ask it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openai import OpenAI
from served import serving, student_folder

import mindsmirror
from mindsmirror.runs.student import TrainedStudent


@pytest.fixture(scope="session")
def student(tiny_folder: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> TrainedStudent:
    folder = student_folder(tiny_folder("llama", spread=0.1), tmp_path_factory.mktemp("served") / "student")
    return mindsmirror.load(folder)


@pytest.fixture(scope="session")
def address(student: TrainedStudent) -> Iterator[str]:
    with serving(student) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as found:
        yield found
