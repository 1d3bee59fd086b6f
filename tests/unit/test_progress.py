"""What a long job says of itself: its rate is that of the work, not of what came before it."""

import contextlib
import io
import signal
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindsmirror import progress
from mindsmirror.progress import Progress, plain, say


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def test_neither_loading_nor_what_was_done_before_counts_for_the_rate(clock: Clock) -> None:
    out = io.StringIO()
    shown = progress.Progress("annotating", 90, "questions", out)
    clock.now += 60
    shown.update(30)
    clock.now += 20
    shown.update(40, "some tokens")
    first, second = out.getvalue().splitlines()
    assert first == "annotating: 30/90 questions, 0/s, 1m00s"
    assert second == "annotating: 40/90 questions, 0.5/s, 1m20s, 1m40s left, some tokens"


def test_what_is_found_done_is_shown_and_has_no_rate(clock: Clock) -> None:
    out = io.StringIO()
    shown = progress.Progress("annotating", 90, "questions", out)
    for done in (10, 20, 30):
        clock.now += 10
        shown.found(done)
    clock.now += 20
    shown.update(40)
    clock.now += 20
    shown.update(50)
    assert out.getvalue().splitlines() == [
        "annotating: 20/90 questions found done, 20s",
        "annotating: 40/90 questions, 0/s, 50s",
        "annotating: 50/90 questions, 0.5/s, 1m10s, 1m20s left",
    ]


def test_lines_are_rare_in_a_log_and_the_last_state_is_shown_once(clock: Clock) -> None:
    out = io.StringIO()
    shown = progress.Progress("x", 100, "steps", out)
    for done in range(1, 101):
        clock.now += 1
        shown.update(done)
    shown.close(100)
    shown.close(100)
    lines = out.getvalue().splitlines()
    assert len(lines) == 100 // progress.LOG_SECONDS + 1
    assert lines[-1].startswith("x: 100/100 steps, 1/s, ")


def test_an_interruption_that_was_dropped_ends_the_job_all_the_same() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        progress.heed_interrupts()
        heeding = signal.getsignal(signal.SIGINT)
        shown = progress.Progress("x", 9, "steps", io.StringIO())
        shown.update(1)
        # As Python does with what a finaliser raises.
        with contextlib.suppress(KeyboardInterrupt):
            assert callable(heeding)
            heeding(signal.SIGINT, None)
        with pytest.raises(KeyboardInterrupt):
            shown.update(2)
        progress.heed_interrupts()
        shown.update(3)
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0s"), (42, "42s"), (187, "3m07s"), (7500, "2h05m")])
def test_a_person_reads_the_time(seconds: float, said: str) -> None:
    assert progress.clock(seconds) == said


HOSTILE = "\x1b[2J\x1b]0;title\x07done\r\x9b31m\x08\u202e\u2066\u200b\ud800\x00"


def test_no_text_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain(HOSTILE) == "[2J]0;titledone31m"
    assert plain("a\tb\nÄ 数 👨‍👩‍👧") == "a\tb\nÄ 数 👨‍👩‍👧"
    say(HOSTILE)
    stream = io.StringIO()
    Progress("asking", 2, "questions", stream).close(1, HOSTILE)
    for text in (capsys.readouterr().err, stream.getvalue()):
        assert text.endswith("[2J]0;titledone31m\n") and text.rstrip("\n").isprintable()


@given(st.text(st.characters()))
def test_what_is_plain_stays_so(text: str) -> None:
    found = plain(text)
    assert plain(found) == found and not any(unicodedata.category(c) in ("Cc", "Cs") for c in found if c not in "\n\t")
