"""Schemathesis on the API's own description: whatever is sent, the server answers as described, and never with a fault."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from web_fixtures import Process, process, upload

schemathesis = pytest.importorskip("schemathesis")
from schemathesis import GenerationMode, checks  # noqa: E402

CHECKED = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = 6  # of each operation and kind


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with process(tmp_path_factory.mktemp("web")) as server:
        yield server


def tried(operation: Any, mode: Any) -> None:
    """Sends requests that are as described, or that are not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        case.call_and_validate(checks=CHECKED, timeout=60)

    with suppress(Unsatisfiable):  # nothing can be wrong in a request without parameters
        send()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda m: m.value)
def test_whatever_is_sent_is_no_server_error(server: Process, mode: Any) -> None:
    key = upload(server.client)["id"]
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    count = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for parameter in operation.path_parameters:
            if parameter.name == "report":  # one in which there is something to find
                parameter.definition["schema"] = {"type": "string", "enum": [key, "0" * 32, "x"]}
        if operation.method == "delete" and operation.path.endswith("{report}"):
            continue  # the others need it
        tried(operation, mode)
        count += 1
    assert count >= 20
    assert server.client.get(f"/api/v1/reports/{key}").status_code == 200
