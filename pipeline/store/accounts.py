"""Accounts and logins of a server. Passwords are kept as argon2 hashes, logins as hashes of their cookies."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, cast

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from pipeline.report import SpurError
from pipeline.store.schema import AccountRow, LoginRow, now

Role = Literal["inspector", "quality", "admin"]
ROLES: tuple[Role, ...] = ("inspector", "quality", "admin")
SHORTEST, LONGEST = 10, 200  # characters of a password
_NAME = re.compile(r"[a-z0-9åäöéü][a-z0-9åäöéü._@-]{0,59}")


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    role: Role
    created: datetime
    disabled: datetime | None


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()  # the library's defaults follow RFC 9106


@cache
def _nobody() -> str:
    """The hash of a password that nobody has: checking it takes as long as checking a real one."""
    return _hasher().hash(secrets.token_hex(16))


def _account(row: AccountRow) -> Account:
    return Account(row.name, cast(Role, row.role), row.created, row.disabled)


def _name(name: str) -> str:
    wanted = name.strip().lower()
    if not _NAME.fullmatch(wanted):
        raise SpurError(
            f"kontonamnet {name!r}: 1 till 60 små bokstäver, siffror eller . _ @ -, först bokstav eller siffra"
        )
    return wanted


def _hashed(password: str) -> str:
    if not SHORTEST <= len(password) <= LONGEST:
        raise SpurError(f"lösenordet ska ha {SHORTEST} till {LONGEST} tecken")
    return _hasher().hash(password)


def _row(session: Session, name: str) -> AccountRow:
    row = session.get(AccountRow, _name(name))
    if row is None:
        raise SpurError(f"kontot {name} finns inte: se  spur accounts list")
    return row


def add(session: Session, name: str, role: str, password: str) -> Account:
    """Makes an account. Raises SpurError where the name is taken, or name, role or password will not do."""
    if role not in ROLES:
        raise SpurError(f"rollen {role!r}: välj en av {', '.join(ROLES)}")
    wanted = _name(name)
    if session.get(AccountRow, wanted) is not None:
        raise SpurError(f"kontot {wanted} finns redan")
    row = AccountRow(name=wanted, role=role, password=_hashed(password), created=now())
    session.add(row)
    session.flush()
    return _account(row)


def listed(session: Session) -> list[Account]:
    """All accounts by name, disabled ones too."""
    return [_account(r) for r in session.scalars(select(AccountRow).order_by(AccountRow.name))]


def usable(session: Session) -> int:
    """How many accounts can log in."""
    return session.scalar(select(func.count()).select_from(AccountRow).where(_enabled())) or 0


def _enabled() -> Any:
    return AccountRow.disabled.is_(None)


def disable(session: Session, name: str, disabled: bool = True) -> Account:
    """Lets an account log in no more (or again); its logins end, its reports stay."""
    row = _row(session, name)
    row.disabled = now() if disabled else None
    session.execute(delete(LoginRow).where(LoginRow.account == row.name))
    return _account(row)


def set_password(session: Session, name: str, password: str) -> Account:
    """Gives an account another password; its logins end."""
    row = _row(session, name)
    row.password = _hashed(password)
    session.execute(delete(LoginRow).where(LoginRow.account == row.name))
    return _account(row)


def set_role(session: Session, name: str, role: str) -> Account:
    """Gives an account another role."""
    if role not in ROLES:
        raise SpurError(f"rollen {role!r}: välj en av {', '.join(ROLES)}")
    row = _row(session, name)
    row.role = role
    return _account(row)


def checked(session: Session, name: str, password: str) -> Account | None:
    """The account, if the password is its own and it may log in. Takes as long where there is no such account."""
    row = session.get(AccountRow, name.strip().lower()[:60])
    try:
        _hasher().verify(row.password if row else _nobody(), password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return None
    return _account(row) if row is not None and row.disabled is None else None


# --- logins ---


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf8", "replace")).hexdigest()


def login(session: Session, account: str) -> str:
    """Begins a login; its secret, for the cookie."""
    cookie = secrets.token_urlsafe(32)
    session.add(LoginRow(key=_key(cookie), account=account, created=now(), used=now()))
    return cookie


def who(session: Session, cookie: str, hours: int) -> tuple[Account, bool] | None:
    """(whose login a cookie is, whether its use should be noted); None where it is none that holds."""
    login = session.get(LoginRow, _key(cookie))
    if login is None or now() - login.used > timedelta(hours=hours):
        return None
    row = session.get(AccountRow, login.account)
    if row is None or row.disabled is not None:
        return None
    return _account(row), now() - login.used > timedelta(minutes=5)


def note_use(session: Session, cookie: str) -> None:
    """The login was used now, so that it holds on."""
    login = session.get(LoginRow, _key(cookie))
    if login is not None:
        login.used = now()


def logout(session: Session, cookie: str) -> None:
    """Ends a login."""
    session.execute(delete(LoginRow).where(LoginRow.key == _key(cookie)))


def sweep(session: Session, hours: int) -> None:
    """Removes logins that hold no more."""
    session.execute(delete(LoginRow).where(LoginRow.used < now() - timedelta(hours=hours)))
