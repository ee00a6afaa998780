"""`python -m sandbox.clearer`: a Clearer.io loyalty account of your own, on a port of your own."""

from __future__ import annotations

from typing import Any

import click

from sandbox.clearer.server import ClearerServer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8092, show_default=True, help="0: any free one.")
@click.option("--api-key", help="The only API key it knows; none: any.")
@click.option("--rate", type=float, help="Requests a second before a 429; none: any number.")
@click.option("--basis", type=click.Choice(["points", "spend"]), default="points", show_default=True)
@click.option("--latency", default=0.0, help="Milliseconds before every answer.")
@click.option("--webhook-url", default="", help="Where webhooks go; none: nowhere.")
def main(host: str, port: int, webhook_url: str, **options: Any) -> None:
    """Simulate one Clearer.io account until interrupted. Steer it and read it out under /sandbox."""
    options["latency"] /= 1000
    with ClearerServer(host, port, **options) as server:
        server.hooks(url=webhook_url)
        click.echo(f"Clearer sandbox on {server.url}")
        server.run()


if __name__ == "__main__":
    main()
