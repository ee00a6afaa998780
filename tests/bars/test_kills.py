"""Ten kills at moments that hurt: nothing is lost, nothing is there twice, nobody sees older after newer."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.program import Program
from tests.bars.shop_floor import Floor, customer, customers, orders, sale, shop
from tests.waiting import until

PEOPLE, CHANGED, SALES, MORE_SALES = 30_000, 20_000, 30_000, 20_000
IMPORTS = "POST /api/profile-bulk-import-jobs"


def first_files(floor: Floor) -> None:
    """Everybody, and a sale for each."""
    rows = (customer(n, PRIVACY="No", CITY="Kew", PERSON_CODE="1") for n in range(PEOPLE))
    floor.drop("customers_20250402T060000Z.csv", customers(rows))
    floor.drop("orders_20250402T063000Z.csv", orders(sale(n, n) for n in range(SALES)))


def second_files(floor: Floor) -> None:
    """Many have moved house the next day, and bought once more."""
    later = {"PRIVACY": "No", "CITY": "Fitzroy", "PERSON_CODE": "2", "LAST_UPDATED": "2025-04-02T09:00:00"}
    floor.drop("customers_20250403T060000Z.csv", customers(customer(n, **later) for n in range(CHANGED)))
    more = (sale(SALES + n, n, SALE_DATETIME="2025-04-02T10:00:00") for n in range(MORE_SALES))
    floor.drop("orders_20250403T063000Z.csv", orders(more))


class Scene:
    """The two programs, the signs by which their moments are known, and which moments were hit."""

    def __init__(self, floor: Floor, klaviyo: KlaviyoServer, chance: random.Random) -> None:
        self.floor, self.klaviyo, self.chance = floor, klaviyo, chance
        self.hits: Counter[str] = Counter()
        # Looking without committing: records of open transactions count, too.
        self._eye = Consumer({
            "bootstrap.servers": floor.kafka.bootstrap,
            "group.id": f"{floor.prefix}eye",
            "isolation.level": "read_uncommitted",
        })  # fmt: skip
        self.producer, self.worker = self._produce(), self._consume()

    def close(self) -> None:
        self.producer.stop()
        self.worker.stop()
        self._eye.close()

    def written(self, topic: str) -> int:
        """How many records (and marks) a topic has."""
        spans = [
            self._eye.get_watermark_offsets(TopicPartition(f"{self.floor.prefix}{topic}", n), timeout=10)
            for n in (0, 1)
        ]
        return sum(high for _, high in spans)

    def waits(self, file: str) -> bool:
        """Is this file not archived yet?"""
        return (self.floor.data / "pending" / "au" / file).exists()

    def kill_producing(self, *files: tuple[str, str]) -> None:
        """After some of a file's records were written, and before all are: in one of these (file, topic)."""
        for file, topic in files:
            self._grown(topic, 0)
            time.sleep(self.chance.uniform(0, 0.2))
            self.producer.kill()
            hit = self.waits(file)
            self.hits["producing" if hit else "anywhere"] += 1
            self.producer = self._produce()
            if hit:
                return

    def _grown(self, topic: str, more: int) -> None:
        """Wait until a topic has more records than now."""
        before = self.written(topic)
        until(lambda: self.written(topic) > before + more, what=f"{topic} is being written")

    def kill_waiting(self) -> None:
        """After Klaviyo took an import job, and before it has ended: jobs take half a second at least."""
        taken = self._jobs()
        until(lambda: self._jobs() > taken, what="a bulk job is taken")
        time.sleep(self.chance.uniform(0, 0.3))
        self._kill("waiting")

    def kill_settling(self) -> None:
        """While the records of a settlement are being written."""
        self._grown("tillstream.klaviyo.state", 50)
        self._kill("settling")

    def kill_restoring(self) -> None:
        """A worker whose disk was lost, while it reads its state again."""
        hits, stores = self.hits["restoring"], self.floor.folder / "state" / "klaviyo"
        while self.hits["restoring"] == hits:
            self.worker.kill()
            shutil.rmtree(stores)
            begun = len(self._restored())
            self.worker = self._consume()
            until(lambda: any(stores.glob("*/*/data.mdb")), what="it has begun to restore")
            time.sleep(self.chance.uniform(0, 0.1))
            self._kill("restoring" if len(self._restored()) < begun + 2 else "anywhere")

    def kill_anywhere(self) -> None:
        """At any moment."""
        time.sleep(self.chance.uniform(0.5, 3))
        self._kill("anywhere")

    def _kill(self, what: str) -> None:
        self.worker.kill()
        self.hits[what] += 1
        self.worker = self._consume()

    def _jobs(self) -> int:
        taken: int = self.klaviyo.counts()["endpoints"].get(IMPORTS, {}).get("202", 0)
        return taken

    def _restored(self) -> list[str]:
        log = self.floor.folder / "worker.log"
        return [line for line in log.read_text("utf-8").splitlines() if "state restored" in line]

    def _produce(self) -> Program:
        return self.floor.start("produce", "folder", log="producer.log")

    def _consume(self) -> Program:
        return self.floor.start("consume", "klaviyo", log="worker.log")


