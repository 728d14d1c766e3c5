"""What can go wrong with a request, each with its HTTP status. Messages are Swedish and meant for people."""

from __future__ import annotations

from pipeline.report import SpurError


class WebError(SpurError):
    """A request that cannot be fulfilled; `status` is HTTP's, `title` what kind of fault it is."""

    status = 422
    title = "Uppgifterna går inte att använda"

    def __init__(self, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after  # seconds


class NotFound(WebError):  # noqa: N818 - named as HTTP names it
    """It does not exist, or belongs to another: which, is not told."""

    status, title = 404, "Finns inte"


class Forbidden(WebError):  # noqa: N818
    status, title = 403, "Inte tillåtet"


class LoginNeeded(WebError):  # noqa: N818
    status, title = 401, "Logga in"


class TooLarge(WebError):  # noqa: N818
    status, title = 413, "För stort"


class TooMany(WebError):  # noqa: N818
    status, title = 429, "För många försök"


class Busy(WebError):  # noqa: N818
    status, title = 503, "Upptaget"


class Lacking(WebError):  # noqa: N818
    """The installation lacks what is needed (an extra)."""

    status, title = 501, "Saknas i installationen"
