"""What reaches a log: what is named, and nothing else. And whose trace a request belongs to."""

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import propagate

from libs.kit.telemetry import MAY_BE_LOGGED, Joining, JsonLines, Text

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("formatter", [JsonLines("orders"), Text()])
def test_what_is_not_named_does_not_reach_a_log(formatter: logging.Formatter) -> None:
    given = {"topic": "orders.order", "authorization": "Bearer secret"}
    line = formatter.format(logging.makeLogRecord({"msg": "refused", "levelno": 20, "levelname": "INFO"} | given))
    assert "orders.order" in line
    assert "secret" not in line


def test_a_line_is_one_json_object_with_time_level_service_and_message() -> None:
    line = JsonLines("orders").format(logging.makeLogRecord({"msg": "two\nlines", "levelname": "ERROR"}))
    assert "\n" not in line
    assert json.loads(line).keys() == {"time", "level", "service", "logger", "message"}


def test_everything_that_our_code_logs_is_named() -> None:
    used = {key for folder in ("libs", "services") for path in (ROOT / folder).rglob("*.py") for key in _logged(path)}
    assert used == MAY_BE_LOGGED


def _logged(path: Path) -> Iterator[str]:
    """Keys of every `extra=` of a file; of a name, those of the dictionaries that it is given."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    given = [one.value for node in nodes if isinstance(node, ast.Call) for one in node.keywords if one.arg == "extra"]
    names = {node.id for one in given for node in ast.walk(one) if isinstance(node, ast.Name)}
    assigned = (node for node in nodes if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in names)
    for one in [*given, *(node.value for node in assigned)]:
        keys = (key for node in ast.walk(one) if isinstance(node, ast.Dict) for key in node.keys)
        yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


async def test_what_a_request_leads_to_belongs_to_its_trace_and_to_no_others() -> None:
    api = FastAPI()
    api.add_middleware(Joining)

    @api.get("/")
    async def here() -> dict[str, str]:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier

    traced = {"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01", "tracestate": "filiera=1"}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://probe") as client:
        for headers in (traced, {}, {"traceparent": "nonsense"}):
            assert (await client.get("/", headers=headers)).json() == (traced if headers == traced else {})
