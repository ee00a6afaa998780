"""One process hosts every role: files come in and go out, one role's end leaves the others at work, SIGTERM drains."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from operations import run
from sandbox.kafka.broker import Broker
from tests.flow.road import HOME, SECOND_PLATFORM, Road, until
from tests.operations.shop import Shop
from tests.second_platform.loft import Loft
from tillstream.settings import Address

HEADER = "PERIDX,EMAIL,PRIVACY,FIRSTNAME,SURNAME,LAST_UPDATED,COUNTRY\n"


class House:
    """All roles of a road in one process, with a folder in which files arrive."""

    def __init__(self, road: Road) -> None:
        self.data = road.config.parent / "data"
        for folder in ("pending", "processed", "rejected", "bulk"):
            (self.data / folder / "au").mkdir(parents=True)
        table = f'[connection.au.folder]\npath = "{self.data}"\npoll = "500ms"\nstill = "100ms"\n'
        road.config.write_text(road.config.read_text("utf-8") + table, "utf-8")
        command = [sys.executable, "-m", "operations.cli", "--config", str(road.config), "run", "--port", "0"]
        environ = {**os.environ, "PYTHONPATH": f"{HOME}:{SECOND_PLATFORM}"}
        self.process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()
        until(lambda: self.lines, what="the first line")
        self.url = self.lines[0].removeprefix("listening on ").strip()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def drop(self, name: str, people: range) -> None:
        """A file of customers arrives."""
        rows = "".join(f"{n},p{n}@customer.example,No,Kim,Lee,2025-04-01T16:05:11,AUSTRALIA\n" for n in people)
        (self.data / "pending" / "au" / name).write_text(HEADER + rows)

    def taken(self) -> int:
        """How many files were put away."""
        return len(list((self.data / "processed" / "au").iterdir()))

    def ask(self, page: str) -> tuple[int, str]:
        """Status and text of a health page."""
        answer = httpx.get(f"{self.url}/{page}", timeout=10)
        return answer.status_code, answer.text

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(20)
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_files_come_in_and_go_out_in_one_process_that_drains_when_told(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=0.2) as loft:
        road = Road(kafka, prefix, tmp_path, {"au": {"url": loft.url, "key": "k"}})
        with House(road) as house:
            until(lambda: house.ask("readyz")[0] == 200, what=str(house.lines))
            house.drop("customers_20250401T060000Z.csv", range(1, 2001))
            until(lambda: len(loft.taken) > 50, what=str(house.lines))
            assert house.ask("livez") == (200, "ok\n")
            assert "tillstream_records_total" in house.ask("metrics")[1]
            assert house.stop() == 0, house.lines
            under_way = len(loft.taken)
        assert 50 < under_way < 2000, "what was started came to its end, and no more"
        road.consume()
        assert (len(loft.taken), loft.repeats()) == (2000, 0)
        assert road.totals() == {"customers/delivered": 2000}


def test_one_roles_end_leaves_the_others_at_work_and_is_said(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        loft.answer = lambda _: 422
        road = Road(kafka, prefix, tmp_path, {"au": {"url": loft.url, "key": "k"}}, engine="dead_letter_run = 3")
        with House(road) as house:
            house.drop("customers_20250401T060000Z.csv", range(1, 20))
            until(
                lambda: "consume pigeon: stopped: 3 records in a row" in house.ask("readyz")[1], what=str(house.lines)
            )
            house.drop("customers_20250402T060000Z.csv", range(20, 30))
            until(lambda: house.taken() == 2, what=str(house.lines))
            assert house.ask("readyz")[0] == 503
            assert house.ask("livez")[0] == 200
            assert house.stop() == 1, house.lines


def test_a_configuration_without_any_role_is_a_wrong_use(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.run(shop.settings, Address("127.0.0.1", 0)) == 2
    assert "names no files to take" in capsys.readouterr().err
