"""The element around every plot: its size, and the words that stand for it where it is not seen."""

from html import escape


def drawing(width: int, height: int, name: str, title: str, described: str, body: str) -> str:
    """One `<svg>` of that size in CSS pixels.

    `name` makes its ids unique on a page; `title` and `described` are text, `body` is markup.
    """
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(described)}</desc>{body}</svg>'
    )
