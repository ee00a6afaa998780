"""Write profiles: one by one where there are few, else by import jobs, which are watched to their end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from consumers.engine.bulk import Verdict, chunks, isolate
from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Json, Plan, Request, Response, ask, ask_all, nap, started, under
from consumers.klaviyo import requests
from consumers.klaviyo.cases import Case, written
from consumers.klaviyo.errors import about_phone, blame, judge, listed
from consumers.klaviyo.found import instant
from consumers.refusals import unclear

FEW = 3
"""Up to so many profiles go one by one; Klaviyo's guide "Bulk Import Profiles" advises against jobs for a handful."""

FIRST_NAP, LONGEST_NAP, PATIENCE = 0.5, 30.0, 3600.0
MORE = 1.5
"""Each nap is so much longer than the one before: no job is noticed much too late, and looks are few (150 a minute)."""
YOUNG = timedelta(hours=1)
WITHOUT_PHONE = "its mobile number belongs to another profile or is refused; sent without"
AGAIN = RetryLater(timedelta(seconds=5), "an import job was not clearly accepted")
UNFINISHED = RetryLater(timedelta(minutes=10), "an import job did not end within an hour")
UNREAD = RetryLater(timedelta(minutes=10), "what an import job refused cannot be read")
WAITING = frozenset({"queued", "processing"})


class Jobs:
    """The import jobs of one plan, told to whoever may have to carry on. A text that ends in a comma says that not all
    of the plan is in these jobs."""

    def __init__(self, *, whole: bool) -> None:
        self.ids: list[str] = []
        self.whole = whole

    def heard(self, responses: Sequence[Response], *, more: bool) -> Plan[None]:
        """Note the answers to one round of submissions; `more`: a further step follows."""
        self.whole = self.whole and all(response.status == 202 for response in responses)
        self.ids += [_id(response) for response in responses if response.status == 202]
        if self.ids:
            yield from started(",".join(self.ids) + ("" if self.whole and not more else ","))


def write(cases: Sequence[Case], *, whole: bool = True) -> Plan[Jobs]:
    """Write every case's content; a case that Klaviyo refuses has its outcome, the others are `wrote`.

    `whole`: these are all the records of the plan, so that an heir may take each of them for carried by its jobs.

    Who is new at Klaviyo goes without a mobile number first: Klaviyo would take an unknown address with a known number
    for a new address of that number's owner (its guide "Profiles API overview"). `add_numbers` follows.
    """
    for case in cases:
        case.hold_phone = bool(case.mobile) and case.found is None and not case.met
    small = _small_enough(cases)
    left = yield from _resume([case for case in small if case.job])
    fresh = [*left, *(case for case in small if not case.job)]
    jobs = Jobs(whole=whole)
    again = yield from _send(fresh, jobs, more=any(case.hold_phone for case in fresh))
    for case in again:
        _give_up_number(case)
    for case in (yield from _singly(again)):
        case.fail(Rejected("duplicate", "refused with and without its mobile number", 409))
    return jobs


def add_numbers(cases: Sequence[Case], jobs: Jobs) -> Plan[None]:
    """Put the mobile numbers on the profiles that `write` made; one that is another profile's stays there."""
    waiting = [case for case in cases if case.hold_phone and case.wrote and case.outcome is None]
    for case in waiting:
        case.hold_phone = False
    for case in (yield from _send(waiting, jobs, more=False)):
        _give_up_number(case)
        written(case)


def _give_up_number(case: Case) -> None:
    case.without_phone = True
    case.notes.append(WITHOUT_PHONE)


def _send(cases: Sequence[Case], jobs: Jobs, *, more: bool) -> Plan[list[Case]]:
    if len(cases) <= FEW:
        return (yield from _singly(cases))
    return (yield from _by_jobs(cases, jobs, more=more))


def _small_enough(cases: Iterable[Case]) -> list[Case]:
    fits = []
    for case in cases:
        if case.weight(new=case.new) <= requests.MOST_PROFILE_BYTES:
            fits.append(case)
        else:
            case.fail(Rejected("too_large", "the profile is larger than Klaviyo takes (100 kB)"))
    return fits


def _singly(cases: Sequence[Case]) -> Plan[list[Case]]:
    """Returns the cases that may go again without their mobile number."""
    responses = yield from ask_all([requests.import_profile(case.body(new=case.new)) for case in cases])
    return _sort_out(cases, [Verdict(response, 0) for response in responses], "POST /api/profile-import", alone=True)


