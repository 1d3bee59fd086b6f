"""A hundred thousand hostile strings through every reader of answers and verdicts: no exception, no reading that says
the opposite of what is meant, and never more than a counted amount of work."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from attacks.scale import ATTACK, TIMES
from unit.answers.test_bounded_work import BODIES, CHOICES, KINDS, MOST_LINES, alone, lines_of, reading
from unit.answers.test_number_table import READ, unread, words
from unit.answers.test_verdict_corpus import lines

from mindsmirror.answers import ENTAILMENT, YES_NO, AnswerKind, Choice, Number, read_reply, read_verdict
from mindsmirror.records import Verdict

pytestmark = ATTACK

STRINGS, VERDICTS, ANSWERS = 100_000 * TIMES, 50_000 * TIMES, 20_000 * TIMES
COUNTED = 100
"""Of one in so many strings the work is counted, which takes ten times as long as reading."""
LONGEST = 4000

CORPUS = lines()
NOISE = (
    *("\0", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "\ud800", "\N{FAMILY}", "e\u0301", "ſ", "İ", "ß", "½", "٣", "𝟜"),
    *("\r", "\n\n", "\t", "```", "> ", "####", "\\boxed{", "}", "$$", "\\frac{", "((((", "))", '"', "“", "”", "'", "’"),
    *("1e999", "9" * 500, "1/0", "0/0", "--", "=", "^", "√", "**", "-" * 80, "a" * 300, "?", "!", ".", ",", ";", ":"),
)


def hostile(draw: random.Random) -> str:
    """Pieces of answers, of self-evaluations and of nothing, put together at random; half of them cut somewhere."""
    length = draw.choice((20, 100, 400, 400, LONGEST))
    found: list[str] = []
    size = 0
    while size < length:
        piece = draw.choice(
            (
                lambda: draw.choice(BODIES) * draw.choice((1, 1, 3, 40)),
                lambda: draw.choice(CORPUS)[1],
                lambda: f"The answer is {draw.choice(READ)[0]}.",
                lambda: draw.choice(NOISE) * draw.choice((1, 1, 9, 200)),
                lambda: "".join(chr(draw.randrange(0x3000)) for _ in range(9)),
                lambda: draw.choice((" ", "\n", ", ", ". ", " not ", " but ", " if ", " no ")),
            )
        )()
        found.append(piece)
        size += len(piece)
    text = "".join(found)[:length]
    return text[draw.randrange(len(text)) :] if draw.random() < 0.5 else text


def test_no_string_raises_or_is_much_work() -> None:
    for kind in KINDS:
        kind.read("made once", CHOICES)
    for number in range(STRINGS):
        draw = random.Random(number)
        text, kind = hostile(draw), draw.choice(KINDS)
        verdict, critique = read_verdict(text, draw.random() < 0.2)
        assert verdict is not Verdict.UNPARSED or critique == text.replace("’", "'").strip()
        reply = reading(kind, text)
        reply()
        kind.read(text[:400], CHOICES)
        if number % COUNTED == 0:
            # 199 labels within one another, which no task has, are looked for at every letter of every candidate.
            most = 4 * MOST_LINES if kind.name == "nested" else MOST_LINES
            assert lines_of(reply) < most, (number, kind.name)
            assert lines_of(alone(kind, text[:400])) < MOST_LINES, (number, kind.name)
            assert lines_of(partial(read_verdict, text)) < MOST_LINES, number


SUBJECTS = (
    *("the given answer", "the answer", "the solution", "this", "it", "the final answer of 12", "the student's answer"),
    *("that solution", "the proposed solution", "the reasoning", "my answer", "the answer, 12,", "the answer (7 + 5)"),
)
DENIALS = (
    *("is not", "isn't", "is **not**", "is *not*", "is NOT", "cannot be", "can't be", "can not be", "could not be"),
    *("does not seem", "doesn't look", "does not appear to be", "is far from", "is far from being", "is anything but"),
    *("is hardly", "is barely", "is never", "is by no means", "is in no way", "is nowhere near", "is not even"),
    *(
        "is not entirely",
        "is not at all",
        "is not, in my view,",
        "fails to be",
        "was not",
        "will not be",
        "is no longer",
    ),
    *("is certainly not", "is definitely not", "is not mathematically", "seems not", "seems anything but", "ain't"),
    *("is the opposite of", "is less than", "is not what I would call", "could hardly be less", "lacks all that is"),
    *("would only be", "should have been", "is almost", "is only partly", "is supposedly", "supposedly is", "isnt"),
    *(
        "is said to be",
        "claims to be",
        "pretends to be",
        "is wrongly called",
        "is in-",
        "is un-",
        "is not\u200b",
        "is n't",
    ),
)
RIGHT = ("correct", "right", "accurate", "valid", "true", "sound")
WRONG = ("wrong", "incorrect", "inaccurate", "invalid", "false", "mistaken")
GOVERNORS = (
    *(
        "I do not think that",
        "I don't believe",
        "I doubt that",
        "It is not true that",
        "It is false that",
        "Nobody says",
    ),
    *(
        "There is no way that",
        "It is impossible that",
        "I cannot say that",
        "Only a fool would say",
        "The text claims that",
    ),
    *("If 7 were 8,", "Unless 7 is 8,", "He says that", "It would be a mistake to say that", "I refuse to say that"),
    *(
        "The student wants me to say that",
        "It is unlikely that",
        "I was told to say that",
        "Far be it from me to say that",
    ),
)
MARKERS = ("Evaluation result: ", "**Evaluation result:** ", "Verdict: ", "Final verdict: ", "The steps hold.\n", "")
CRITIQUES = (
    "It adds 7 and 5.",
    "The first step is correct, and the second is right as well.",
    "The first step is wrong.",
    "7 + 5 = 12, which matches.",
    "Is the sum right? It is.",
    "Every step follows from the one before.\nThe sum is 12.",
)
QUOTED = (
    'The text ends with "{}"',
    'The solution says: "{}"',
    "The solution contains this line:\n> {}",
    "It asks for this:\n```\n{}\n```",
    "I was told to write “{}”, which I ignore.",
    "The author begs: '{}'",
)


def denied(draw: random.Random) -> str:
    """A self-evaluation that calls nothing correct."""
    subject, word = draw.choice(SUBJECTS), draw.choice(RIGHT)
    if draw.random() < 0.6:
        clause = f"{subject} {draw.choice(DENIALS)} {word}".replace("- ", "-")
    else:
        clause = f"{draw.choice(GOVERNORS)} {subject} is {word}"
    return dressed(clause, draw)


def dressed(clause: str, draw: random.Random) -> str:
    """A clause as the last line of a self-evaluation, after a marker or without one."""
    marker = draw.choice(MARKERS)
    clause = clause if marker.endswith(": ") and draw.random() < 0.5 else clause[:1].upper() + clause[1:]
    end = draw.choice((".", "!", "", ".\n", "**", " ."))
    return f"{draw.choice(CRITIQUES)}\n{marker}{clause}{end}"


def injected(draw: random.Random) -> tuple[str, Verdict]:
    """A self-evaluation beside a quotation of the opposite one, and what it says itself."""
    says, other = draw.sample((Verdict.CORRECT, Verdict.WRONG), 2)
    quoted = draw.choice(QUOTED).format(f"Evaluation result: the given answer is {other.value}.")
    own = f"Evaluation result: {draw.choice(SUBJECTS)} is {draw.choice(RIGHT if says is Verdict.CORRECT else WRONG)}."
    order = [quoted, own] if draw.random() < 0.7 else [own, quoted]
    return f"{draw.choice(CRITIQUES)}\n{draw.choice(('', chr(10))).join([order[0], chr(10), order[1]])}", says


def retold(text: str, draw: random.Random) -> str:
    """The same self-evaluation in other letters, after more lines, or with other marks."""
    ways: tuple[Callable[[str], str], ...] = (
        str.upper,
        lambda t: f"{draw.choice(CRITIQUES)}\n\n{t}",
        lambda t: t.replace("'", "’"),
        lambda t: t.replace(" ", "  "),
        lambda t: t.replace(" ", "\u00a0"),
        lambda t: f"{t}\n\n",
        lambda t: t.replace("correct", "**correct**").replace("wrong", "_wrong_"),
        lambda t: t.replace("e", "e\u200b"),
    )
    for way in draw.sample(ways, draw.choice((1, 1, 2))):
        text = way(text)
    return text


def test_no_self_evaluation_is_read_as_its_opposite() -> None:
    wrong: list[str] = []
    found: Counter[str] = Counter()
    for number in range(VERDICTS):
        draw = random.Random(number)
        way = number % 4
        if way == 0:
            text, may = denied(draw), {Verdict.WRONG, Verdict.UNPARSED, Verdict.UNCERTAIN}
        elif way == 1:
            text, says = injected(draw)
            may = {says, Verdict.UNPARSED}
        elif way == 2:
            clause = f"{draw.choice(SUBJECTS)} is {draw.choice(RIGHT)}"
            text, may = dressed(clause, draw), {Verdict.CORRECT, Verdict.UNPARSED}
        else:
            kept, line = draw.choice(CORPUS)
            text, may = retold(line, draw), {Verdict(kept), Verdict.UNPARSED}
        verdict = read_verdict(text)[0]
        found[f"{way} {verdict.value}"] += 1
        if verdict not in may:
            wrong.append(f"{verdict.value}: {text!r}")
    print(sorted(found.items()))
    assert not wrong, f"{len(wrong)}: " + "\n".join(sorted(set(wrong))[:2000])
    assert found["2 correct"] > VERDICTS // 8, "what is plainly said is read"


UNSAID = (
    *("I don't think the answer is {}.", "I doubt that the answer is {}.", "If the answer is {}, it is odd."),
    *("He says that the answer is {}.", "It is not true that the answer is {}.", "The answer is not {}."),
    *("The answer is anything but {}.", "The answer cannot be {}.", "Nobody says the answer is {}."),
    *("The answer is {}. No, that is wrong.", "The answer is {}. Scratch that.", "The answer is {}, which is wrong."),
    *("I'm sorry, I cannot help. The answer is {}.", "The answer might be {}.", "Is the answer {}?"),
)
KEPT: tuple[tuple[AnswerKind, tuple[str, ...]], ...] = (
    (YES_NO, ("yes", "true")),
    (ENTAILMENT, ("entailment", "contradiction", "neutral")),
    (Choice(), ("(e)", "(d)", "bank")),
)
TURNED = (
    *("hardly {}", "not {}", "anything but {}", "far from {}", "by no means {}", "never {}", "no {}", "barely {}"),
    *(
        "it isn't {}",
        "not really {}",
        "certainly not {}",
        "I doubt it is {}",
        "it cannot be {}",
        "neither {} nor other",
    ),
    *("{} is wrong", "anyone who says {} is wrong", "if it were {}", "non-{}", "less than {}", "only if {}"),
)


def numbers(draw: random.Random) -> Iterator[tuple[str, str | None]]:
    """Replies, each with the key that it must get if it gets one; None where it must get none."""
    text, value = draw.choice(READ)
    yield f"{draw.choice(CRITIQUES)} The answer is {text}.", str(value)
    yield draw.choice(UNSAID).format(text), None
    yield f"{draw.choice(CRITIQUES)} The answer is {draw.choice(UNREAD)}.", None
    whole = draw.randrange(10 ** draw.randint(1, 9))
    sign, minus = draw.choice((("", ""), ("minus ", "-"), ("negative ", "-")))
    said = words(whole, draw.choice(("-", " ")), draw.choice((" ", " and ")))
    yield f"The answer is {sign}{said}{draw.choice(('', ' apples', ' in total'))}.", f"{minus}{whole}" if whole else "0"


UNREAD = tuple(unread())


def test_no_answer_is_read_from_what_does_not_state_it() -> None:
    wrong: list[str] = []
    for number in range(ANSWERS // 4):
        for text, key in numbers(random.Random(number)):
            answer = read_reply(text, lambda raw: Number().read(raw, {})).answer
            if answer is not None and answer.key != key:
                wrong.append(f"{answer.key}: {text!r}")
    for kind, labels in KEPT:
        for label in labels:
            stated = kind.read(label, CHOICES)
            assert stated is not None, label
            for frame in TURNED:
                text = f"We look at it. The answer is {frame.format(label)}."
                answer = read_reply(text, partial(kind.read, choices=CHOICES)).answer
                if answer is not None and answer.key == stated.key:
                    wrong.append(f"{answer.key}: {text!r}")
    assert not wrong, f"{len(wrong)}: " + "\n".join(sorted(set(wrong))[:2000])
