"""`python -m sandbox.klaviyo`: a Klaviyo of your own, on a port of your own."""

from __future__ import annotations

import gc
from typing import Any

import click

from sandbox.klaviyo.server import KlaviyoServer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8090, show_default=True, help="0: any free one.")
@click.option("--key", "keys", multiple=True, help="A private key it knows; none: any that begins with pk_.")
@click.option("--list", "lists", multiple=True, help="The id of a list it has, beside Y6nRLr.")
@click.option("--job-time", default=2.0, show_default=True, help="Seconds an import job takes, about; 0: none.")
@click.option("--lag", default=0.0, help="Seconds between a 202 without a job and its effect.")
@click.option("--latency", default=0.0, help="Milliseconds before every answer.")
@click.option("--no-limits", is_flag=True, help="No rate limits.")
@click.option("--limit", "limits", multiple=True, metavar="ENDPOINT=SECOND/MINUTE", help="Another limit; * for all.")
@click.option("--keep", default=100_000, show_default=True, help="Requests kept in the log.")
def main(host: str, port: int, keys: tuple[str, ...], lists: tuple[str, ...], **options: Any) -> None:
    """Simulate one Klaviyo account until interrupted. Steer it and read it out under /sandbox."""
    settings = {
        "job_time": options["job_time"],
        "lag": options["lag"],
        "latency": options["latency"] / 1000,
        "limits": not options["no_limits"],
        "overrides": dict(read_limit(text) for text in options["limits"]),
        "kept_requests": options["keep"],
    }
    gc.set_threshold(50_000, 20, 1000)  # hundreds of thousands of profiles stay for good: looking through them is dear
    with KlaviyoServer(host, port, keys=keys or None, **settings) as server:
        for identity in lists:
            server.add_list(identity)
        click.echo(f"Klaviyo sandbox on {server.url}")
        server.run()


def read_limit(text: str) -> tuple[str, list[int]]:
    """An endpoint and its two numbers.

    >>> read_limit("POST /api/profile-import=75/700")
    ('POST /api/profile-import', [75, 700])
    """
    endpoint, _, numbers = text.rpartition("=")
    return endpoint, [int(number) for number in numbers.split("/")]


if __name__ == "__main__":
    main()
