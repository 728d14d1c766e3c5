"""The ASGI application: the API under /api/v1, the pages at /, static files under /static.

The pages are `pipeline.web.pages` (optional while it is built): it has `router: APIRouter`, and
`error_page(request, status: int, title: str, detail: str) -> Response` for browsers' errors outside the API.
Their form checks and security headers come from here.
"""

from __future__ import annotations

from fastapi import FastAPI

from pipeline.web.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The application. Its workbench (`app.state.workbench`) is opened here and closed with the app's lifespan.

    Raises SpurError where model, catalogue or store cannot be used.
    """
    raise NotImplementedError
