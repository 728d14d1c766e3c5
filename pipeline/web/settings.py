"""How `spur serve` runs: where, for whom, with which model, within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from pipeline import catalogue as catalogues
from pipeline.report import SpurError
from pipeline.resources import assets

MEGA = 1_000_000
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Limits:
    """See `configs/serving/default.yaml`."""

    upload_megabytes: int
    job_megabytes: int
    job_files: int
    json_megabytes: int
    pages: int
    characters: int
    sentences: int
    section_characters: int
    read_seconds: int
    read_megabytes: int
    readers: int
    waiting: int
    patience_seconds: int
    session_hours: int
    login_attempts: int
    login_pause_seconds: int

    @classmethod
    def load(cls, path: Path | None = None) -> Limits:
        """The shipped limits, with those of a file in their place.

        Raises SpurError where a key is unknown or a value is no positive whole number.
        """
        shipped = assets("configs") / "serving" / "default.yaml"
        told = _read(shipped) | (_read(path) if path else {})
        names = {f.name for f in fields(cls)}
        for key, value in told.items():
            if key not in names:
                raise SpurError(f"{path}: okänd inställning {key!r}: se {', '.join(sorted(names))}")
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise SpurError(f"{path}: {key} ska vara ett heltal större än noll, inte {value!r}")
        return cls(**told)


def _read(path: Path) -> dict[str, int]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8")) or {}
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as e:
        raise SpurError(f"{path}: går inte att läsa ({e}): ange en YAML-fil") from e
    if not isinstance(raw, dict):
        raise SpurError(f"{path}: ska ha rader som  upload_megabytes: 25")
    return {str(k): v for k, v in raw.items()}


@dataclass(frozen=True)
class Settings:
    """`login`: everyone has to log in with an account (always so beyond loopback, unless a `token` is given).

    `hosts` are the names that requests may be addressed to, beside the loopback's and `host`. `store` as
    `Store.open` takes it. `secure`: browsers reach the server by https, so cookies are sent over nothing else.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    login: bool = False
    token: str | None = field(default=None, repr=False)
    secure: bool = False
    store: str | Path | None = None
    model: str | Path | None = None
    catalogue: str | Path = catalogues.DEFAULT
    spool: Path | None = None  # where files of batch jobs wait; by default in `home()`
    limits: Limits = field(default_factory=Limits.load)

    @property
    def loopback(self) -> bool:
        """Whether only programs on this machine can reach the server."""
        return self.host in ("127.0.0.1", "localhost", "::1")

    @property
    def protected(self) -> bool:
        """Whether a request must tell who sends it (login or bearer token)."""
        return self.login or self.token is not None
