"""The command line. Each command reads its arguments and calls the module of its name, which does the work."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

import click

from operations import arguments
from operations.arguments import Command, Letters, Records, config, end, moment, on_port, one_of, role, step

ENTITIES = ("customers", "orders", "rewards", "tiers")
TYPES = (*ENTITIES, "refunds", "giftcards")
SOURCES = ("sftp", "folder", "apparel21", "webhooks")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for a program to read.")
once = click.option("--once", is_flag=True, help="Stop when nothing is due now; what waits is printed with its time.")
connection = click.option("--connection", metavar="C", help="Only this connection.")
port = click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    metavar="N",
    help="Port to listen on (0 = any free one, printed on the first line).",
)
dry_run = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
start = click.option(
    "--from", "start", metavar="TIME", callback=moment, help="Kafka's time stamp from here: ISO, or 2h."
)
until = click.option("--to", "until", metavar="TIME", callback=moment, help="Kafka's time stamp before this.")
key = click.option("--key", metavar="K", help="Only this Kafka key (connection/email).")
group = click.option("--group", required=True, metavar="G", help="A consumer group: klaviyo, yotpo ...")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@config
def tillstream() -> None:
    """What happens at a fashion retailer's tills reaches the platforms that act on it.

    Exit codes: 0 done (also with rejects and dead letters), 1 failed or a connection is stopped, 2 wrong usage or
    configuration.
    """


@tillstream.command()
@click.option("--keep", is_flag=True, help="Leave it running, to look around.")
def demo(keep: bool) -> None:
    """The whole pipeline on this machine, in about a minute.

    With a sandbox shop and five simulated platforms.
    """
    end(step("demo.play")(keep=keep))


@tillstream.command()
@config
@port
@click.pass_context
@role
def run(context: click.Context, port: int | None) -> None:
    """Every role the configuration names, in one process."""
    work, settings = step("run"), arguments.settings(context)
    end(work(settings=settings, http=on_port(settings.http.listen, port)))


@tillstream.command()
@config
@click.argument("source", type=click.Choice(SOURCES))
@connection
@once
@port
@click.pass_context
@role
def produce(context: click.Context, source: str, connection: str | None, once: bool, port: int | None) -> None:
    """Turn files, polls or webhooks into events."""
    work, settings = step("produce"), arguments.settings(context)
    chosen = connection and one_of(connection, settings.connections, "connection")
    end(work(settings=settings, source=source, connection=chosen, once=once, http=on_port(settings.http.listen, port)))


@tillstream.command()
@config
@click.argument("sink", metavar="klaviyo|yotpo|clearer|shopify|apparel21")
@once
@port
@click.pass_context
@role
def consume(context: click.Context, sink: str, once: bool, port: int | None) -> None:
    """Carry events on to one platform."""
    name, work, settings = arguments.sink(sink), step("consume"), arguments.settings(context)
    end(work(settings=settings, sink_name=name, once=once, http=on_port(settings.http.listen, port)))


@tillstream.command()
@config
@click.option("--create", is_flag=True, help="Create what is missing: topics, subscriptions to webhooks.")
@click.pass_context
def check(context: click.Context, create: bool) -> None:
    """Look at all that must be right before records flow.

    Configuration and tables, then the live world: Kafka, topics, registry, SFTP, keys and scopes, webhooks.
    """
    end(step("check")(settings=arguments.settings(context), create=create))


@tillstream.command()
@config
@click.argument("file", metavar="FILE.csv")
@click.option("--to", "sink", metavar="SINK", help="The platform whose requests are shown (default: all).")
@click.option("--connection", metavar="C", help="Whose file it is (default: the first connection's).")
@click.option("--type", "kind", type=click.Choice(TYPES), help="What the file holds, where its name does not say.")
@as_json
@click.pass_context
def preview(
    context: click.Context,
    /,
    *,
    file: str,
    sink: str | None,
    connection: str | None,
    kind: str | None,
    as_json: bool,
) -> None:
    """Rows, events, requests: what a file would do, with nothing sent.

    FILE.csv may be sftp:NAME, a file in the test folder of the connection's server.
    """
    if not file.startswith("sftp:") and not Path(file).is_file():
        raise click.UsageError(f"there is no file {file!r}")
    work, to, settings = step("preview"), sink and arguments.sink(sink), arguments.settings(context)
    chosen = connection and one_of(connection, settings.connections, "connection")
    end(work(settings=settings, file=file, to=to, connection=chosen, kind=kind, as_json=as_json))


@tillstream.command()
@config
@as_json
@click.pass_context
def lag(context: click.Context, as_json: bool) -> None:
    """Per group, topic and connection: records, seconds, time to drain."""
    end(step("lag", "lag")(settings=arguments.settings(context), as_json=as_json))


@tillstream.command()
@config
@as_json
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """The lag, what waits, and what is stopped and why."""
    end(step("lag", "status")(settings=arguments.settings(context), as_json=as_json))


@tillstream.group()
def dlq() -> None:
    """Dead letters: list them, show them, send them again.

    The group `webhooks` has those calls of platforms that could not be read; they are not sent again.
    """


def letters(command: Command) -> Command:
    """The options that choose dead letters."""
    reason = click.option("--reason", metavar="R", help="Only letters buried for this reason.")
    for option in (key, until, start, reason, group, config):
        command = option(command)
    return command


@dlq.command("list")
@letters
@as_json
@click.pass_context
def dlq_list(context: click.Context, /, as_json: bool, **chosen: Any) -> None:
    """How many there are, for which reasons, since when."""
    end(step("dlq", "listing")(settings=arguments.settings(context), letters=_letters(chosen), as_json=as_json))


@dlq.command("show")
@letters
@click.option("--values", is_flag=True, help="Also whose they are and what they hold: PERSONAL DATA.")
@as_json
@click.pass_context
def dlq_show(context: click.Context, /, values: bool, as_json: bool, **chosen: Any) -> None:
    """Each letter: where it came from and why it was buried."""
    work, settings = step("dlq", "show"), arguments.settings(context)
    end(work(settings=settings, letters=_letters(chosen), values=values, as_json=as_json))


@dlq.command("redrive")
@letters
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="At most so many a second.")
@click.option("--stop-after", type=click.IntRange(min=1), metavar="N", help="Stop when so many have come back.")
@dry_run
@click.pass_context
def dlq_redrive(
    context: click.Context, /, rate: float | None, stop_after: int | None, dry_run: bool, **chosen: Any
) -> None:
    """Put the chosen letters in front of their group again."""
    work, settings = step("dlq", "redrive"), arguments.settings(context)
    end(work(settings=settings, letters=_letters(chosen), rate=rate, stop_after=stop_after, dry_run=dry_run))


@tillstream.command()
@config
@group
@click.option("--topic", type=click.Choice(ENTITIES), metavar="T", help="customers, orders, rewards or tiers.")
@start
@until
@key
@click.option("--file", metavar="F", help="Only records of this file: its name or sha-256.")
@click.option(
    "--rate-share",
    type=click.FloatRange(0, 1, min_open=True),
    metavar="N",
    default=0.2,
    show_default=True,
    help="The part of the group's quota that it may take.",
)
@click.option("--force", is_flag=True, help="Send also what the platform has already.")
@dry_run
@click.option("--cancel", is_flag=True, help="Pass over what is left of the group's replay.")
@click.pass_context
def replay(
    context: click.Context, /, *, rate_share: float, force: bool, dry_run: bool, cancel: bool, **chosen: Any
) -> None:
    """Put old records in front of their group again.

    They go beside the live ones, at a share of the quota.
    """
    name = arguments.sink(chosen["group"])
    if cancel:
        end(step("replay", "cancel")(settings=arguments.settings(context), group=name, dry_run=dry_run))
    if chosen["topic"] is None:
        raise click.UsageError("--topic is missing")
    work, settings = step("replay"), arguments.settings(context)
    records = Records(name, chosen["topic"], chosen["start"], chosen["until"], chosen["key"], chosen["file"])
    end(work(settings=settings, records=records, rate_share=rate_share, force=force, dry_run=dry_run))


@tillstream.command()
@config
@click.argument("person", metavar="PERSON")
@as_json
@click.pass_context
def trace(context: click.Context, person: str, as_json: bool) -> None:
    """Where everything about one customer went. PERSON: an e-mail address, an AP21 id or a docket."""
    end(step("trace")(settings=arguments.settings(context), person=person, as_json=as_json))


@tillstream.command()
@config
@as_json
@click.pass_context
def audit(context: click.Context, as_json: bool) -> None:
    """Do the books balance?"""
    end(step("audit")(settings=arguments.settings(context), as_json=as_json))


@tillstream.command()
@config
@click.argument("person", metavar="PERSON")
@dry_run
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@click.pass_context
def erase(context: click.Context, person: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Privacy erasure, everywhere. PERSON: an e-mail address, an AP21 id or a docket."""
    work, settings = step("erase"), arguments.settings(context)
    end(work(settings=settings, person=person, dry_run=dry_run, yes=yes, as_json=as_json))


@tillstream.command()
def console() -> None:
    """The web page (not built yet)."""
    arguments.refuse("tillstream: console is not built yet")


def _letters(chosen: dict[str, Any]) -> Letters:
    name = chosen["group"] if chosen["group"] == "webhooks" else arguments.sink(chosen["group"])
    return Letters(name, chosen["reason"], chosen["start"], chosen["until"], chosen["key"])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """What `tillstream` starts. SIGTERM is like Ctrl-C; a role that has work to drain takes both signals over."""
    signal.signal(signal.SIGTERM, _interrupt)
    tillstream(prog_name="tillstream", color=False if os.environ.get("NO_COLOR") else None)


if __name__ == "__main__":
    main()
