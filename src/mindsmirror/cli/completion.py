"""What a shell offers for an argument: names of recipes and runs, and files or folders beside them."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from mindsmirror.runs.shipped import purpose, shipped_recipes


class RecipePath(click.Path):
    """A recipe: its file, or the name of a shipped one."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The shipped recipes that begin so, each with what it is, and files."""
        known = shipped_recipes().items()
        named = [CompletionItem(name, help=purpose(path)) for name, path in known if name.startswith(incomplete)]
        return _with_paths("file", incomplete, named)


class RunPath(click.Path):
    """A run: its folder, or its name in the folder of --runs."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The runs that begin so in the folder of --runs, as far as it is typed already, and folders."""
        runs = Path(ctx.params.get("runs") or "runs")
        names = sorted(path.parent.name for path in runs.glob("*/recipe.json"))
        return _with_paths("dir", incomplete, [CompletionItem(name) for name in names if name.startswith(incomplete)])


class RecipeOrRunPath(click.Path):
    """A recipe or a run, by name, as a file or as a folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What is offered for a recipe, and the names that are offered for a run."""
        recipes = RecipePath().shell_complete(ctx, param, incomplete)
        return [*recipes, *RunPath().shell_complete(ctx, param, incomplete)[1:]]


def _with_paths(kind: str, incomplete: str, named: list[CompletionItem]) -> list[CompletionItem]:
    """Paths before names: bash forgets what came before the item that stands for paths."""
    return [CompletionItem(incomplete, type=kind), *named]
