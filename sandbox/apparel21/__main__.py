"""`python -m sandbox.apparel21`: a Retail API of your own, on a port of your own."""

from __future__ import annotations

import click

from sandbox.apparel21.server import Apparel21Server


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8094, show_default=True, help="0: any free one.")
@click.option("--user", default="tillstream:sandbox", show_default=True, help="NAME:PASSWORD it lets in.")
@click.option("--latency", default=0.0, help="Milliseconds before every answer.")
@click.option("--release", default="2025.1", show_default=True, help="Of the API, as its root page says.")
def main(host: str, port: int, user: str, latency: float, release: str) -> None:
    """Simulate one Retail API until interrupted. Steer it and read it out under /sandbox."""
    username, _, password = user.partition(":")
    settings = {"username": username, "password": password, "latency": latency / 1000, "release": release}
    with Apparel21Server(host, port, **settings) as server:
        click.echo(f"Apparel21 sandbox on {server.url}")
        server.run()


if __name__ == "__main__":
    main()