def _sort_out(cases: Sequence[Case], verdicts: Sequence[Verdict], call: str, *, alone: bool) -> list[Case]:
    again = []
    for case, verdict in zip(cases, verdicts, strict=True):
        if verdict.response.ok:
            case.told(call, verdict.response.status)
            written(case, profile_id=_id(verdict.response) if alone else "")
        elif case.sends_number and about_phone(verdict, alone):
            again.append(case)
        else:
            case.fail(judge(verdict.response, None if alone else verdict.place))
    return again


def _id(response: Response) -> str:
    return str(under(response.json(), "data").get("id") or "")


class Batch(NamedTuple):
    """What goes into one import job: the cases and the list that its new profiles join."""

    cases: Sequence[Case]
    list: str


def _by_jobs(cases: Sequence[Case], jobs: Jobs, *, more: bool) -> Plan[list[Case]]:
    """As `_singly`, by import jobs: new profiles that join the same list travel together, and so do all others."""
    batches = [[(case, batch.list) for case in batch.cases] for batch in _batches(cases)]
    order = [case for batch in batches for case, _ in batch]
    before = len(jobs.ids)
    verdicts = yield from isolate(batches, _job, blame, lambda answers: jobs.heard(answers, more=more))
    ends = yield from watch(jobs.ids[before:])
    if any(unclear(verdict.response) for verdict in verdicts):
        yield from finish_all(order[0].account.now)
    pairs = list(zip(order, verdicts, strict=True))
    again = _refuse([(case, verdict) for case, verdict in pairs if verdict.response.status != 202])
    return again + _judge_jobs(
        [(case, ends[_id(said.response)]) for case, said in pairs if said.response.status == 202]
    )


def _job(rows: Sequence[tuple[Case, str]]) -> Request:
    return requests.import_job([case.body(new=case.new)["data"] for case, _ in rows], rows[0][1])


def _refuse(refused: Sequence[tuple[Case, Verdict]]) -> list[Case]:
    for case, verdict in refused:
        if unclear(verdict.response):
            case.fail(AGAIN)
    open_ = [(case, verdict) for case, verdict in refused if case.outcome is None]
    return _sort_out([case for case, _ in open_], [verdict for _, verdict in open_], "", alone=False)


def _batches(cases: Sequence[Case]) -> list[Batch]:
    by_list: dict[str, list[Case]] = {}
    for case in cases:
        joins = case.list if case.new and not case.from_bulk and not case.wrote else ""
        by_list.setdefault(joins, []).append(case)
    return [
        Batch(chunk, joins)
        for joins, some in by_list.items()
        for chunk in chunks(
            some, requests.MOST_PROFILES, lambda case: case.weight(new=case.new), requests.MOST_JOB_BYTES
        )
    ]


class End(NamedTuple):
    """How an import job ended, and its refusals by address. "unknown": Klaviyo forgot it; "waiting": it never ended."""

    state: Literal["complete", "unknown", "waiting", "stopped"]
    refusals: Mapping[str, Json]
    why: Misconfigured | RetryLater | None = None


def watch(jobs: Sequence[str]) -> Plan[dict[str, End]]:
    """Ask until every job has ended, less and less often."""
    ends: dict[str, End] = {}
    pause, waited = FIRST_NAP, 0.0
    open_ = list(jobs)
    while open_ and waited < PATIENCE:
        yield from nap(pause)
        waited, pause = waited + pause, min(pause * MORE, LONGEST_NAP)
        answers = yield from ask_all([requests.read_job(job) for job in open_])
        for job, answer in zip(open_, answers, strict=True):
            end = yield from _ended(job, answer)
            if end is not None:
                ends[job] = end
        open_ = [job for job in open_ if job not in ends]
    return {**ends, **{job: End("waiting", {}, UNFINISHED) for job in open_}}


def _ended(job: str, answer: Response) -> Plan[End | None]:
    if not answer.ok:
        verdict = judge(answer)
        if isinstance(verdict, Misconfigured):
            return End("stopped", {}, verdict)
        return End("unknown", {}) if isinstance(verdict, Rejected) else None
    attributes = under(answer.json(), "data", "attributes")
    status = attributes.get("status")
    if status in WAITING:
        return None
    if status != "complete":
        return End("unknown", {})
    refusals = (yield from _refusals(job)) if attributes.get("failed_count") else {}
    return End("complete", refusals) if refusals is not None else End("waiting", {}, UNREAD)


