"""`spur serve`: the web page and the HTTP API."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import options
from pipeline.cli.output import error, existing, usage

if TYPE_CHECKING:
    from pipeline.web.settings import Settings

TOKEN = "SPUR_TOKEN"
SHORTEST_TOKEN = 20
_EVERYWHERE = ("0.0.0.0", "::", "")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Beyond this machine only with accounts or a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8000,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name that the server is reached by.")
    ] = None,
    login: Annotated[
        bool, typer.Option("--login", help="Everyone logs in, also on this machine (spur accounts add).")
    ] = False,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help=f"File with a bearer token for programs; else ${TOKEN}, if it is set."
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificate (PEM), for https.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key (PEM).")] = None,
    https: Annotated[
        bool, typer.Option("--https", help="A proxy in front of the server speaks https with browsers.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Limits, as in configs/serving/default.yaml.")
    ] = None,
    model: options.Model = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Opens the workbench: a web page in Swedish at /, and the HTTP API at /api/v1 (described at /openapi.json).

    Reports are kept in the archive ($SPUR_STORE, else in the user's data folder). Without login it answers only
    programs on this machine.
    """
    existing([p for p in (token_file, tls_cert, tls_key, config) if p is not None])
    if (tls_cert is None) != (tls_key is None):
        raise usage("ange både --tls-cert och --tls-key, eller ingen av dem")
    from pipeline.web.settings import Limits, Settings  # noqa: PLC0415

    settings = Settings(
        host=host,
        port=port,
        hosts=(*(allow_host or ()), *(_own_names() if host in _EVERYWHERE else ())),
        login=login,
        token=_token(token_file),
        secure=https or tls_cert is not None,
        model=model,
        catalogue=catalogue if not Path(catalogue).is_file() else Path(catalogue).absolute(),
        limits=Limits.load(config),
    )
    _run(_admitted(settings), tls_cert, tls_key)


def _own_names() -> tuple[str, ...]:
    """What this machine calls itself."""
    return (socket.gethostname(), socket.getfqdn())


def _token(file: Path | None) -> str | None:
    token = (file.read_text(encoding="utf8") if file else os.environ.get(TOKEN, "")).strip()
    if not token and file is None:
        return None
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise usage(
            f"token: minst {SHORTEST_TOKEN} tecken a-z, 0-9 och liknande, utan mellanslag, t.ex. av  "
            'python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return token


def _admitted(settings: Settings) -> Settings:
    """The settings, with login where it is needed. Ends the command where anyone could come in."""
    from dataclasses import replace  # noqa: PLC0415

    from pipeline.store import Store, accounts  # noqa: PLC0415

    with Store.open(settings.store) as store, store.read() as session:
        usable = accounts.usable(session)
    if settings.loopback and not settings.login:
        return settings
    if not usable and (settings.login or settings.token is None):
        raise usage(
            f"--host {settings.host}: utanför den egna datorn krävs konton eller en token: "
            "skapa ett konto med  spur accounts add NAMN --role admin  eller ange --token-file FIL"
            if not settings.login
            else "--login: det finns inga konton: skapa ett med  spur accounts add NAMN --role admin"
        )
    if not settings.loopback and not settings.secure:
        error(
            "varning: lösenord och rapporter skickas okrypterade: ange --tls-cert och --tls-key, "
            "eller --https bakom en proxy som talar https"
        )
    return replace(settings, login=usable > 0)


def _socket(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=512)
    except (OSError, UnicodeError) as e:
        what = getattr(e, "strerror", None) or e
        raise usage(
            f"{settings.host}:{settings.port}: går inte att öppna ({what}): välj en annan --port eller --host"
        ) from e


def _run(settings: Settings, cert: Path | None, key: Path | None) -> None:
    import uvicorn  # noqa: PLC0415

    from pipeline.web.app import create_app  # noqa: PLC0415

    with _socket(settings) as listening:
        application = create_app(settings)
        config = uvicorn.Config(
            application,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=20,
            ssl_certfile=cert,
            ssl_keyfile=key,
        )
        port = listening.getsockname()[1]
        shown = "localhost" if settings.host in _EVERYWHERE else settings.host
        shown = f"[{shown}]" if ":" in shown else shown
        print(f"spur: http{'s' if cert else ''}://{shown}:{port}/  (Ctrl+C avslutar)", flush=True)
        uvicorn.Server(config).run(sockets=[listening])
