"""One process hosts every role: files come in and go out, one role's end leaves the others at work, SIGTERM drains."""

from __future__ import annotations

from pathlib import Path

import pytest

from operations import run
from sandbox.kafka.broker import Broker
from tests.flow.road import Road
from tests.operations.shop import Shop
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.settings import Address

HEADER = "PERIDX,EMAIL,PRIVACY,FIRSTNAME,SURNAME,LAST_UPDATED,COUNTRY\n"


class House(Road):
    """A road with a folder in which files arrive."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, loft: Loft, engine: str = "") -> None:
        self.data = folder / "data"
        for kind in ("pending", "processed", "rejected", "bulk"):
            (self.data / kind / "au").mkdir(parents=True)
        files = f'[connection.au.folder]\npath = "{self.data}"\npoll = "500ms"\nstill = "100ms"\n'
        super().__init__(kafka, prefix, folder, loft, engine=engine, more=files)

    def drop(self, name: str, people: range) -> None:
        """A file of customers arrives, and is whole as soon as it is there."""
        rows = "".join(f"{n},p{n}@customer.example,No,Kim,Lee,2025-04-01T16:05:11,AUSTRALIA\n" for n in people)
        draft = self.data / "pending" / "au" / f"{name}.part"
        draft.write_text(HEADER + rows)
        draft.rename(draft.with_suffix(""))

    def taken(self) -> int:
        """How many files were put away."""
        return len(list((self.data / "processed" / "au").iterdir()))


def test_files_come_in_and_go_out_in_one_process_that_drains_when_told(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=0.2) as loft:
        road = House(kafka, prefix, tmp_path, loft)

        def slower(_: object) -> int:
            loft.latency = 3.0 if len(loft.taken) > 50 else 0.2
            return 201

        loft.answer = slower  # so that there is something to be stopped
        with road.start("run").ready() as house:
            road.drop("customers_20250401T060000Z.csv", range(1, 2001))
            until(lambda: len(loft.taken) > 50, what=lambda: house.told)
            assert (house.page("livez").status_code, house.page("livez").text) == (200, "ok\n")
            assert "tillstream_records_total" in house.page("metrics").text
            assert house.stop() == 0, house.lines
            under_way = len(loft.taken)
        assert 50 < under_way < 2000, "what was started came to its end, and no more"
        loft.answer, loft.latency = lambda _: 201, 0.0
        road.consume()
        assert (len(loft.taken), loft.repeats()) == (2000, 0)
        assert road.totals() == {"customers/delivered": 2000}


def test_one_roles_end_leaves_the_others_at_work_and_is_said(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        loft.answer = lambda _: 422
        road, stopped = House(kafka, prefix, tmp_path, loft, "dead_letter_run = 3"), "3 records in a row"
        with road.start("run") as house:
            until(lambda: house.pages, what="the first line")
            road.drop("customers_20250401T060000Z.csv", range(1, 20))
            until(lambda: f"consume pigeon: stopped: {stopped}" in house.page("readyz").text, what=lambda: house.told)
            road.drop("customers_20250402T060000Z.csv", range(20, 30))
            until(lambda: road.taken() == 2, what=lambda: house.told)
            assert house.page("readyz").status_code == 503
            assert house.page("livez").status_code == 200
            assert house.stop() == 1, house.lines


def test_roles_that_a_fault_has_ended_begin_anew(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road, in_the_way = House(kafka, prefix, tmp_path, loft), tmp_path / "state"
        in_the_way.write_text("no folder")
        with road.start("run") as house:
            until(lambda: house.pages, what="the first line")
            road.drop("customers_20250401T060000Z.csv", range(1, 20))
            for role in ("produce files", "consume pigeon"):
                until(lambda role=role: f"{role}: stopped: failed with FileExistsError" in house.page("readyz").text)
            in_the_way.unlink()
            until(lambda: len(loft.taken) == 19, what=lambda: house.told)
            house.ready()
            assert house.stop() == 0, house.lines


def test_a_configuration_without_any_role_is_a_wrong_use(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.run(shop.settings, Address("127.0.0.1", 0)) == 2
    assert "names no files to take" in capsys.readouterr().err
