"""`python -m sandbox.shopify`: a Shopify store of your own, on a port of your own."""

from __future__ import annotations

from typing import Any

import click

from sandbox.shopify.server import ShopifyServer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8093, show_default=True, help="0: any free one.")
@click.option("--shop", default="wattle", show_default=True, help="Its name before .myshopify.com.")
@click.option("--token", default="shpat_sandbox", show_default=True, help="The fixed access token it knows.")
@click.option("--client-id", default="tillstream", show_default=True)
@click.option("--client-secret", default="shhh", show_default=True, help="For tokens, and for signing webhooks.")
@click.option("--no-limits", is_flag=True, help="No throttling.")
@click.option("--search-lag", default=2.0, show_default=True, help="Seconds until the search knows of a change.")
@click.option("--latency", default=0.0, help="Milliseconds before every answer.")
def main(host: str, port: int, **options: Any) -> None:
    """Simulate one Shopify store until interrupted. Steer it and read it out under /sandbox."""
    options["limits"] = not options.pop("no_limits")
    options["latency"] /= 1000
    with ShopifyServer(host, port, **options) as server:
        click.echo(f"Shopify sandbox on {server.url}")
        server.run()


if __name__ == "__main__":
    main()
