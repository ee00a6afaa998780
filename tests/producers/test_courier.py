"""A file is offered only when it is whole and still, and put away only when somebody has said what to do with it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.courier import LONGEST, Courier, PutAway, Rhythm, rest
from producers.folder import FolderInbox, Watcher
from producers.inbox import Away, Upload, Vanished
from producers.spool import Spool, Spooled, hashed
from tests.waiting import until

NAME = "customers_20250401T060000Z.csv"
SALES = "orders_20250401T060000Z.csv"


class Slow(FolderInbox):
    """A folder whose files change in somebody else's hands: one grows before each look, while there are `rows` of it,
    and they change while they are copied, as often as `changes` says."""

    def __init__(self, root: Path, changes: list[str]) -> None:
        super().__init__(root, "au")
        self._root = root
        self.changes = changes
        self.rows: list[str] = []

    def look(self) -> list[Upload]:
        """Something happens before the listing."""
        if self.rows:
            with (self._root / "pending" / "au" / NAME).open("a", encoding="utf-8") as file:
                file.write(self.rows.pop())
        return super().look()

    def fetch(self, upload: Upload, target: Path) -> None:
        """Something happens between the listing and the end of the copy."""
        path = self._root / "pending" / "au" / upload.name
        match self.changes.pop() if self.changes else "":
            case "grows":
                path.write_text(path.read_text(encoding="utf-8") + "more", encoding="utf-8")
            case "replaced":
                path.unlink()
                path.write_text("another file", encoding="utf-8")
            case "gone":
                path.unlink()
        super().fetch(upload, target)


class Desk:
    """A courier of a folder, and whoever reads what it offers."""

    def __init__(self, root: Path, changes: list[str]) -> None:
        self.root = root
        self.pending = root / "pending" / "au"
        self.pending.mkdir(parents=True, exist_ok=True)
        self.inbox = Slow(root, changes)
        self.courier = Courier("au", lambda: self.inbox, Spool(root / "spool"), Rhythm(0.1, 0.05))

    def offered(self) -> Spooled:
        """The next offer."""
        return offer(self.courier)

    def read(self) -> str:
        """Take the next offer, have it put away, and say what was in it."""
        spooled = self.offered()
        text = spooled.path.read_text(encoding="utf-8")
        self.courier.answer(PutAway(spooled, False, "", spooled.path))
        until(lambda: any(True for _ in self.courier.done()))
        return text

    def put(self, text: str) -> None:
        """A file arrives, and is whole as soon as it is there."""
        draft = self.pending / f"{NAME}.part"
        draft.write_text(text, encoding="utf-8")
        draft.rename(self.pending / NAME)


def offer(courier: Courier) -> Spooled:
    """What a courier offers next."""
    offers: list[Spooled] = []

    def offered() -> bool:
        found = courier.offered()
        offers.extend([found] if found else [])
        return bool(offers)

    until(offered, what="an offer")
    return offers[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def desks(root: Path) -> Iterator[list[Desk]]:
    made: list[Desk] = []
    yield made
    for desk in made:
        desk.courier.close()


def opened(desks: list[Desk], root: Path, *changes: str) -> Desk:
    """A desk that is closed after the test."""
    desks.append(Desk(root, list(changes)))
    return desks[-1]


def test_f01_a_file_that_still_grows_is_not_taken(desks: list[Desk], root: Path) -> None:
    desk = opened(desks, root)
    desk.inbox.rows += ["row\n"] * 8
    assert desk.read() == "row\n" * 8


def test_f01_a_file_that_grew_while_it_was_read_is_read_again(desks: list[Desk], root: Path) -> None:
    desk = opened(desks, root, "grows")
    desk.put("row")
    assert desk.read() == "rowmore"


def test_f03_a_file_replaced_under_its_name_is_read_as_the_new_one(desks: list[Desk], root: Path) -> None:
    desk = opened(desks, root, "replaced")
    desk.put("the first")
    assert desk.read() == "another file"


def test_f03_a_file_replaced_after_it_was_read_is_left_for_the_next_look(desks: list[Desk], root: Path) -> None:
    desk = opened(desks, root)
    desk.put("the first")
    spooled = desk.offered()
    (desk.pending / NAME).write_text("the second", encoding="utf-8")
    desk.courier.answer(PutAway(spooled, False, "", spooled.path))
    until(lambda: any(True for _ in desk.courier.done()))
    assert desk.read() == "the second"
    assert sorted(path.read_text(encoding="utf-8") for path in (root / "processed" / "au").iterdir()) == ["the second"]


def test_f05_a_file_deleted_while_it_was_read_was_never_there(desks: list[Desk], root: Path) -> None:
    desk = opened(desks, root, "gone")
    desk.put("row")
    until(lambda: not (desk.pending / NAME).exists())
    until(lambda: desk.courier.over)
    assert desk.courier.offered() is None


def test_customers_are_offered_before_orders_and_the_next_only_after_an_answer(desks: list[Desk], root: Path) -> None:
    pending = root / "pending" / "au"
    pending.mkdir(parents=True)
    for name in (SALES, NAME):  # before anybody looks, so that one look finds both
        (pending / name).write_text(name, encoding="utf-8")
    desk = opened(desks, root)
    first = desk.offered()
    time.sleep(0.5)
    assert desk.courier.offered() is None
    desk.courier.answer(PutAway(first, False, "", first.path))
    assert (first.upload.name, desk.read()) == (NAME, SALES)


def test_a_file_that_was_given_back_is_offered_again(desks: list[Desk], root: Path) -> None:
    desk = opened(desks, root)
    desk.put("row")
    assert hashed(desk.offered().path)
    desk.courier.answer(None)
    assert desk.read() == "row"


def test_a_move_cut_short_between_link_and_unlink_is_finished(root: Path) -> None:
    inbox = FolderInbox(root, "au")
    inbox.look()
    source, target = root / "pending" / "au" / NAME, root / "processed" / "au" / NAME
    source.write_text("row", encoding="utf-8")
    target.hardlink_to(source)
    (upload,) = inbox.look()
    assert inbox.archive(upload, refused=False) == NAME
    assert ([*source.parent.iterdir()], [*target.parent.iterdir()]) == ([], [target])


def test_a_file_that_is_not_the_one_that_was_seen_is_not_moved(root: Path) -> None:
    inbox = FolderInbox(root, "au")
    inbox.look()
    (root / "pending" / "au" / NAME).write_text("row", encoding="utf-8")
    (upload,) = inbox.look()
    (root / "pending" / "au" / NAME).write_text("other rows", encoding="utf-8")
    with pytest.raises(Vanished):
        inbox.archive(upload, refused=False)


def test_f13_a_folder_that_goes_away_before_its_file_is_put_away_is_away(root: Path) -> None:
    inbox = FolderInbox(root, "au")
    inbox.look()
    pending = root / "pending" / "au"
    (pending / NAME).write_text("row", encoding="utf-8")
    (upload,) = inbox.look()
    (pending / NAME).unlink()
    pending.rmdir()
    pending.write_text("no folder", encoding="utf-8")
    with pytest.raises(Away, match="Not a directory"):
        inbox.archive(upload, refused=False)


def test_f13_a_folder_that_cannot_be_watched_is_only_looked_at(root: Path) -> None:
    (root / "pending").write_text("no folder", encoding="utf-8")
    inbox = FolderInbox(root, "au")
    courier = Courier("au", lambda: inbox, Spool(root / "spool"), Rhythm(0.1, 0.05))
    watcher = Watcher(inbox.watched, courier.ring)
    try:
        until(lambda: "unreachable" in courier.trouble)
        (root / "pending").unlink()
        until(lambda: not courier.trouble)
        (root / "pending" / "au" / NAME).write_text("row", encoding="utf-8")
        assert offer(courier).upload.name == NAME
    finally:
        watcher.close()
        courier.close()


def test_what_ends_its_thread_is_raised_where_its_files_are_asked_for(root: Path) -> None:
    def make() -> FolderInbox:
        raise ZeroDivisionError("a fault of ours")

    courier = Courier("au", make, Spool(root / "spool"), Rhythm(0.1, 0.1))
    try:
        with pytest.raises(ZeroDivisionError):
            offer(courier)
    finally:
        courier.close()


def test_f13_a_place_that_is_away_for_days_is_tried_every_minute() -> None:
    assert [rest(tries) for tries in (1, 2, 3, 7, 5_000)] == [1.0, 2.0, 4.0, LONGEST, LONGEST]
