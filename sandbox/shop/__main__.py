"""`python -m sandbox.shop`: write a shop's customers and orders files."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from sandbox.shop.files import Format, write_shop
from sandbox.shop.plan import Plan


@click.command()
@click.option("--customers", default=1000, show_default=True)
@click.option("--orders", default=3000, show_default=True)
@click.option("--folder", default=Path(), type=click.Path(path_type=Path), help="Where to write.  [default: here]")
@click.option("--seed", default=7, show_default=True, help="Another seed, another shop.")
@click.option("--dirty", default=0.005, show_default=True, help="Share of rows that nobody can read.")
@click.option("--edition", default=0, help="Of the customers file: in each later one, one in twenty has changed.")
@click.option("--last-day", default="2026-06-30", show_default=True, help="The day of the newest order.")
@click.option("--encoding", default="utf-8", show_default=True, help="Such as utf-8-sig or windows-1252.")
@click.option("--delimiter", default=",", show_default=True)
def main(folder: Path, last_day: str, encoding: str, delimiter: str, **numbers: Any) -> None:
    """Write a believable shop: the same options give the same bytes."""
    plan = Plan(**numbers, last_day=date.fromisoformat(last_day))
    for written in write_shop(folder, plan, Format(encoding, delimiter)):
        click.echo(f"{written.file}: {written.rows} rows, {written.dirty} of them dirty")


if __name__ == "__main__":
    main()
