"""What a shell offers for an argument: names of recipes and runs, and files or folders beside them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mindsmirror.runs.shipped import purpose, shipped_recipes

Names = Callable[[click.Context], Mapping[str, str | None]]
"""The names that are known, each with what it stands for, if there is something to say."""


def recipe_names(ctx: click.Context) -> Mapping[str, str | None]:
    """The shipped recipes, each with what it is."""
    return {name: purpose(path) for name, path in shipped_recipes().items()}


def run_names(ctx: click.Context) -> Mapping[str, str | None]:
    """The runs in the folder of --runs, as far as it is typed already."""
    runs = Path(ctx.params.get("runs") or "runs")
    return dict.fromkeys(sorted(path.parent.name for path in runs.glob("*/recipe.json")))


class NamedPath(click.Path):
    """A path, where a name may be enough."""

    def __init__(self, kind: str, *names: Names) -> None:
        """`kind` is what a shell offers besides names: "file" or "dir"."""
        super().__init__(path_type=Path)
        self._kind, self._names = kind, names

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Paths, and the names that begin so. Paths first: bash forgets what came before the item for them."""
        known = [pair for names in self._names for pair in names(ctx).items()]
        named = [CompletionItem(name, help=told) for name, told in known if name.startswith(incomplete)]
        return [CompletionItem(incomplete, type=self._kind), *named]


class RecipePath(NamedPath):
    """A recipe: its file, or the name of a shipped one."""

    def __init__(self) -> None:
        super().__init__("file", recipe_names)


class RunPath(NamedPath):
    """A run: its folder, or its name in the folder of --runs."""

    def __init__(self) -> None:
        super().__init__("dir", run_names)


class RecipeOrRunPath(NamedPath):
    """A recipe or a run, by name, as a file or as a folder."""

    def __init__(self) -> None:
        super().__init__("file", recipe_names, run_names)
