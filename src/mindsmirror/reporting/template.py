"""The set-up that both pages share: templates with escaping on, numbers as the prose writes them, files to inline."""

import re
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from mindsmirror.reporting import formatting


def template(name: str) -> Template:
    """The template of that name; what is put into it is escaped unless it is Markup."""
    return _environment().get_template(name)


def inline(name: str) -> Markup:
    """The text of one of our own style sheets or scripts, to stand in a page as it is."""
    return Markup((files("mindsmirror.reporting") / "html" / name).read_text(encoding="utf-8"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mindsmirror.reporting", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=lambda share: _tight(formatting.percent(share)),
        points=lambda difference: formatting.points(difference).replace("-", "\N{MINUS SIGN}"),
        signed=_signed,
        score=formatting.score,
        p=formatting.p_value,
        count=formatting.count,
        usd=formatting.usd,
        powers=formatting.powers,
        memory=lambda size: _tight(formatting.memory(size)),
        duration=lambda seconds: _tight(formatting.duration(seconds)),
        tight=_tight,
        capital=lambda sentence: sentence[:1].upper() + sentence[1:],
    )
    return environment


def _signed(difference: float) -> str:
    return formatting.signed_points(difference).replace("-", "\N{MINUS SIGN}")


def _tight(text: str) -> str:
    """Text in which no number is parted from its unit, nor a relation from its number."""
    return re.sub(
        r"(?<=\d) (?=%|s\b|min\b|h\b|MiB\b|GiB\b|points\b)|(?<=[=<]) (?=\d)|(?<=\b[pn]) (?=[=<])",
        "\N{NO-BREAK SPACE}",
        text,
    )
