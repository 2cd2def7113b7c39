"""What a service says of itself."""

import http.client
import json
from typing import Any


def report(port: int, seconds: float = 2.0) -> dict[str, Any] | None:
    """The answer of /health/ready, ready or not; None if nobody answers in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/health/ready")
        answer = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return answer if isinstance(answer, dict) else None


def is_ready(port: int) -> bool:
    answer = report(port)
    return bool(answer and answer.get("ready"))
