"""`mindsmirror store check|copy|merge`: what a user can do with a store."""

from pathlib import Path

import click

from mindsmirror.cli.options import as_json, show

a_path = click.Path(path_type=Path)


@click.group("store", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """Check a store of replies, copy it, or merge others into it. Each takes --json.

    A store that is in use has a second file beside it, so copy it with `copy` and not by hand.
    """


@command.command("check")
@click.argument("store", type=a_path, help="The store's file.")
@click.option(
    "--set-aside",
    is_flag=True,
    help="Move damaged rows to another table of the file; the next run asks for their samples again.",
)
@click.option("--accept", is_flag=True, help="Accept a store that was copied without its log.")
@as_json
def check(store: Path, set_aside: bool, accept: bool, json_output: bool) -> None:
    """Read every row of STORE and list the damaged ones. The exit code is 15 if a run would refuse the store."""
    from dataclasses import asdict

    from mindsmirror.annotation.store.database import repair_advice
    from mindsmirror.annotation.store.maintenance import check_store
    from mindsmirror.errors import StorageError

    found = check_store(store, set_aside=set_aside, accept=accept)
    lines = [f"{number} rows in {table}" for table, number in found.rows.items()]
    lines += [f"SQLite: {fault}" for fault in found.structure]
    if found.structure:
        lines.append(repair_advice(store))
    lines += [f"damaged: {place}" for place in found.bad]
    if found.set_aside:
        lines.append(f"{found.set_aside} rows were set aside; the next run asks for the samples among them again")
    elif found.bad:
        lines.append("restore the store from a copy, or set these rows aside with --set-aside")
    if found.behind:
        lines.append(
            "the file was copied or moved without its log while it was in use: the replies paid for last are missing"
        )
        lines.append(
            "accepted as it is" if found.accepted else "copy it again with `store copy`, or accept it with --accept"
        )
    if found.usable:
        lines.append("the store is whole" if not found.bad and not found.behind else "the store can be used")
    show({**asdict(found), "usable": found.usable}, lines, json_output)
    if not found.usable:
        click.get_current_context().exit(StorageError.exit_code)


@command.command("copy")
@click.argument("store", type=a_path, help="The store's file.")
@click.argument("to", type=a_path, help="File to write.")
@as_json
def copy(store: Path, to: Path, json_output: bool) -> None:
    """Copy STORE to the file TO with everything that is committed. Runs may use the store meanwhile."""
    from mindsmirror.annotation.store.maintenance import copy_store

    rows = copy_store(store, to)
    lines = [f"{number} rows in {table}" for table, number in rows.items()]
    show({"store": str(to), "rows": rows}, [*lines, f"copy: {to}"], json_output)


@command.command("merge")
@click.argument("into", type=a_path, help="The store that takes the rows.")
@click.argument("stores", type=a_path, nargs=-1, required=True, help="The stores whose rows it takes.")
@as_json
def merge(into: Path, stores: tuple[Path, ...], json_output: bool) -> None:
    """Copy into INTO every row of STORES that it lacks. INTO is created if it does not exist.

    STORES are not changed. From a damaged store every undamaged row that can be read is taken.
    """
    from mindsmirror.annotation.store.maintenance import merge_store

    merged = []
    lines = []
    for store in stores:
        new = merge_store(into, store)
        merged.append({"store": str(store), **new})
        lost = new.pop("lost")
        lines.append(f"{store}: " + ", ".join(f"{number} new {table}" for table, number in new.items()))
        if lost:
            lines.append(f"{store}: {lost} damaged rows were left out")
    show({"into": str(into), "merged": merged}, [*lines, f"store: {into}"], json_output)
