"""The play: files land, rows flow, a platform fails and recovers, a sign-up and a purchase go all the way round, a row
and a record go wrong, the books balance."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import KafkaException

from operations import trace
from operations.demo import evidence, exports, figures, newcomer
from operations.demo.figures import Figures, Live
from operations.demo.neighbours import ShowStopper
from operations.demo.newcomer import Newcomer
from operations.demo.screen import Screen
from operations.demo.stage import Stage, ours, put_up
from operations.demo.town import COPIES, DEFAULT_POLL_SECONDS, POLL_SECONDS
from operations.demo.words import NAMES, Told, common, ends, words

DONE, FAILED = 0, 1
OUTAGE_SECONDS = 10
PATIENCE = 90.0
"""Seconds that an act may take."""

SIGN_UP_SECONDS = 90.0
"""In so many seconds after the till a sign-up is in the shop and in the loyalty program."""

COPIES_SECONDS = 1.0
"""Time for a second delivery of a webhook to do what it must not do."""

LOOK_SECONDS = 0.25

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
    screen.title("tillstream demo: what happens at a fashion shop's tills reaches five platforms, all on this machine")
    screen.act("1. The sandbox")
    with put_up(folder, screen.fact) as stage:
        play = Play(screen, stage, exports.make(folder / "exports", datetime.now(UTC)))
        for act in (play.first_load, play.outage, play.loop, play.dead_letter, play.books, play.road, play.sums):
            act()
        if keep:
            play.keep()
    return FAILED if play.missed else DONE


class Play:
    """The acts, in their order. `missed` is what should have been seen and was not."""

    def __init__(self, screen: Screen, stage: Stage, files: exports.Exports) -> None:
        self._screen, self._stage, self._files = screen, stage, files
        self._ava = Newcomer(stage.town)
        self._landed = 0
        self._books = Figures(0, 0, 0, {})
        self.missed: list[str] = []

    def first_load(self) -> None:
        """All customers and most orders, of the shop and of its outlet; one row of them cannot be read."""
        self._screen.act(
            "2. The first load: every customer and the sales of the past months, of the shop and its outlet"
        )
        self._land(self._files.people)
        self._land(self._files.history, "bulk/au")
        self._land(self._files.outlet, "pending/outlet")
        after = self._until_drained(common)
        for told in ends(after):
            self._screen.fact("", told)
        self._expect(not after.waiting, "every record has its last word at every platform")
        rejects = evidence.rejected(self._stage)
        self._expect(len(rejects) == after.rejected == 1, "one row rejected, and nothing around it lost:")
        for row in rejects:
            self._screen.fact(
                "", f"{row.file}, line {row.line}, column {row.column}: {row.value!r} fails the rule {row.rule!r}"
            )
            self._screen.fact("", f"it lies in {row.lies_in}, to be corrected and dropped in again")

    def outage(self) -> None:
        """A day later Klaviyo is down for ten seconds as files land; meanwhile somebody signs up at a till."""
        self._screen.act(f"3. A day later: Klaviyo fails for {OUTAGE_SECONDS} seconds, and somebody signs up at a till")
        before = self._books
        self._stage.town.klaviyo.fault(status=503, for_seconds=OUTAGE_SECONDS)
        self._screen.fact("Klaviyo", "answers 503 to everything from now on")
        self._screen.fact("", "an open breaker leaves it in peace, and lets one request through now and then to try it")
        self._land(self._files.second)
        self._ava.sign_up()
        self._screen.fact("a till", f"{newcomer.NAME} joins: person {newcomer.PERSON} in Apparel21")
        watch = Watch(self._ava)
        after = self._until_drained(watch.shown)
        self._expect(watch.opened, "the breaker opened; records for Klaviyo waited in Kafka, in order")
        self._expect(
            watch.closed, f"it closed when Klaviyo was back, and all was sent within {watch.drained:.0f} s of that"
        )
        self._expect(after.klaviyo.dead == before.klaviyo.dead, "nothing was dead-lettered for it")
        same = after.klaviyo.unchanged - before.klaviyo.unchanged
        self._expect(same > 0, f"{same:,} customers came again with nothing new: not one request to Klaviyo for them")
        self._signed_up()

    def _signed_up(self) -> None:
        """How long a sign-up takes; by how much longer the wait between two polls can make it."""
        self._await(self._ava.look_for_her, {"Shopify", "Yotpo"})
        shopify, yotpo = (self._ava.seconds.get(name, PATIENCE) for name in ("Shopify", "Yotpo"))
        longest = max(shopify, yotpo) + DEFAULT_POLL_SECONDS
        self._expect(
            longest < SIGN_UP_SECONDS,
            f"the sign-up was in Shopify {shopify:.1f} s and in Yotpo {yotpo:.1f} s after the till, Klaviyo or not",
        )
        told = (
            f"Apparel21 is asked every {POLL_SECONDS} s here; asked each minute, as by default: {longest:.0f} s at most"
        )
        self._screen.fact("", told)

    def loop(self) -> None:
        """What she buys earns a tier, which comes back; what she redeems comes back as a voucher."""
        self._screen.act(
            f"4. The loop: {newcomer.NAME} buys {exports.COATS} coats, and Yotpo's webhooks come, each twice"
        )
        self._ava.buy()
        self._land(self._files.purchase)
        self._until_drained(self._looking_for_her_tier)
        self._await(self._ava.look_for_her_tier, {"Yotpo", "Apparel21", "Klaviyo"})
        self._expect(
            {"Yotpo", "Apparel21", "Klaviyo"} <= set(self._ava.seconds),
            f"Yotpo made her {newcomer.TIER}: on her person in Apparel21 {self._after('Apparel21')}, on her profile "
            f"in Klaviyo {self._after('Klaviyo')} the file landed",
        )
        self._ava.redeem()
        self._screen.fact("Yotpo", f"she redeems {newcomer.POINTS} points for a reward of $20")
        self._await(self._ava.look_for_her_voucher, {"Apparel21"})
        time.sleep(COPIES_SECONDS)
        vouchers = self._ava.vouchers()
        self._expect(
            len(vouchers) == 1 and self._ava.tier_events() == 1,
            f"one voucher of ${''.join(vouchers[:1])} from Apparel21 {self._after('Apparel21')}, and one event of the "
            f"tier in Klaviyo, though each webhook came {'twice' if COPIES > 1 else 'once'}",
        )

    def _looking_for_her_tier(self, now: Live) -> Told:
        self._ava.look_for_her_tier()
        return common(now)

    def _after(self, where: str) -> str:
        return f"{self._ava.seconds[where]:.1f} s after" if where in self._ava.seconds else "never after"

    def dead_letter(self) -> None:
        """A customer whose address the till takes and Klaviyo does not."""
        self._screen.act("5. A new customer, zoë.müller@customer.example: an address to the till, but none to Klaviyo")
        self._land(self._files.stranger)
        after = self._until_drained(common)
        letters = evidence.letters(self._stage, figures.KLAVIYO)
        self._expect(len(letters) == after.klaviyo.dead == 1, "one dead letter, on the topic tillstream.klaviyo.dlq:")
        for letter in letters:
            self._screen.fact(
                "",
                f"reason {letter.reason}: {letter.message!r}, answered {letter.status}; line {letter.line} of its file",
            )

    def books(self) -> None:
        """What the audit says, in short: all of it would fill two screens."""
        self._screen.act("6. The books: every row ended in exactly one state, and every record at every platform")
        self._screen.command("tillstream audit --json")
        told = self._answer("audit", "--json")
        columns = ("", "records", *evidence.ENDS)
        self._screen.table(columns, [(NAMES.get(name, name), *ends) for name, ends in evidence.books(told)])
        rows = sum(file["rows"] for file in told["files"])
        sums = sum(file["accepted"] + file["rejected"] for file in told["files"])
        self._screen.fact("", "skipped by a policy with a name; no account: records of the shop's other brand")
        self._screen.fact("", f"{rows:,} rows = {sums:,} accepted or rejected, in {len(told['files'])} files and polls")
        self._expect(told["balanced"] and rows == sums, "the books balance", "the books do not balance")

    def road(self) -> None:
        """One customer from line to receipt."""
        self._screen.act(f"7. The road of {newcomer.EMAIL}: what `tillstream trace` knows, in short")
        self._settle_down()
        _, steps = trace.follow(self._stage.settings, newcomer.EMAIL)
        for step in steps:
            if told := words(step):
                self._screen.fact(step.time[11:19], told)
        answered = {
            step.group for step in steps if step.kind == "receipt" and step.call and step.outcome == "delivered"
        }
        told = f"a till, a file and webhooks about one customer; {len(answered)} platforms answered for her"
        self._expect({"klaviyo", "yotpo", "shopify", "apparel21"} <= answered, told)

    def sums(self) -> None:
        """A few figures."""
        now, answers = self._books, figures.requests(self._stage)
        asked = sum(counts.total() for counts in answers.values())
        read = f"{now.rows:,} rows of {now.archived} files became {asked:,} requests to five platforms"
        self._screen.act(f"In {self._screen.seconds:.0f} s {read}")
        classes = sorted({kind for counts in answers.values() for kind in counts})
        lines = [(name, *(counts[kind] for kind in classes)) for name, counts in answers.items()]
        self._screen.table(("Asked, and answered", *classes), lines)
        if not self.missed:
            self._screen.good("all that this demo promises")
        for what in self.missed:
            self._screen.bad(what)

    def keep(self) -> None:
        """Say where to look, and wait for Ctrl-C."""
        stage, me = self._stage, _me()
        self._screen.act("It goes on running until you press Ctrl-C. Where to look:")
        self._screen.fact("Files", f"drop your own into {stage.landing('pending/au')}")
        for name, server in stage.town.servers().items():
            self._screen.fact(name, f"{server.url}/sandbox/requests and /sandbox/counts")
        self._screen.fact("Klaviyo", f"{stage.town.klaviyo.url}/sandbox/profiles?who={newcomer.EMAIL}")
        self._screen.fact("tillstream", f"{stage.roles.url}/metrics, /livez, /readyz\nlog {stage.roles.log}")
        self._screen.fact("Settings", str(stage.config))
        self._screen.fact("Commands", f"export TILLSTREAM_CONFIG={stage.config}")
        for command in (*(["status"] if stage.real_kafka else []), "audit", f"trace {newcomer.EMAIL}"):
            self._screen.fact("", f"{me} {command}")
        try:
            while True:
                stage.roles.check()
                time.sleep(1)
        except KeyboardInterrupt:
            self._screen.act("Ending everything.")

    def _land(self, files: Sequence[Path], place: str = "pending/au") -> None:
        for file in files:
            count = len(exports.rows(file))
            self._screen.fact("lands", f"/{place}/{file.name}, {count:,} row{'s'[: count != 1]}")
        exports.land(files, self._stage.landing(place))
        self._landed += len(files)

    def _until_drained(self, shown: Callable[[Live], Told]) -> Figures:
        """Show live figures until every file is read and every record, at all platforms, has its last word.

        Raises ShowStopper.
        """
        patience, before = time.monotonic() + PATIENCE, -1
        with self._screen.counting() as meter:
            while True:
                self._stage.roles.check()
                now = figures.live(self._stage)
                meter.show(shown(now))
                if now.files >= self._landed and now.ended == before:  # nothing moves: what do the books say?
                    books = figures.look(self._stage)
                    if books.archived == self._landed and not books.waiting:
                        self._books = books
                        return books
                if time.monotonic() > patience:
                    raise ShowStopper(f"after {PATIENCE:.0f} s records still wait; see {self._stage.roles.log}")
                before = now.ended
                time.sleep(LOOK_SECONDS)

    def _await(self, look: Callable[[], None], places: set[str]) -> None:
        """Look until she (or what is hers) is in all these places, or patience ends."""
        patience = time.monotonic() + PATIENCE
        look()
        while not places <= set(self._ava.seconds) and time.monotonic() < patience:
            self._stage.roles.check()
            time.sleep(0.1)
            look()

    def _settle_down(self) -> None:
        """The totals of a person's orders follow them at low priority: let them."""
        patience = time.monotonic() + PATIENCE
        while figures.restless(self._stage) and time.monotonic() < patience:
            time.sleep(0.3)

    def _answer(self, *words: str) -> Any:
        """What a command of tillstream tells a program."""
        command = [sys.executable, "-m", "operations.cli", *words, "--config", str(self._stage.config)]
        ran = subprocess.run(command, check=False, capture_output=True, text=True, env=dict(ours()))
        try:
            return json.loads(ran.stdout)
        except ValueError as error:
            raise ShowStopper(f"tillstream {' '.join(words)} failed:\n{ran.stdout}{ran.stderr}") from error

    def _expect(self, seen: bool, told: str, else_told: str = "") -> None:
        if seen:
            self._screen.good(told)
        else:
            self.missed.append(else_told or told)
            self._screen.bad(else_told or told)


class Watch:
    """Sees the breaker open and close while Klaviyo is down, takes the time, and looks out for the newcomer."""

    def __init__(self, ava: Newcomer) -> None:
        self._ava = ava
        self._back = time.monotonic() + OUTAGE_SECONDS
        self.opened = False
        self.closed = False
        self.drained = 0.0

    def shown(self, now: Live) -> Told:
        """The figures of the outage."""
        self._ava.look_for_her()
        state, left = now.breaker, self._back - time.monotonic()
        self.opened |= state > 0
        self.closed = self.opened and state == 0
        self.drained = max(0.0, -left)
        klaviyo = f"is back in {left:.0f} s" if left > 0 else "is back"
        return [("Klaviyo", klaviyo), ("breaker", BREAKER[state]), *common(now)]


def _me() -> str:
    """How this program was called, so that it can be called again."""
    called = Path(sys.argv[0])
    return "tillstream" if called.name != "tillstream" or shutil.which("tillstream") == str(called) else str(called)
