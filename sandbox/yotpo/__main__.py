"""`python -m sandbox.yotpo`: a Yotpo Loyalty account of your own, on a port of your own."""

from __future__ import annotations

from typing import Any

import click

from sandbox.yotpo.server import YotpoServer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8091, show_default=True, help="0: any free one.")
@click.option("--guid", help="The only GUID it knows; none: any.")
@click.option("--api-key", help="The only API key it knows; none: any.")
@click.option("--rate", default=10.0, show_default=True, help="Requests a second.")
@click.option("--no-limits", is_flag=True, help="No rate limit.")
@click.option("--delay", default=1.0, show_default=True, help="Seconds between an order's receipt and its points.")
@click.option("--latency", default=0.0, help="Milliseconds before every answer.")
@click.option("--webhook-url", default="", help="Where webhooks go; none: nowhere.")
@click.option("--webhook-secret", default="", help="What they carry in --webhook-header.")
@click.option("--webhook-header", default="X-Api-Secret", show_default=True)
def main(host: str, port: int, webhook_url: str, webhook_secret: str, webhook_header: str, **options: Any) -> None:
    """Simulate one Yotpo Loyalty account until interrupted. Steer it and read it out under /sandbox."""
    options["limits"] = not options.pop("no_limits")
    options["latency"] /= 1000
    with YotpoServer(host, port, **options) as server:
        server.hooks(url=webhook_url, secret=webhook_secret, header=webhook_header)
        click.echo(f"Yotpo sandbox on {server.api}")
        server.run()


if __name__ == "__main__":
    main()
