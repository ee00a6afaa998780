"""The play: files land, rows flow, Klaviyo fails and recovers, a row and a record go wrong, the books balance."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
from confluent_kafka import KafkaException

from operations import trace
from operations.demo import evidence, exports, figures
from operations.demo.figures import Figures
from operations.demo.screen import Meter, Screen
from operations.demo.stage import ShowStopper, Stage, ours, put_up

DONE, FAILED = 0, 1
OUTAGE_SECONDS = 10
PATIENCE = 90.0
"""Seconds that an act may take."""

BREAKER = ("closed", "half open", "open")


def run(keep: bool) -> int:
    """Play it all; with `keep`, leave it running until Ctrl-C. 0 when all that was promised was seen, else 1."""
    screen, folder = Screen(), Path(tempfile.mkdtemp(prefix="tillstream-demo-"))
    code = FAILED
    try:
        code = _played(screen, folder, keep=keep)
    except ShowStopper as stop:
        screen.bad(str(stop))
    except (KafkaException, httpx.HTTPError) as error:
        screen.bad(f"somebody did not answer: {error!r}")
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if code == DONE:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        screen.fact("", f"configuration, logs and data are left in {folder}")
    return code


def _played(screen: Screen, folder: Path, *, keep: bool) -> int:
    screen.title("tillstream demo: a fashion shop's files reach Klaviyo through Kafka, all of it on this machine")
    screen.act("1. The sandbox")
    with put_up(folder, screen.fact) as stage:
        play = Play(screen, stage, exports.make(folder / "exports", datetime.now(UTC)))
        for act in (play.first_load, play.outage, play.dead_letter, play.books, play.road, play.sums):
            act()
        if keep:
            play.keep()
    return FAILED if play.missed else DONE


class Play:
    """The acts, in their order. `missed` is what should have been seen and was not."""

    def __init__(self, screen: Screen, stage: Stage, files: exports.Exports) -> None:
        self._screen, self._stage, self._files = screen, stage, files
        self._landed = 0
        self.missed: list[str] = []

    def first_load(self) -> None:
        """All customers and most orders; one row of them cannot be read."""
        self._screen.act("2. The first load: every customer, and the sales of the past months")
        self._land(self._files.first)
        after = self._until_drained(_common)
        self._expect(
            after.delivered > 0,
            f"{after.delivered:,} of {after.published:,} records delivered with {after.requests:,} requests; "
            f"{after.skipped:,} skipped by a named policy, {after.superseded} superseded by newer ones",
        )
        rejects = evidence.rejected(self._stage)
        self._expect(len(rejects) == after.rejected == 1, "one row rejected, and nothing around it lost:")
        for row in rejects:
            self._screen.fact(
                "", f"{row.file}, line {row.line}, column {row.column}: {row.value!r} fails the rule {row.rule!r}"
            )
            self._screen.fact("", f"it lies in {row.lies_in}, to be corrected and dropped in again")

    def outage(self) -> None:
        """A day later Klaviyo is down for ten seconds, just as the files land."""
        self._screen.act(f"3. A day later, Klaviyo fails for {OUTAGE_SECONDS} seconds just as the files land")
        before = figures.look(self._stage)
        self._stage.klaviyo.fault(status=503, for_seconds=OUTAGE_SECONDS)
        self._screen.fact("Klaviyo", "answers 503 to everything from now on")
        self._land(self._files.second)
        watch = Watch(self._screen, self._stage)
        after = self._until_drained(watch.shown)
        self._expect(
            watch.opened, f"the breaker opened after {after.failed} requests in vain; records waited in Kafka, in order"
        )
        self._expect(
            watch.closed, f"it closed when Klaviyo was back, and all was sent within {watch.drained:.0f} s of that"
        )
        self._expect(after.dead == before.dead, "nothing was dead-lettered for it")
        same = after.unchanged - before.unchanged
        self._expect(same > 0, f"{same:,} customers came again with nothing new: not one request for them")

    def dead_letter(self) -> None:
        """A customer whose address the till takes and Klaviyo does not."""
        self._screen.act("4. A new customer, zoë.müller@customer.example: an address to the till, but none to Klaviyo")
        self._land(self._files.third)
        after = self._until_drained(_common)
        letters = evidence.letters(self._stage, figures.GROUP)
        self._expect(len(letters) == after.dead == 1, "one dead letter, on the topic tillstream.klaviyo.dlq:")
        for letter in letters:
            self._screen.fact(
                "",
                f"reason {letter.reason}: {letter.message!r}, answered {letter.status}; line {letter.line} of its file",
            )

    def books(self) -> None:
        """The audit's own words."""
        self._screen.act("5. The books: every row ended in exactly one state")
        self._expect(self._command("audit") == DONE, "the books balance", "the books do not balance")

    def road(self) -> None:
        """One customer from line to receipt."""
        who = self._files.regular
        self._screen.act(f"6. The road of {who}: what `tillstream trace` knows, in short")
        self._settle_down()
        _, steps = trace.follow(self._stage.settings, who)
        for step in steps:
            self._screen.fact(step.time[11:19], words(step))
        answered = [step for step in steps if step.kind == "receipt" and step.call and step.outcome == "delivered"]
        files = {step.file for step in steps if step.kind == "event"}
        told = f"rows of {len(files)} files about one customer, each with what became of it"
        self._expect(len(files) > 1 and bool(answered), told)

    def sums(self) -> None:
        """A few figures."""
        now, answers = figures.look(self._stage), figures.requests(self._stage)
        read = (
            f"{now.rows:,} rows of {now.archived} files became {now.published:,} records and {now.requests:,} requests"
        )
        self._screen.act(f"In {self._screen.seconds:.0f} s {read}")
        statuses = sorted({status for counts in answers.values() for status in counts})
        lines = [
            (endpoint, *(counts.get(status, 0) for status in statuses)) for endpoint, counts in sorted(answers.items())
        ]
        self._screen.table(("Klaviyo was asked", *map(str, statuses)), lines)
        if not self.missed:
            self._screen.good("all that this demo promises")
        for what in self.missed:
            self._screen.bad(what)

    def keep(self) -> None:
        """Say where to look, and wait for Ctrl-C."""
        stage, me = self._stage, _me()
        self._screen.act("It goes on running until you press Ctrl-C. Where to look:")
        self._screen.fact("Files", f"drop your own into {stage.pending}")
        self._screen.fact("Klaviyo", f"{stage.klaviyo.url}/sandbox/profiles?who={self._files.regular}")
        self._screen.fact("", "and beside it: /sandbox/events, /sandbox/requests, /sandbox/counts")
        for role in (stage.producer, stage.worker):
            self._screen.fact("tillstream", f"{role.words}: {role.url}/metrics, /livez, /readyz\nlog {role.log}")
        self._screen.fact("Settings", str(stage.config))
        self._screen.fact("Commands", f"export TILLSTREAM_CONFIG={stage.config}")
        for command in (*(["status"] if stage.real_kafka else []), "audit", f"trace {self._files.regular}"):
            self._screen.fact("", f"{me} {command}")
        try:
            while True:
                stage.check()
                time.sleep(1)
        except KeyboardInterrupt:
            self._screen.act("Ending everything.")

    def _land(self, files: Sequence[Path]) -> None:
        for file in files:
            count = len(exports.rows(file))
            self._screen.fact("lands", f"/pending/au/{file.name}, {count:,} row{'s'[: count != 1]}")
        exports.land(files, self._stage.pending)
        self._landed += len(files)

    def _until_drained(self, shown: Callable[[Figures], Sequence[tuple[str, int | str]]]) -> Figures:
        """Show figures until every file is read and every record has its last word. Raises ShowStopper."""
        patience = time.monotonic() + PATIENCE
        with self._screen.counting() as meter:
            now = self._shown(meter, shown)
            while now.archived < self._landed or now.waiting:
                if time.monotonic() > patience:
                    raise ShowStopper(
                        f"after {PATIENCE:.0f} s {now.waiting:,} records still wait; see {self._stage.worker.log}"
                    )
                time.sleep(0.2)
                now = self._shown(meter, shown)
        return now

    def _shown(self, meter: Meter, shown: Callable[[Figures], Sequence[tuple[str, int | str]]]) -> Figures:
        self._stage.check()
        now = figures.look(self._stage)
        meter.show(shown(now))
        return now

    def _settle_down(self) -> None:
        """The totals of a person's orders follow them at low priority: let them."""
        patience = time.monotonic() + PATIENCE
        while figures.restless(self._stage) and time.monotonic() < patience:
            time.sleep(0.3)

    def _command(self, *words: str) -> int:
        """A command of tillstream, with its own output."""
        self._screen.command(f"tillstream {' '.join(words)}")
        command = [sys.executable, "-m", "operations.cli", *words, "--config", str(self._stage.config)]
        return subprocess.run(command, check=False, env=dict(ours())).returncode

    def _expect(self, seen: bool, told: str, else_told: str = "") -> None:
        if seen:
            self._screen.good(told)
        else:
            self.missed.append(else_told or told)
            self._screen.bad(else_told or told)


