"""Suppressions of e-mail addresses: jobs that can be asked about, independent of consent."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.klaviyo import check, render
from sandbox.klaviyo.answer import Problem, Request, ok, refuse, unknown
from sandbox.klaviyo.people import Profile
from sandbox.klaviyo.world import Job, World
from sandbox.web.answer import Answer

CREATE = "profile-suppression-bulk-create-job"
DELETE = "profile-suppression-bulk-delete-job"
MOST = 100
_ROWS = "/data/attributes/profiles/data"


def submit(world: World, request: Request, kind: str) -> Answer:
    """POST /api/profile-suppression-bulk-(create|delete)-jobs: addresses, or one list."""
    data = check.document(request.body, kind)
    rows = check.dig(data, "attributes", "profiles", "data") or []
    roll = check.dig(data, "relationships", "list", "data", "id")
    refuse(_problems(world, rows, roll))
    emails = [row["attributes"]["email"] for row in rows] or _members(world, roll)
    job = Job(f"suppression-{world.serial()}", kind, world.now(), len(emails), started=world.now())
    world.jobs[job.id] = job
    answer = ok({"data": render.job(job), "links": {"self": f"{render.HOST}{request.path}"}}, 202)
    world.later(world.settings.job_time, partial(_finish, world, job, emails))
    return answer


def get(world: World, request: Request, kind: str) -> Answer:
    """GET .../{job_id}."""
    job = world.jobs.get(request.ids[0])
    if job is None or job.kind != kind:
        raise unknown(kind, request.ids[0])
    return render.one(render.job(job), request.path)


def _problems(world: World, rows: list[Any], roll: Any) -> list[Problem]:
    if bool(rows) == bool(roll):
        return [Problem("Give either profiles or one list.", "/data")]
    if len(rows) > MOST:
        return [Problem(f"A request takes at most {MOST} profiles, not {len(rows)}.", _ROWS)]
    if roll is not None and roll not in world.rolls:
        return [Problem(f"A list with id {roll} does not exist.", "/data/relationships/list/data/id")]
    return [
        Problem("Invalid email address", f"{_ROWS}/{place}/attributes/email")
        for place, row in enumerate(rows)
        if not check.email_ok(check.dig(row, "attributes", "email"))
    ]


def _members(world: World, roll: str | None) -> list[str]:
    return [p.attributes["email"] for p in world.people if roll in p.lists and "email" in p.attributes]


def _finish(world: World, job: Job, emails: list[str]) -> None:
    for email in emails:
        profile = world.people.find("email", email)
        if profile is None and job.kind == CREATE:
            profile = world.people.create(world.now())
            world.people.write(profile, {"email": email}, world.now(), clear=False)
        if profile is not None and _change(world, profile, job.kind):
            job.done += 1
        else:
            job.skipped += 1
    job.completed = world.now()


def _change(world: World, profile: Profile, kind: str) -> bool:
    """Whether anything changed; unsuppressing takes away only what a merchant did by hand or API."""
    suppressed = "USER_SUPPRESSED" in profile.suppressions
    if kind == CREATE and not suppressed:
        profile.suppressions["USER_SUPPRESSED"] = world.now()
    elif kind == DELETE and suppressed:
        del profile.suppressions["USER_SUPPRESSED"]
    else:
        return False
    return True
