"""Secrets stay out of every text, however a server repeats them."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engines.loopback import KEYS, SECRET, Behaviour, Server, ask, completion, engine_at, first_then, well

from mindsmirror.engines.address import public_url
from mindsmirror.engines.openai.redactor import LOOKED_AT, Redactor, secrets_of

PRINTABLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=40)


@given(PRINTABLE, st.text(max_size=7), st.text(max_size=7))
def test_a_secret_is_masked_in_whatever_form(secret: str, before: str, after: str) -> None:
    for coded in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1], secret.encode().hex()):
        assert coded not in Redactor([secret]).line(f"{before} {coded} {after}", 1000).replace("***", "\n")


@given(PRINTABLE, st.binary(max_size=9), st.binary(max_size=9), st.booleans())
def test_a_secret_within_something_else_in_base64_is_masked(
    secret: str, before: bytes, after: bytes, safe: bool
) -> None:
    encode = base64.urlsafe_b64encode if safe else base64.b64encode
    coded = encode(before + secret.encode() + after).decode()
    assert "***" in Redactor([secret]).line(coded, 1000)


@pytest.mark.parametrize("control", ["\x1b", "\x00", "\u200b", "\x9b", "\u2066", "\ud800"])
def test_control_characters_do_not_part_a_secret(control: str) -> None:
    assert Redactor([SECRET]).line(control.join(SECRET), 400) == "***"


@pytest.mark.parametrize("shown", [1, 4, 10, len(SECRET) - 1])
@pytest.mark.parametrize("filling", [" ", "\x1b", ".", " \x00"])
def test_nor_where_only_the_beginning_of_a_long_text_is_looked_at(shown: int, filling: str) -> None:
    text = (filling * LOOKED_AT)[: LOOKED_AT - shown] + SECRET + "." * 100
    assert SECRET[: min(shown, 4)] not in Redactor([SECRET]).line(text, LOOKED_AT)


def cuts(length: int) -> Behaviour:
    return lambda server, handler, body: handler.refuse(400, "." * length + SECRET)


@pytest.mark.parametrize("length", [370, 380, 385, 388, 391, 395, 980, 986, 990, 995, 3980, 3990])
def test_a_server_cannot_place_a_key_across_a_cut(server: Server, length: int) -> None:
    server.behaviour = first_then(well, cuts(length))
    with engine_at(server, retries=0) as engine:
        ask(engine, KEYS[0])
        error = ask(engine, KEYS[1])[0].error
    assert SECRET[:4] not in error and len(error) <= 400


@pytest.mark.parametrize("length", [0, 60, 80, 90, 95, 100])
def test_nor_in_a_reply_that_is_none(server: Server, length: int) -> None:
    server.behaviour = first_then(well, lambda s, h, b: h.send(200, b"[" + b'"' + b"." * length + SECRET.encode()))
    with engine_at(server, retries=0) as engine:
        ask(engine, KEYS[0])
        assert SECRET[:4] not in ask(engine, KEYS[1])[0].error


def test_a_key_that_a_reply_repeats_is_not_stored(server: Server) -> None:
    server.behaviour = lambda s, h, b: h.send(200, completion([f"Your key is {SECRET}. The answer is 4."]))
    with engine_at(server) as engine:
        assert ask(engine, KEYS[0])[0].text == "Your key is ***. The answer is 4."


def test_short_keys_leave_what_a_model_writes_as_it_is() -> None:
    redactor = Redactor(["none"])
    assert redactor.written("There are none.") == "There are none." and redactor.line("key none", 40) == "key ***"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hunter22@host/v1?api_key=hunter22", "https://host/v1"),
        ("me:hunter22@host/v1", "host/v1"),
        ("//me:hunter22@host/v1", "host/v1"),
        ("https:me:hunter22@host/v1", "host/v1"),
        ("https://me:hunter/22@host/v1", "host/v1"),
        ("https://me:1/hunter22@host/v1", "host/v1"),
        ("https://me:hunter22@host:99999/v1", "host:99999/v1"),
        ("https://me:hunter22@[host/v1", "[host/v1"),
        ("host/v1?key=hunter22", "host/v1"),
        ("https://host/v1/", "https://host/v1"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert public_url(url) == shown


@given(st.text(max_size=30), st.sampled_from(["", "http://", "https://", "//", "http:", "http:/"]), st.text(max_size=9))
def test_no_address_breaks_off_or_shows_its_password(password: str, scheme: str, rest: str) -> None:
    url = f"{scheme}me:hunter22{password}@host{rest}"
    assert isinstance(secrets_of(url), list)
    if not set("?#@") & set(password):
        assert "hunter22" not in public_url(url) or "hunter22" in rest


@pytest.mark.parametrize("port", ["99999", "-5", "0", "65536", "x", "1e3"])
def test_a_port_that_is_none_is_told(port: str) -> None:
    from mindsmirror.errors import EngineError

    with pytest.raises(EngineError, match=rf"base_url.*:{port}.* is not an address: .*port.*65535"):
        engine_at(f"http://127.0.0.1:{port}/v1")
