"""Runs the server until it is told to end, and then lets what was begun come to its end."""

import signal
import socket
from collections.abc import Callable

import uvicorn

from mindsmirror.errors import RecipeError
from mindsmirror.runs.student import TrainedStudent
from mindsmirror.server.app import make_app
from mindsmirror.server.config import ServerConfig

BACKLOG = 512


def listen(config: ServerConfig) -> socket.socket:
    """A socket at the server's address. RecipeError if it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)
    except OSError as error:
        raise RecipeError(
            f"--host {config.host} --port {config.port}: nothing can listen there: {error.strerror or error}. "
            "Name another with --port; 0 takes any that is free."
        ) from error
    return found


def address_of(listening: socket.socket) -> str:
    """Where a socket is asked."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def make_server(student: TrainedStudent, config: ServerConfig) -> uvicorn.Server:
    """The server, which runs once it is given a socket that listens."""
    settings = uvicorn.Config(
        make_app(student, config),
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=config.grace,
    )
    return uvicorn.Server(settings)


def serve(student: TrainedStudent, config: ServerConfig, ready: Callable[[str], None]) -> None:
    """Answer until SIGTERM or SIGINT; `ready` is told the address as soon as it is listened to.

    Then nothing new is taken, and what was taken has `config.grace` seconds. A second SIGINT ends it at once.
    """
    with listen(config) as listening:
        server = make_server(student, config)
        # uvicorn raises the signal again once it has ended in peace: by then it has done what it was meant to do.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        ready(address_of(listening))
        server.run(sockets=[listening])
