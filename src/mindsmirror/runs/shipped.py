"""The recipes that the package brings: named without a path, wherever the package is installed."""

from pathlib import Path

from mindsmirror.errors import UnknownNameError

RECIPES = Path(__file__).parents[1] / "recipes"


def shipped_recipes() -> dict[str, Path]:
    """The files of the shipped recipes by their names, in the order of the alphabet."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.toml"))}


def recipe_file(given: str | Path) -> Path:
    """The file that is meant by a path, or by the name of a shipped recipe.

    A name has no folder and no ending; a file of that name in the current folder goes before. UnknownNameError lists
    the shipped recipes.
    """
    path = Path(given)
    if path.name != str(given) or path.suffix == ".toml" or path.is_file():
        return path
    known = shipped_recipes()
    if path.name not in known:
        raise UnknownNameError("shipped recipe", path.name, known)
    return known[path.name]


def purpose(recipe: Path) -> str:
    """What a shipped recipe says of itself: its first comment, below the line that names the schema."""
    with recipe.open(encoding="utf-8") as lines:
        return next(line for line in lines if line.startswith("# ")).removeprefix("# ").rstrip()
