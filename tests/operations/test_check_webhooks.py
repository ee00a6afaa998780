"""Each address to paste is told, and a platform that lets us subscribe is asked to, when that is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from consumers.engine.sink import Finding, Sink
from operations import check_webhooks, platforms
from operations.check_webhooks import Question
from tillstream.settings import Connection, Settings, load

TOKEN = "0123456789abcdefghijklmnopqrstuv"
YOTPO = '[connection.au.yotpo]\nguid = "g"\napi_key = "k"\n'


def settings(folder: Path, text: str) -> Settings:
    file = folder / "tillstream.toml"
    file.write_text(text)
    return load(file, {}, {name: sink.settings for name, sink in platforms.find().items()})


def nobody(_: Connection, __: Sink, ___: Question) -> Iterator[Finding]:
    raise AssertionError("no platform is asked")


def lines(found: Settings) -> dict[str, str]:
    return {one.what: one.told for one in check_webhooks.findings(found, nobody, create=False)}


def test_an_address_is_told_whole_and_its_token_stays_one_part_of_the_path(tmp_path: Path) -> None:
    own = f'[webhooks]\npublic = "https://hooks.shop.example/"\n[connection.au]\n{YOTPO}webhook_token = "a b/{TOKEN}"\n'
    assert lines(settings(tmp_path, own)) == {
        "au, yotpo: webhooks": f"to be sent to https://hooks.shop.example/webhooks/au/yotpo/a%20b%2F{TOKEN}"
    }


def test_without_a_public_address_that_of_this_machine_is_told_and_said_to_be_it(tmp_path: Path) -> None:
    told = lines(settings(tmp_path, f'[connection.au]\n{YOTPO}webhook_token = "{TOKEN}"\n'))
    assert told["au, yotpo: webhooks"] == f"to be sent to http://127.0.0.1:8088/webhooks/au/yotpo/{TOKEN}"
    assert "http://127.0.0.1:8088" in told["[webhooks] public"]


def test_a_token_that_could_be_guessed_is_not_well(tmp_path: Path) -> None:
    found = settings(tmp_path, f'[connection.au]\n{YOTPO}webhook_token = "{"t" * 31}"\n')
    (wrong,) = [one for one in check_webhooks.findings(found, nobody, create=False) if not one.well]
    assert wrong.what == "au, yotpo: webhook_token"
    assert wrong.told == "has 31 characters: take at least 32 that nobody can guess"


def test_a_token_that_cannot_be_read_is_not_well(tmp_path: Path) -> None:
    found = settings(tmp_path, f'[connection.au]\n{YOTPO}webhook_token_file = "gone"\n')
    (wrong,) = [one for one in check_webhooks.findings(found, nobody, create=False) if not one.well]
    assert (wrong.what, "gone" in wrong.told) == ("au, yotpo: webhooks", True)
