"""Put old records in front of a group again: `tillstream replay`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import click

from consumers.engine.assemble import accounts
from consumers.engine.sink import Account, Sink
from operations import platforms, telling
from operations.arguments import DONE, FAILED, WRONG, Records, not_configured
from operations.audit import ledger
from operations.forecast import Forecast, Oracle, forecast
from operations.redriving import name
from operations.replaying import Copying, Order, Wish, order_of, ordered, to_go
from operations.standing import running
from operations.watching import stopping
from schemas.topics import Names
from tillstream.clock import SYSTEM
from tillstream.codecs import codec_of
from tillstream.kafka import layout, topics
from tillstream.kafka.publisher import Fenced, Publisher
from tillstream.settings import Settings

LOOK_SECONDS = 2.0


def run(settings: Settings, records: Records, rate_share: float, force: bool, dry_run: bool) -> int:
    """Replay the chosen records, or go on with the same replay where it was interrupted; 1 where another one stands."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    if records.group not in running(settings, platforms.find()):
        return not_configured([records.group])
    if records.topic not in platforms.find()[records.group].topics:
        click.echo(f"tillstream: {records.group} does not listen to {records.topic}", err=True)
        return WRONG
    with telling.kafka_answers():
        if not dry_run:
            topics.ensure(kafka, [*layout.shared(settings), *layout.of_sink(settings, records.group)])
        files = _files(settings, records.file)
        if records.file and not files:
            click.echo(f"tillstream: no file {records.file!r} was ever taken", err=True)
            return WRONG
        wish = Wish(records, files, rate_share, force, datetime.now(UTC))
        if dry_run:
            return _foretell(settings, records.group, ordered(kafka, names, wish, "replay"))
        standing = order_of(kafka, names, records.group)
        refusal = _refusal(settings, standing, wish)
        if refusal:
            click.echo(refusal, err=True)
            return FAILED
        return _copy(settings, wish)


def _files(settings: Settings, file: str | None) -> tuple[str, ...]:
    """The SHA-256 of the files that a name or a hash means."""
    if file is None:
        return ()
    pages = ledger(settings.kafka.options(), Names(settings.topics.prefix)).values()
    return tuple(sorted({page.sha256 for page in pages if file in {page.name, page.sha256}}))


def _refusal(settings: Settings, order: Order | None, wish: Wish) -> str:
    """Why no replay may begin now, with how far the present one is; "" when one may (or goes on)."""
    if order is None or (order.copying and order.same(wish)):
        return ""
    kafka, names, group = settings.kafka.options(), Names(settings.topics.prefix), wish.records.group
    left = to_go(kafka, names, group, order.run)
    if order.copying:
        how = "is not copied to its end: repeat its command to go on"
    elif left:
        how = "is cancelled and drains as soon as a worker runs" if order.cancelled else "is on its way"
    else:
        return ""
    return (
        f"{order.run} ({order.topic}) {how}; {_progress(order, left)}. Or: tillstream replay --group {group} --cancel"
    )


def _progress(order: Order, left: int) -> str:
    return f"{order.copied - left:,} of {order.copied:,} records are through, {left:,} to go"


def _copy(settings: Settings, wish: Wish) -> int:
    kafka, names, group = settings.kafka.options(), Names(settings.topics.prefix), wish.records.group
    publisher = Publisher(kafka, f"{names.prefix}tillstream.replay.{group}")  # nobody else copies from here on
    order = order_of(kafka, names, group)
    if refusal := _refusal(settings, order, wish):
        click.echo(refusal, err=True)
        return FAILED
    try:
        if order is None or not order.copying:
            order = Copying(kafka, names, group, publisher).write(ordered(kafka, names, wish, name("replay")), [])
        else:
            click.echo(f"{order.run} goes on where it was interrupted, after {order.copied:,} records")
        with telling.progress("Copying", order.seen) as advance:
            order = Copying(kafka, names, group, publisher, advance).copy(order)
    except Fenced:
        click.echo("tillstream: another process took this replay over", err=True)
        return FAILED
    if not order.copied:
        click.echo(f"no record of {order.topic} is like that: nothing goes to {group}")
        return DONE
    click.echo(f"{order.run}: {order.copied:,} records of {order.topic} are on their way to {group}")
    _follow(settings, group, order)
    return DONE


def _follow(settings: Settings, group: str, order: Order) -> None:
    """On a terminal, show how far the group is until all is through; an interrupt ends only the showing."""
    if not sys.stdout.isatty():
        return
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    title = "Through (Ctrl-C: it goes on without you)"
    stop = threading.Event()
    with stopping(stop), telling.progress(title, order.copied) as advance:
        while not stop.is_set() and (left := to_go(kafka, names, group, order.run)):
            advance(order.copied - left)
            stop.wait(LOOK_SECONDS)
        if not stop.is_set():
            advance(order.copied)


def cancel(settings: Settings, group: str, dry_run: bool) -> int:
    """Pass over what is left of the group's replay."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    with telling.kafka_answers():
        order = order_of(kafka, names, group)
        left = to_go(kafka, names, group, order.run) if order else 0
        if order is None or order.cancelled or not (left or order.copying):
            click.echo(f"{group} has no replay under way")
            return DONE
        if dry_run:
            click.echo(f"{order.run} would be cancelled: {_progress(order, left)}")
            return DONE
        publisher = Publisher(kafka, f"{names.prefix}tillstream.replay.{group}")  # whoever still copies ends here
        order = order_of(kafka, names, group) or order
        Copying(kafka, names, group, publisher).write(replace(order, cancelled=True), [])
    click.echo(f"{order.run} is cancelled: {_progress(order, left)}, and these are passed over")
    return DONE


def _foretell(settings: Settings, group: str, order: Order) -> int:
    """Print what an order would do, and how sure that is."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    sink = platforms.find()[group]
    own = accounts(settings, sink, SYSTEM.now)
    found = forecast(kafka, names, order, Oracle(sink, own, codec_of(settings)), settings.state.folder)
    _show(found, order, sink, own)
    return DONE


def _show(found: Forecast, order: Order, sink: Sink, accounts: Mapping[str, Account]) -> None:
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in found.outcomes.most_common())
    click.echo(f"{found.records:,} records of {order.topic}: {told or 'nothing to do'}")
    rows = []
    for connection, endpoint in sorted(found.calls):
        minutes = found.minutes(connection, endpoint, sink, accounts[connection], order.share)
        rows.append((connection, endpoint, found.calls[connection, endpoint], f"{minutes:.1f}"))
    columns = ("connection", "endpoint", "calls", f"minutes at {order.share:g} of the quota")
    telling.table(telling.console(), "Calls, at most", columns, rows)
    click.echo(
        "An estimate: each record is reckoned alone, by what the group remembers and as if the platform knew nobody; "
        "bulk endpoints take many in one call, and live records go first."
    )
