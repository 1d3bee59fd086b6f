"""How near the `openai` engine comes to the fastest that its HTTP client can do.

Peer: a bare asyncio loop over the same client, as many workers as the engine may have requests at once, that only
posts and reads JSON. The engine is driven as annotation drives it: requests are submitted while fewer samples than its
capacity are in flight, then it is polled. Both ask one server, a process of its own that answers every request after
`--latency` seconds. Interleaved pairs, median; the engine begins each time with few requests at once, as it does in
life. Prints one JSON line for each concurrency.

    python benchmarks/endpoint.py [--concurrency 8 64] [--seconds 4] [--latency 0.05] [--pairs 3]
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time

import httpx2
from ratio import median, print_line

from mindsmirror.engines.base import Finish, Message, Request, Sampling
from mindsmirror.engines.openai import OpenAIEngine
from mindsmirror.engines.openai.options import OpenAIOptions

EXAMPLES = "Q: A farmer has 3 hens and 2 cows. How many legs are there?\nA: 3 * 2 + 2 * 4 = 14. The answer is 14.\n" * 8
TEXT = "There are 5 ducks with 2 legs each and 4 pigs with 4 legs each, so 5 * 2 + 4 * 4 = 26. The answer is 26."


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float) -> None:
    """Answer every request of one connection with the same chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 300, "completion_tokens": 40}
    body = json.dumps({"id": "x", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    try:
        while True:
            asked = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(asked.partition(b"content-length:")[2].split(b"\r\n")[0]))
            await asyncio.sleep(latency)
            writer.write(head + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def serve(latency: float) -> None:
    """Listen on a free port, print it, and answer for ever."""
    server = await asyncio.start_server(lambda r, w: answer(r, w, latency), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def messages(index: int) -> tuple[Message, ...]:
    """A prompt as annotation writes it: examples that all share, and a question."""
    return (Message("system", EXAMPLES), Message("user", f"How many legs do {index} hens have?"))


def ours(url: str, concurrency: int, count: int) -> float:
    """Requests a second of the engine."""
    options = OpenAIOptions(concurrency=concurrency)
    with OpenAIEngine("tiny", {}, base_url=url, api_key_env="NO_SUCH_KEY", options=options) as engine:
        began = time.perf_counter()
        submitted = in_flight = 0
        while submitted < count or in_flight:
            while submitted < count and in_flight < engine.capacity:
                request = Request(str(submitted), messages(submitted), Sampling(), (f"{submitted:064x}",), 1)
                engine.submit(request)
                submitted, in_flight = submitted + 1, in_flight + 1
            for _, (done,) in engine.poll():
                assert done.finish is Finish.STOP, done.error
                in_flight -= 1
        return count / (time.perf_counter() - began)


async def bare(url: str, concurrency: int, count: int) -> float:
    """Requests a second of the bare loop."""
    numbers = iter(range(count))
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx2.AsyncClient(limits=limits, timeout=120) as client:

        async def work() -> None:
            for index in numbers:
                turns = [{"role": m.role, "content": m.content} for m in messages(index)]
                body = {"model": "tiny", "messages": turns, "max_tokens": 256, "temperature": 0.8}
                response = await client.post(f"{url}/chat/completions", json=body)
                assert response.json()["choices"][0]["message"]["content"]

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(concurrency)))
        return count / (time.perf_counter() - began)


def measure(url: str, concurrency: int, options: argparse.Namespace) -> None:
    """Measure one concurrency and print its line."""
    count = max(concurrency, int(options.seconds * concurrency / options.latency))
    ours(url, concurrency, count // 8 + 1)
    asyncio.run(bare(url, concurrency, count // 8 + 1))
    pairs = [(ours(url, concurrency, count), asyncio.run(bare(url, concurrency, count))) for _ in range(options.pairs)]
    ratios = [mine / plain for mine, plain in pairs]
    print_line(
        "endpoint",
        "bare httpx2 loop",
        ratios,
        concurrency=concurrency,
        latency=options.latency,
        requests=count,
        requests_per_second=median([mine for mine, _ in pairs], 1),
        peer_requests_per_second=median([plain for _, plain in pairs], 1),
    )


def main() -> None:
    """Start the server, measure, and print one JSON line for each concurrency."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[8, 64])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement, if the client were free")
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(serve(options.latency))
        return
    command = [sys.executable, __file__, "--serve", "--latency", str(options.latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
            for concurrency in options.concurrency:
                measure(url, concurrency, options)
        finally:
            server.kill()


if __name__ == "__main__":
    main()
