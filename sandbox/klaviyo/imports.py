"""Bulk import jobs: taken whole or not at all, worked off later in no promised order, with late failures."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson

from sandbox.klaviyo import check, filters, render
from sandbox.klaviyo.answer import Problem, Request, ok, refuse, unknown
from sandbox.klaviyo.people import patch
from sandbox.klaviyo.world import Job, World
from sandbox.web.answer import Answer, Json

KIND = "profile-bulk-import-job"
MOST = 10_000
_ROWS = "/data/attributes/profiles/data"


def submit(world: World, request: Request) -> Answer:
    """POST /api/profile-bulk-import-jobs: one bad row refuses the whole request; else 202 with a queued job."""
    data = check.document(request.body, KIND)
    rows = check.rows(data, MOST)
    lists = [item.get("id") for item in check.dig(data, "relationships", "lists", "data") or ()]
    refuse([*_problems(world, rows, request.size), *_unknown_lists(world, lists)])
    job = Job(f"import-{world.serial()}", KIND, world.now(), len(rows), tuple(lists))
    answer = ok({"data": render.job(job), "links": {"self": f"{render.HOST}/api/{KIND}s"}}, 202)
    _schedule(world, job, rows)
    return answer


def get(world: World, request: Request) -> Answer:
    """GET /api/profile-bulk-import-jobs/{id}."""
    job = _job(world, request)
    related = {"related": f"{render.HOST}/api/{KIND}s/{job.id}/import-errors"}
    lists = {"data": [{"type": "list", "id": identity} for identity in job.lists]}
    resource = {**render.job(job), "relationships": {"lists": lists, "import-errors": {"links": related}}}
    return render.one(resource, request.path)


def listing(world: World, request: Request) -> Answer:
    """GET /api/profile-bulk-import-jobs, filtered by status."""
    tests = filters.tests(request, {"status": filters.IS})
    jobs = [job for job in world.jobs.values() if job.kind == KIND and all(job.status in t.values for t in tests)]
    return render.page(jobs, request, render.job)


def errors(world: World, request: Request) -> Answer:
    """GET /api/profile-bulk-import-jobs/{id}/import-errors."""
    return render.page(_job(world, request).errors, request)


def _job(world: World, request: Request) -> Job:
    job = world.jobs.get(request.ids[0])
    if job is None or job.kind != KIND:
        raise unknown(KIND, request.ids[0])
    return job


def _problems(world: World, rows: list[Any], size: int) -> Iterator[Problem]:
    """What is wrong with each row, pointing at it."""
    sms = bool(world.settings.sms_prefixes)
    for place, row in enumerate(rows):
        yield from check.profile(row, f"{_ROWS}/{place}", sms=sms)
        if size > check.PROFILE_LIMIT and len(orjson.dumps(row)) > check.PROFILE_LIMIT:
            yield Problem("A profile must not be larger than 100 kB.", f"{_ROWS}/{place}")


def _unknown_lists(world: World, lists: list[str]) -> Iterator[Problem]:
    for identity in lists:
        if identity not in world.rolls:
            yield Problem(f"A list with id {identity} does not exist.", "/data/relationships/lists")


def _schedule(world: World, job: Job, rows: list[Any]) -> None:
    """Queue it: each job takes its own time, so a later one may end first."""
    plan = world.sabotage
    if plan.forget > 0:
        plan.forget -= 1
    else:
        world.jobs[job.id] = job
    seconds = world.settings.job_time * (0.5 + world.random.random())
    world.later(seconds / 3, partial(_begin, world, job))
    if plan.never_end > 0:
        plan.never_end -= 1
    else:
        world.later(seconds, partial(_finish, world, job, rows))


def _begin(world: World, job: Job) -> None:
    job.started = world.now()


def _finish(world: World, job: Job, rows: list[Any]) -> None:
    """Write every row, in an order of its own; nulls are passed over."""
    world.random.shuffle(rows)
    for row in rows:
        _write(world, job, row)
    job.completed = world.now()


def _write(world: World, job: Job, row: Json) -> None:
    attributes, now = row.get("attributes", {}), world.now()
    problem = _late_failure(world, attributes)
    found = world.people.match(row.get("id"), attributes)
    if problem is None and found.other is not None:
        problem = Problem("A profile already exists with one of these identifiers.", code="duplicate_profile")
    if problem is not None:
        job.errors.append(_import_error(problem, attributes))
        return
    profile = found.profile or world.people.create(now)
    world.people.write(profile, attributes, now, clear=False)
    if "meta" in row:
        patch(profile, row["meta"].get("patch_properties", {}))
    for identity in job.lists:
        world.join(profile, identity)
    job.done += 1


def _late_failure(world: World, attributes: Json) -> Problem | None:
    """A failure that a test has asked for."""
    plan = world.sabotage
    if plan.fail_rows > 0:
        plan.fail_rows -= 1
    elif attributes.get("email") not in plan.fail_emails:
        return None
    return Problem("Phone number is invalid.", "/data/attributes/phone_number")


def _import_error(problem: Problem, attributes: Json) -> Json:
    shown = {
        "code": problem.code,
        "title": problem.title,
        "detail": problem.detail,
        "source": {"pointer": problem.pointer or "/data/attributes"},
        "original_payload": attributes,
    }
    # The contract asks every resource but this one for a link to itself; Klaviyo's own examples leave it out here.
    return {"type": "import-error", "id": str(uuid.uuid4()), "attributes": shown}
