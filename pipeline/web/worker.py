"""The child process that parses what strangers send: reading and parsing, within bounds on memory and time."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.drafting import Parsed, parse
from pipeline.reading import isolation
from pipeline.reading.limits import Limits
from pipeline.reading.reader import read_bytes
from pipeline.web import written

PARSED: TypeAdapter[Parsed] = TypeAdapter(Parsed)


@cache
def _catalogue(name: str) -> Catalogue:
    return catalogues.load(name)


def work(request: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """`{"catalogue", "sections": {…}}` or `{"catalogue", "path", "name"}` -> `{"parsed": …}`.

    `path` is a file of the server's own; `name` only helps to tell the format. Raises SpurError where the content is no
    report that the catalogue is for.
    """
    catalogue = _catalogue(request["catalogue"])
    if "sections" in request:
        found = written.parsed(request["sections"], catalogue)
    else:
        source = read_bytes(Path(request["path"]).read_bytes(), request["name"], limits)
        found = parse(source, catalogue)
    return {"parsed": PARSED.dump_python(found, mode="json")}


if __name__ == "__main__":
    isolation.main(work)
