"""Bulk publishing for whoever has a signed address and no token: the file is the command, by another way."""

import hashlib
from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response

from libs.contracts.capacity_answers import SignedUpload
from libs.contracts.capacity_questions import UploadKind
from libs.kit.errors import Conflict, Invalid, Problem
from libs.service.commands import Body, Command, Commanded, answers
from libs.service.idempotency import Asked
from libs.service.runtime import KitOf
from libs.uploads.files import TYPES, received
from services.capacity.api import bulk
from services.capacity.handlers import uploads
from services.capacity.handlers.bulk import Report

router = APIRouter(tags=["capacity"], route_class=bulk.InLanguage)
_FILE: dict[str, Any] = {name: {"schema": {"type": "string"}} for name in sorted(set(TYPES.values()))}
_DOES = {
    UploadKind.RESOURCES_CSV: ("POST /bulk/resources.csv", bulk.published),
    UploadKind.RESOURCE_CHANGES_CSV: ("PUT /bulk/resources.csv", bulk.changed),
    UploadKind.CALENDARS_ICS: ("POST /bulk/calendars.ics", bulk.imported),
}


class SignUpload(Body):
    """What kind of file is to be sent."""

    kind: UploadKind


@router.post("/uploads", **answers(SignedUpload))
async def sign(body: SignUpload, command: Commanded) -> Response:
    """Sign an address, which takes one file under the key of this command. Nothing is kept of it."""
    async with command.kit.database.read() as session:
        signed = await uploads.sign(session, command.caller, body.kind, command.asked.key)
    return Response(msgspec.json.encode(signed), media_type="application/json")


@router.put("/uploads", openapi_extra={"requestBody": {"content": _FILE, "required": True}}, **answers(Report))
async def take(request: Request, kit: KitOf) -> Response:
    """Take a file: `Authorization: Upload <signed>` says whose it is and what it does. It is the command of that route
    of `/bulk`, so that sent again by either way it is done once."""
    async with kit.database.read() as session:
        upload = await uploads.opened(session, request.headers.get("authorization", "").removeprefix("Upload "))
    body = await received(request, TYPES[upload.kind])
    route, does = _DOES[upload.kind]
    hashed = hashlib.sha256(f"{route}\n".encode())
    hashed.update(body)
    asked = Asked(upload.party, upload.key, hashed.digest())
    try:
        return await does(Command(kit, upload.caller, asked), body)
    except Problem as problem:
        raise _of_addresses(problem) from None


def _of_addresses(problem: Problem) -> Problem:
    """The same for whoever has an address, and no Idempotency-Key to change."""
    if problem.code == "KEY_REUSED":
        return Invalid(
            "Another file came to this address. Ask signUpload for a new one, for this file.", code=problem.code
        )
    if problem.code == "STILL_RUNNING":
        return Conflict("This file is being taken; send it again in a moment for the report.", code=problem.code)
    return problem
