"""Who sends a request, and whether it comes from our own pages. For the pages:

- `current(request) -> User` is a dependency: `user: Annotated[User, Depends(access.current)]`. Without a login where one is
  needed it raises LoginNeeded; for pages, the app turns that into a redirect to `/logga-in?next=…`.
- Every form needs `<input type="hidden" name="csrf" value="{{ token(request) }}">`, every htmx or fetch request that changes
  anything the header `X-CSRF-Token` with the same value. The app checks it for all unsafe methods of the pages' router.
- `profile(request)` is the local profile's name or None; `set_profile(response, name)` keeps it (only without login).
- `sign_in(request, response, name, password)` and `sign_out(request, response)` (only with login).
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from pipeline.web.service import User, Workbench


def workbench(request: Request) -> Workbench:
    """The app's workbench."""
    bench: Workbench = request.app.state.workbench
    return bench


def login_mode(request: Request) -> bool:
    """Whether people log in with accounts (else: a local profile)."""
    raise NotImplementedError


def current(request: Request) -> User:
    """Who sends the request. Raises LoginNeeded where that must be told and is not."""
    raise NotImplementedError


def token(request: Request) -> str:
    """The token that a form of this visitor has to carry. Sets the visitor's cookie if there is none yet."""
    raise NotImplementedError


def profile(request: Request) -> str | None:
    """The name that the visitor has given, without login."""
    raise NotImplementedError


def set_profile(response: Response, name: str) -> None:
    """Keeps the visitor's name for a year; it signs corrections."""
    raise NotImplementedError


def sign_in(request: Request, response: Response, name: str, password: str) -> User:
    """Logs in. Raises Forbidden where name or password is wrong, TooMany after too many attempts."""
    raise NotImplementedError


def sign_out(request: Request, response: Response) -> None:
    """Ends the login on the server and removes the cookie."""
    raise NotImplementedError
