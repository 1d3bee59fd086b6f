"""What a long job says of itself: its rate is that of the work, it fits the terminal, and it is never silent."""

import contextlib
import io
import signal
import threading
import time
import unicodedata
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from screens import Screen, words

from mindsmirror.system import progress
from mindsmirror.system.progress import Progress, Working, quietly, say
from mindsmirror.system.terminal import plain


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


def test_work_of_a_quiet_thread_is_not_shown_and_that_of_others_is(clock: Clock) -> None:
    stream = io.StringIO()
    with quietly(), Progress("answering", 2, "texts", stream) as shown, Working("judging", stream):
        for done in (0, 1, 2):
            clock.now += progress.LOG_SECONDS + 1
            shown.update(done)
        other = threading.Thread(target=lambda: Progress("training", 2, "steps", stream).update(1))
        other.start()
        other.join()
    assert [line.partition(":")[0] for line in stream.getvalue().splitlines()] == ["training"]


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


@pytest.fixture
def terminal() -> Iterator[Callable[[int], Screen]]:
    """Makes pseudo-terminals of so many columns."""
    with contextlib.ExitStack() as opened:

        def make(columns: int) -> Screen:
            screen = Screen(columns)
            opened.callback(screen.close)
            return screen

        yield make


TRAINING = "1043 tokens/s, loss 1.250 (predict 0.500, explain 2.000, judge 0.693)"
PAYING = "36 samples and 80 found, 812044 of 2000000 tokens, $0.0031 of $2 paid"


@pytest.mark.parametrize(
    ("columns", "training", "paying"),
    [
        (
            120,
            "mirror 2/2 judging: 120/400 steps, 2m20s left, 1043 tokens/s, "
            "loss 1.250 (predict 0.500, explain 2.000, judge 0.693)",
            "annotating: 120/400 questions, 2m20s left, 36 samples and 80 found, 812044 of 2000000 tokens, "
            "$0.0031 of $2 paid, 2/s",
        ),
        (
            80,
            "mirror 2/2 judging: 120/400 steps, 2m20s left, 1043 tokens/s, loss 1.250, 2/s",
            "annotating: 120/400 questions, 2m20s left, $0.0031 of $2 paid, 2/s, 1m00s",
        ),
        (
            60,
            "mirror 2/2 judging: 120/400 steps, 2m20s left, loss 1.250",
            "annotating: 120/400 questions, 2m20s left, 2/s, 1m00s",
        ),
        (30, "mirror 2/2 …: 120/400 steps", "annotating: 120/400 questions"),
        (18, "120/400 steps", "120/400 questions"),
    ],
)
def test_the_most_telling_figures_fit_the_terminal(
    columns: int, training: str, paying: str, clock: Clock, terminal: Callable[[int], Screen]
) -> None:
    for label, unit, note, expected in (
        ("mirror 2/2 judging", "steps", TRAINING, training),
        ("annotating", "questions", PAYING, paying),
    ):
        screen = terminal(columns)
        shown = Progress(label, 400, unit, screen.stream)
        for done in range(0, 121, 2):
            shown.update(done, note)
            assert len(screen.read()) == 1
            clock.now += 1
        clock.now -= 1
        shown.close(120, note)
        assert screen.read() == [expected, ""]
        assert screen.wraps == 0
        assert words(expected) <= words(f"{label} {label}: … …: 120/400 {unit} 2m20s left 2/s 1m00s {note}")


def test_a_window_that_is_resized_is_followed(clock: Clock, terminal: Callable[[int], Screen]) -> None:
    screen = terminal(120)
    shown = Progress("mirror 2/2 judging", 400, "steps", screen.stream)
    lengths = []
    for columns in (120, 60, 80, 40):
        screen.read()
        screen.resize(columns)
        screen.rows, wraps = [""], screen.wraps
        clock.now += 1
        shown.update(columns, TRAINING)
        [row] = screen.read()
        assert screen.wraps == wraps and len(row) < columns
        lengths.append(len(row))
    assert lengths[0] > lengths[2] > lengths[1] > lengths[3]