@pytest.fixture
def scene(kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer) -> Iterator[Scene]:
    klaviyo.settings(job_time=1.0)
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    floor.produce()
    floor.consume()
    scene = Scene(floor, klaviyo, random.Random(seed))
    yield scene
    scene.close()


def test_ten_kills_lose_nothing_double_nothing_and_turn_nothing_back(scene: Scene) -> None:
    first_files(scene.floor)
    scene.kill_producing(("customers_20250402T060000Z.csv", "customers"), ("orders_20250402T063000Z.csv", "orders"))
    kill_in_any_order(scene)
    until(lambda: not scene.waits("orders_20250402T063000Z.csv"), what="the first files are in")
    second_files(scene.floor)
    scene.kill_producing(("customers_20250403T060000Z.csv", "customers"), ("orders_20250403T063000Z.csv", "orders"))
    kill_in_any_order(scene)
    until(lambda: scene.klaviyo.counts()["events"] == SALES + MORE_SALES, what="every sale is there")
    scene.worker.stop()
    scene.floor.consume()
    assert settled(scene.floor)
    print(dict(scene.hits), scene.klaviyo.counts()["tallies"])
    assert min(scene.hits[what] for what in ("producing", "waiting", "settling", "restoring")) >= 2
    assert scene.hits.total() >= 10
    profiles_are_right(scene.klaviyo)
    events_are_right(scene.klaviyo)
    order_held(scene.klaviyo)


def kill_in_any_order(scene: Scene) -> None:
    kills: list[Callable[[], None]] = [
        scene.kill_waiting,
        scene.kill_settling,
        scene.kill_restoring,
        scene.kill_anywhere,
    ]
    scene.chance.shuffle(kills)
    for kill in kills:
        kill()


def settled(floor: Floor) -> bool:
    """Do the books balance with nothing waiting, and every row accounted for?"""
    books = floor.books()
    ended = {
        topic: sum(counts[name] for name in ("delivered", "unchanged", "superseded")) for topic, counts in books.items()
    }
    assert not any(counts["dead"] or counts["skipped"] for counts in books.values())
    return ended == {"customers": PEOPLE + CHANGED, "orders": SALES + MORE_SALES}


def profiles_are_right(klaviyo: KlaviyoServer) -> None:
    """Everybody as last exported, subscribed once, with sums that count each sale once."""
    profiles = {profile["email"]: profile for profile in klaviyo.profiles()}
    assert len(profiles) == PEOPLE
    for n in range(PEOPLE):
        profile = profiles[f"p{n}@customer.example"]
        said = profile["properties"]
        assert (profile["location"]["city"], said["Person Code"]) == (("Fitzroy", "2") if n < CHANGED else ("Kew", "1"))
        sales = (n < SALES) + (n < MORE_SALES)
        assert (said["In-Store Order Count"], said["Total In-Store Order Value"]) == (sales, round(49.95 * sales, 2)), n
        assert profile["consents"]["email"]["state"] == "SUBSCRIBED"
        assert profile["lists"] == ["Y6nRLr"]
    assert "subscribes_too_soon" not in klaviyo.counts()["tallies"]


def events_are_right(klaviyo: KlaviyoServer) -> None:
    """Every sale once, at its buyer's profile."""
    found = Counter((event["unique"], event["email"]) for event in klaviyo.events())
    sales = [*((n, n) for n in range(SALES)), *((SALES + n, n) for n in range(MORE_SALES))]
    assert found == Counter((f"ap21-au-{number}", f"p{n}@customer.example") for number, n in sales)


def order_held(klaviyo: KlaviyoServer) -> None:
    """No address was sent its first row after its second."""
    newest: dict[str, str] = {}
    for line in klaviyo.requests(IMPORTS):
        for row in json.loads(line["body"])["data"]["attributes"]["profiles"]["data"]:
            version = row["attributes"]["properties"].get("Person Code", "")
            email = row["attributes"]["email"]
            assert not version or version >= newest.get(email, ""), email
            newest[email] = version or newest.get(email, "")
