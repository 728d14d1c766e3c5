"""`spur accounts`: who may log in to `spur serve`."""

from __future__ import annotations

import getpass
import json as jsons
import sys
from enum import StrEnum
from typing import Annotated

import typer

from pipeline.cli import options
from pipeline.cli.output import usage

app = typer.Typer(
    help="Accounts of `spur serve`, kept in the archive's database.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)
Name = Annotated[str, typer.Argument(metavar="NAME")]


class Role(StrEnum):
    inspector = "inspector"
    quality = "quality"
    admin = "admin"


RoleOption = Annotated[
    Role,
    typer.Option(help="An inspector sees their own reports; quality and admin see all."),
]


def _password() -> str:
    """Typed twice on a terminal; else the first line of stdin."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Lösenord: ")
    if getpass.getpass("En gång till: ") != first:
        raise usage("lösenorden är olika: försök igen")
    return first


@app.command()
def add(name: Name, *, role: RoleOption = Role.inspector) -> None:
    """Makes an account. The password is asked for, or is the first line of stdin."""
    from pipeline.store import Store, accounts  # noqa: PLC0415

    with Store.open() as store, store.write() as session:
        account = accounts.add(session, name, role.value, _password())
    print(f"{account.name}: konto skapat ({account.role})")


@app.command("list")
def list_(json: options.Json = False) -> None:
    """Lists the accounts by name."""
    from pipeline.store import Store, accounts  # noqa: PLC0415

    with Store.open() as store, store.read() as session:
        found = accounts.listed(session)
    for a in found:
        if json:
            told = {"name": a.name, "role": a.role, "disabled": a.disabled is not None}
            print(jsons.dumps(told, ensure_ascii=False))
        else:
            print(f"{a.name}  {a.role}{'  avstängt' if a.disabled else ''}")
    if not found and not json:
        print("Inga konton: skapa ett med  spur accounts add NAMN --role admin")


@app.command()
def disable(
    name: Name,
    *,
    undo: Annotated[bool, typer.Option("--undo", help="Let it log in again.")] = False,
) -> None:
    """Lets an account log in no more; its reports stay."""
    from pipeline.store import Store, accounts  # noqa: PLC0415

    with Store.open() as store, store.write() as session:
        account = accounts.disable(session, name, not undo)
    print(f"{account.name}: {'öppet igen' if undo else 'avstängt'}")


@app.command()
def password(name: Name) -> None:
    """Gives an account another password; who is logged in with it has to log in again."""
    from pipeline.store import Store, accounts  # noqa: PLC0415

    with Store.open() as store, store.write() as session:
        account = accounts.set_password(session, name, _password())
    print(f"{account.name}: nytt lösenord")


@app.command()
def role(name: Name, role: Annotated[Role, typer.Argument()]) -> None:
    """Gives an account another role."""
    from pipeline.store import Store, accounts  # noqa: PLC0415

    with Store.open() as store, store.write() as session:
        account = accounts.set_role(session, name, role.value)
    print(f"{account.name}: {account.role}")
