"""Bulk creation: a place to upload lines of variables, a run over them, and a file with what each line came to.

Source: shopify.dev, "Perform bulk operations: import data in bulk".
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

import orjson

from sandbox.shopify.answers import Wrong, payload
from sandbox.shopify.customers import Given
from sandbox.shopify.operation import Call, Operation, read
from sandbox.shopify.world import Bulk, Upload, World, iso
from sandbox.web.answer import Json

STAGED, RESULTS = "/staged", "/bulk"
AT_ONCE = 5
"""Bulk mutations that may run side by side in a store, since 2026-01."""
MOST_BYTES = 20_000_000
"""Of a file: the smaller of the two numbers that are told."""
_LINKS_LIVE = 7 * 86_400.0


def stage(call: Call, given: Given) -> Json:
    """stagedUploadsCreate: where to send each file, and the form fields to send along."""
    targets = [_target(call.world, told, call.origin) for told in given["input"]]
    return payload("stagedTargets", targets)


def _target(world: World, told: Json, origin: str) -> Json:
    """A form takes the file only where a POST was asked for: without a word the schema means PUT."""
    key = f"tmp/{world.serial()}/bulk/{told['filename']}"
    fields = {"Content-Type": told["mimeType"], "success_action_status": "201", "acl": "private", "key": key}
    if told["httpMethod"] == "POST":
        world.uploads[key] = Upload(fields)
    parameters = [{"name": name, "value": value} for name, value in fields.items()]
    return {"url": f"{origin}{STAGED}", "resourceUrl": f"{origin}{STAGED}/{key}", "parameters": parameters}


def upload(world: World, content_type: str, body: bytes) -> int:
    """Take a multipart form with the given fields in the given order, the file last; 201, or 400 for any other."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)] if message.is_multipart() else []
    held: list[tuple[Any, bytes]] = [
        (part.get_param("name", header="content-disposition"), _content(part)) for part in parts
    ]
    found = world.uploads.get(dict(held).get("key", b"").decode())
    if found is None or len(body) > MOST_BYTES:
        return 400
    *fields, (last, lines) = held
    if last != "file" or fields != [(name, value.encode()) for name, value in found.fields.items()]:
        return 400
    found.lines = lines
    return 201


def _content(part: EmailMessage) -> bytes:
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""


def run(call: Call, given: Given, fields: Mapping[str, Any]) -> Json:
    """bulkOperationRunMutation: it begins at once and ends after a while; `fields` are those of all mutations."""
    world = call.world
    wrong = _refused(world, given)
    if wrong is not None:
        return payload("bulkOperation", None, [wrong])
    bulk = Bulk(world.serial(), world.now())
    world.bulks[bulk.id] = bulk
    operation = read(given["mutation"], None)
    shown = {**show(bulk, ""), "status": "CREATED"}
    bulk.status = "RUNNING"
    lines = world.uploads[given["stagedUploadPath"]].lines
    if isinstance(operation, Operation):
        world.later(world.settings.bulk_time, lambda: _carry_out(call, bulk, operation, fields, lines))
    return payload("bulkOperation", shown)


def _refused(world: World, given: Given) -> Wrong | None:
    operation = read(given["mutation"], None)
    field = ("mutation",)
    if isinstance(operation, str):
        return Wrong(f"Invalid bulk mutation: {operation}", field, "INVALID_MUTATION")
    if any(root.startswith("bulkOperation") for root in operation.roots):
        return Wrong("Bulk mutations cannot run bulk mutations", field, "INVALID_MUTATION")
    uploaded = world.uploads.get(given["stagedUploadPath"])
    if uploaded is None or not uploaded.lines:
        return Wrong("The JSONL file could not be found", ("stagedUploadPath",), "NO_SUCH_FILE")
    running = sum(bulk.status == "RUNNING" for bulk in world.bulks.values())
    if running >= AT_ONCE:
        return Wrong("A bulk mutation operation for this app and shop is already in progress", None, "LIMIT_REACHED")
    return None


def _carry_out(call: Call, bulk: Bulk, operation: Operation, fields: Mapping[str, Any], lines: bytes) -> None:
    """Every line on its own: what is wrong with one stands in its result and stops no other."""
    results = []
    for number, line in enumerate(lines.splitlines()):
        try:
            told = operation.execute(orjson.loads(line), fields, call)
        except (orjson.JSONDecodeError, TypeError):
            told = {"errors": [{"message": "Invalid JSON"}]}
        results.append(orjson.dumps({**told, "__lineNumber": number}))
    bulk.result = b"\n".join(results) + b"\n"
    bulk.objects, bulk.status, bulk.completed = len(results), "COMPLETED", call.world.now()
    told = {"admin_graphql_api_id": bulk.gid, "status": "completed", "type": "mutation", "error_code": None}
    call.world.emit("bulk_operations/finish", {**told, "completed_at": iso(bulk.completed)})


def look(call: Call, given: Given) -> Json | None:
    """bulkOperation(id)."""
    found = next((one for one in call.world.bulks.values() if one.gid == given["id"]), None)
    return show(found, call.origin) if found else None


def download(world: World, number: int) -> bytes | None:
    """The lines of a result; its link dies after seven days."""
    bulk = world.bulks.get(number)
    done = bulk is not None and bulk.completed is not None and world.now() - bulk.completed < _LINKS_LIVE
    return bulk.result if bulk is not None and done else None


def show(bulk: Bulk, origin: str) -> Json:
    """A bulk operation as the API shows it."""
    done = bulk.completed is not None
    return {
        "id": bulk.gid,
        "status": bulk.status,
        "errorCode": bulk.error,
        "objectCount": str(bulk.objects),
        "url": f"{origin}{RESULTS}/{bulk.id}.jsonl" if done else None,
        "partialDataUrl": None,
        "createdAt": iso(bulk.created),
        "completedAt": iso(bulk.completed) if bulk.completed is not None else None,
    }
