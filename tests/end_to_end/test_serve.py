"""`mindsmirror serve` as a process: it says where it answers, ends in peace, and says why it cannot begin."""

import json
import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import httpx2
import pytest
from end_to_end.conftest import Finished
from end_to_end.console import ENVIRONMENT, SCRIPT
from end_to_end.console import mindsmirror as command

import mindsmirror
from mindsmirror.errors import RecipeError

QUESTION = "Ann has 5 pens and Bo has 60 pens. How many pens has Ann?"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_end_answers_what_it_took(finished: Finished, number: signal.Signals) -> None:
    started = subprocess.Popen(
        [str(SCRIPT), "serve", str(finished.run), "--port", "0", "--json"],
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None and started.stderr is not None
    try:
        said = json.loads(started.stdout.readline())
        assert said["model"] == "tiny-mirror" and said["address"].startswith("http://127.0.0.1:")
        found: list[httpx2.Response] = []
        url = f"{said['address']}/v1/chat/completions"
        body = {"model": said["model"], "messages": [{"role": "user", "content": QUESTION}]}

        def ask() -> None:
            found.append(httpx2.post(url, json=body, timeout=60))

        ask()
        asking = threading.Thread(target=ask)
        asking.start()
        # The request that reads the counts is open, too.
        while "mindsmirror_open_requests 1.0" in httpx2.get(f"{said['address']}/metrics").text and len(found) == 1:
            pass
        started.send_signal(number)
        asking.join(60)
        assert started.wait(60) == 0
        expected = mindsmirror.ask(finished.run, QUESTION).text
        texts = [reply.json()["choices"][0]["message"]["content"] for reply in found if reply.status_code == 200]
        assert len(found) == len(texts) == 2 and set(texts) == {expected}
        errors = started.stderr.read()
        assert f"answers at {said['address']}" in errors and "Traceback" not in errors
    finally:
        started.kill()
        started.wait(60)
        started.stdout.close()
        started.stderr.close()


def test_what_keeps_it_from_beginning_is_said(finished: Finished, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = command("serve", finished.run, "--port", port, cwd=tmp_path)
    assert ended.code == RecipeError.exit_code and f"--port {port}: nothing can listen there" in ended.errors[0]
    ended = command("serve", finished.run, "--host", "0.0.0.0", "--json", cwd=tmp_path)
    assert ended.code == RecipeError.exit_code and "MINDSMIRROR_TOKEN" in json.loads(ended.out)["error"]