def _refusals(job: str) -> Plan[dict[str, Json] | None]:
    """What a job could not take, by address; None when that cannot be read now."""
    found: dict[str, Json] = {}
    cursor = ""
    while True:
        page = yield from ask(requests.read_job_errors(job, cursor))
        errors = listed(page)
        if errors is None:
            return None
        for error in errors:
            payload = under(error, "attributes", "original_payload")
            address = payload.get("email") or under(payload, "attributes").get("email") or ""
            found[str(address).strip().lower()] = {**under(error, "attributes"), "id": error.get("id") or ""}
        cursor = _next(page.json())
        if not cursor:
            return found


def _next(body: Json) -> str:
    """The cursor of the next page, from its link; "" on the last."""
    link = str(under(body, "links").get("next") or "")
    _, _, rest = link.replace("%5B", "[").replace("%5D", "]").partition("page[cursor]=")
    return str(rest.partition("&")[0])


def _judge_jobs(cases: Sequence[tuple[Case, End]]) -> list[Case]:
    """As `_sort_out`, for cases whose job was accepted."""
    again = []
    for case, end in cases:
        error = end.refusals.get(case.email)
        if end.state != "complete":
            case.fail(end.why or AGAIN)
        elif error is None:
            case.told("POST /api/profile-bulk-import-jobs", 202)
            written(case)
        elif case.sends_number and _for_its_phone(error):
            again.append(case)
        else:
            case.fail(_refused(error))
    return again


def _for_its_phone(error: Json) -> bool:
    """Its number may be meant where no other field is named: how a job tells of another's number is not documented."""
    field = _pointer(error).partition("/attributes/")[2]
    return field in ("", "phone_number") or str(error.get("code") or "").startswith("duplicate")


def _pointer(error: Json) -> str:
    return str(under(error, "source").get("pointer") or "")


def _refused(error: Json) -> Rejected:
    field = _pointer(error).rpartition("/")[2]
    code = str(error.get("code") or "")
    reason = "duplicate" if code.startswith("duplicate") else "invalid"
    return Rejected(
        reason, f"{field}: refused by the import job" if field else "refused by the import job", 202, str(error["id"])
    )


def _resume(cases: Sequence[Case]) -> Plan[list[Case]]:
    """Cases that jobs of a former owner carry. Returns those that have to be sent (anew): their jobs are not known any
    more, or did not carry all of a batch (the job's text ends in a comma)."""
    jobs = list(dict.fromkeys(job for case in cases for job in case.job.split(",") if job))
    ends = yield from watch(jobs)
    if any(case.job.endswith(",") for case in cases):
        yield from finish_all(cases[0].account.now)
    anew: list[Case] = []
    for case in cases:
        mine = [ends[job] for job in case.job.split(",") if job]
        stopped = next((end for end in mine if end.why is not None), None)
        lost = case.job.endswith(",") or any(end.state == "unknown" for end in mine)
        refused = any(case.email in end.refusals for end in mine)
        if stopped is not None and stopped.why is not None:
            case.fail(stopped.why)
        elif lost or refused:
            anew.append(case)
        else:
            case.hold_phone = False  # its number was in the last of the jobs
            case.told("POST /api/profile-bulk-import-jobs", 202)
            written(case)
    return anew


def finish_all(now: Callable[[], datetime]) -> Plan[None]:
    """Wait until Klaviyo has ended every import job of this account that is younger than an hour."""
    pause, waited = FIRST_NAP, 0.0
    while waited < PATIENCE and (yield from _busy(now() - YOUNG)):
        yield from nap(pause)
        waited, pause = waited + pause, min(pause * MORE, LONGEST_NAP)


def _busy(since: datetime) -> Plan[bool]:
    """Is a job unfinished that was made after `since`? Yes, too, where Klaviyo cannot say."""
    cursor = ""
    while True:
        page = yield from ask(requests.unfinished_jobs(cursor))
        unfinished = listed(page)
        if unfinished is None:
            return page.ok or isinstance(judge(page), RetryLater)
        if any(_made_after(job, since) for job in unfinished):
            return True
        cursor = _next(page.json())
        if not cursor:
            return False


def _made_after(job: Json, since: datetime) -> bool:
    made = instant(under(job, "attributes").get("created_at"))
    return made is None or made > since
