"""`mindsmirror schema`: the JSON Schema of a recipe, with everything that is installed."""

import click

from mindsmirror.cli.options import as_json


@click.command("schema")
@as_json
def command(json_output: bool) -> None:
    """Print the JSON Schema of a recipe, with the engines and methods of every installed package.

    Save it and name it in the first line of a recipe, `#:schema PATH`: editors that use Taplo complete and check keys
    by it. The output is JSON with and without --json.
    """
    from mindsmirror.runs.schema import as_text, recipe_schema

    click.echo(as_text(recipe_schema()), nl=False)