def test_a_message_takes_the_line_away_and_breaks_between_words(
    clock: Clock, terminal: Callable[[int], Screen], monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal(40)
    monkeypatch.setattr("sys.stderr", screen.stream)
    shown = Progress("annotating", 9, "questions")
    clock.now += 1
    shown.update(3)
    say("3 samples failed and are asked for again by the next `run`")
    clock.now += 1
    shown.update(4)
    rows = screen.read()
    assert rows[:2] == ["3 samples failed and are asked for", "again by the next `run`"]
    assert len(rows) == 3 and rows[2].startswith("annotating: 4/9 questions")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be still for longer than a moment."""
    for name in ("STILL_TERMINAL_SECONDS", "STILL_LOG_SECONDS"):
        monkeypatch.setattr(progress, name, 0.01)


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit, "it was not told of"
        time.sleep(0.005)


def alone() -> bool:
    return "progress" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.usefixtures("impatient")
def test_a_call_that_takes_long_is_told_of_in_a_log_and_in_a_terminal(terminal: Callable[[int], Screen]) -> None:
    out, screen = io.StringIO(), terminal(40)
    with Working("loading a model of a very long name indeed", out):
        wait_for(lambda: out.getvalue().count("\n") > 2)
    assert set(out.getvalue().splitlines()) <= {
        f"loading a model of a very long name indeed … {seconds}s" for seconds in range(60)
    }
    with Working("loading a model of a very long name indeed", screen.stream):
        screen.until(lambda screen: screen.rows[0].startswith("loading a model of a very long"))
    assert screen.read() == [""] and screen.wraps == 0
    wait_for(alone)


@pytest.mark.usefixtures("impatient")
def test_what_is_counted_is_shown_again_while_nothing_comes() -> None:
    out = io.StringIO()
    with Progress("annotating", 9, "questions", out) as shown:
        shown.update(4, "8 samples")
        wait_for(lambda: out.getvalue().count("\n") > 2)
        assert out.getvalue().splitlines()[-1].startswith("annotating: 4/9 questions, ")
        with Working("loading teacher", out):
            wait_for(lambda: "loading teacher … " in out.getvalue())
        before = len(out.getvalue())
        wait_for(lambda: "annotating: 4/9" in out.getvalue()[before:])
        assert "loading" not in out.getvalue()[before:]
        shown.close(9)
    assert out.getvalue().splitlines()[-1].startswith("annotating: 9/9 questions, ")


@pytest.mark.usefixtures("impatient")
def test_what_comes_meanwhile_is_looked_for() -> None:
    out, come = io.StringIO(), iter(range(10**9))
    with Progress("file", 90, "MB", out, still=lambda: f"{next(come)} MB on the way"):
        wait_for(lambda: out.getvalue().count("\n") > 2)
    lines = [line.split(", ")[-1] for line in out.getvalue().splitlines()]
    assert all(line.endswith(" MB on the way") for line in lines)
    assert len({line.split()[0] for line in lines}) == len(lines)


@pytest.mark.usefixtures("impatient")
def test_what_fails_leaves_its_line_and_is_told_of_no_more(terminal: Callable[[int], Screen]) -> None:
    screen = terminal(60)
    with contextlib.suppress(ZeroDivisionError), Progress("x", 9, "steps", screen.stream) as shown:
        shown.update(4)
        screen.until(lambda screen: "x: 4/9 steps" in screen.rows[0])
        raise ZeroDivisionError
    wait_for(alone)
    rows = screen.read()
    assert len(rows) == 2 and rows[0].startswith("x: 4/9 steps") and rows[1] == ""


@pytest.mark.usefixtures("impatient")
def test_a_stream_that_is_closed_does_no_harm() -> None:
    out = io.StringIO()
    with pytest.raises(ValueError, match="closed"), Progress("x", 9, "steps", out) as shown:
        out.close()
        wait_for(alone)
        shown.close(9)


def test_what_is_over_soon_says_nothing(terminal: Callable[[int], Screen]) -> None:
    out, screen = io.StringIO(), terminal(80)
    for stream in (out, screen.stream):
        with Working("loading", stream):
            pass
    assert out.getvalue() == "" and screen.read() == [""]


def test_of_several_processes_one_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for(alone)
    monkeypatch.setenv("RANK", "1")
    with Working("loading", io.StringIO()):
        assert alone()
    monkeypatch.setenv("RANK", "0")
    with Working("loading", io.StringIO()):
        assert not alone()
    wait_for(alone)


def test_steps_that_are_short_by_themselves_are_not_silent_together(clock: Clock) -> None:
    """Each begins where the last line is already old."""
    out = io.StringIO()
    told = []
    for number in range(9):
        step = Working(f"step {number}", out)
        clock.now += progress.STILL_LOG_SECONDS / 3
        step.beat()
        told.append(out.getvalue().count("\n"))
    assert told == [0, 0, 1, 1, 1, 2, 2, 2, 3]


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
