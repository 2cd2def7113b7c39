"""The mutation that asks for an address to send a file to."""

from datetime import datetime
from typing import Any

from strawberry import field

from libs.contracts.capacity_answers import SignedUpload
from libs.contracts.capacity_questions import UploadKind
from libs.graphql.services import Call
from libs.graphql.shapes import translated
from libs.graphql_commands.commands import mutation

_KIND = field(description="What the file does.", graphql_type=translated(UploadKind, {}))
_SIGNED = {
    "url": field(
        description="Where on this gateway the file is sent; no token goes with it. Whoever has it may send one: keep"
        " it as a password is kept.",
        graphql_type=str,
    ),
    "method": field(description="The HTTP method that it is sent with.", graphql_type=str),
    "content_type": field(description="The header `Content-Type` that it is sent with.", graphql_type=str),
    "max_bytes": field(description="No file may have more.", graphql_type=int),
    "expires_at": field(description="From then on it is refused; ask for another.", graphql_type=datetime),
    "idempotency_key": field(
        description="The key of this command, yours or the one made for it: ask by it for another address if this one"
        " is over and you do not know what came of the file.",
        graphql_type=str,
    ),
}


def _answer(_operation: Any, told: SignedUpload, body: dict[str, Any]) -> dict[str, Any]:
    limits = {"max_bytes": told.max_bytes, "expires_at": told.expires_at, "idempotency_key": body["idempotency_key"]}
    return {"url": f"/uploads/{told.signed}", "method": "PUT", "content_type": told.content_type} | limits


sign_upload = mutation(
    "signUpload",
    "As a workshop or lab: ask for an address to send a file to, by which thousands of resources are published or"
    " changed. The answer to the file tells line by line what became of it. The same file to the same address, or to"
    " another that was asked for with the same `idempotencyKey`, is taken once.",
    Call("capacity", "/uploads", SignedUpload),
    {"kind": _KIND},
    _SIGNED,
    _answer,
)