def words(step: trace.Step) -> str:
    """A step of a customer's road in one line."""
    if step.kind == "event":
        return f"{step.file}, line {step.line}: published on {step.topic}, offset {step.offset}"
    what = step.topic if step.offset is None else f"{step.topic}, offset {step.offset}"
    answer = f" by {step.call}, answered {step.status}" if step.call else ""
    return f"{step.group}: {what}: {step.outcome}{answer}" + (f" ({step.why})" if step.why else "")


class Watch:
    """Sees the breaker open and close while Klaviyo is down, and takes the time."""

    def __init__(self, screen: Screen, stage: Stage) -> None:
        self._screen, self._stage = screen, stage
        self._back = time.monotonic() + OUTAGE_SECONDS
        self.opened = False
        self.closed = False
        self.drained = 0.0

    def shown(self, now: Figures) -> Sequence[tuple[str, int | str]]:
        """The figures of the outage."""
        state, left = figures.breaker(self._stage), self._back - time.monotonic()
        self.opened |= state > 0
        self.closed = self.opened and state == 0
        self.drained = max(0.0, -left)
        klaviyo = f"is back in {left:.0f} s" if left > 0 else "is back"
        return [("Klaviyo", klaviyo), ("breaker", BREAKER[state]), *_common(now)]


def _common(now: Figures) -> list[tuple[str, int | str]]:
    return [
        ("rows", now.rows),
        ("waiting", now.waiting),
        ("delivered", now.delivered),
        ("unchanged", now.unchanged),
        ("dead", now.dead),
    ]


def _me() -> str:
    """How this program was called, so that it can be called again."""
    called = Path(sys.argv[0])
    return "tillstream" if called.name != "tillstream" or shutil.which("tillstream") == str(called) else str(called)
