"""The disk's copy of a partition: written whole with its checkpoint, readable by one thread while another writes."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillstream.kafka.store import SHORTENED, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "store")
    yield made
    made.close()


def test_a_new_store_is_empty(store: Store) -> None:
    assert (store.checkpoint(), store.get(b"k"), list(store.scan(b""))) == (None, None, [])


def test_changes_come_with_their_checkpoint_and_stay(tmp_path: Path) -> None:
    first = Store(tmp_path)
    first.write([(b"a", b"1"), (b"b", b"2"), (b"a", None)], 7, "id")
    first.close()
    again = Store(tmp_path)
    mark = again.checkpoint()
    assert mark is not None
    assert (mark.offset, mark.topic_id) == (7, "id")
    assert list(again.scan(b"")) == [(b"b", b"2")]
    again.close()


def test_what_is_discarded_is_gone(store: Store) -> None:
    store.write([(b"a", b"1")], 7, "id")
    store.discard()
    assert (store.checkpoint(), store.get(b"a")) == (None, None)
    store.write([(b"b", b"1")], 8, "id")
    assert store.get(b"b") == b"1"


KEYS = st.one_of(
    st.binary(min_size=1, max_size=8).filter(lambda key: key[:1] != b"\x00"),
    st.integers(SHORTENED - 1, SHORTENED + 1).map(lambda size: b"k" * size),
    st.binary(min_size=1, max_size=3).map(lambda tail: b"x" * 1000 + tail),
)
"""Short ones, ones around the limit, and long ones that differ only behind it."""


@given(st.lists(st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=5)), max_size=6), max_size=5))
def test_it_holds_what_a_dictionary_would(writes: list[list[tuple[bytes, bytes | None]]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compare(Store(Path(folder)), writes)


def compare(store: Store, writes: list[list[tuple[bytes, bytes | None]]]) -> None:
    model: dict[bytes, bytes] = {}
    for offset, changes in enumerate(writes):
        store.write(changes, offset, "id")
        for key, value in changes:
            if value is None:
                model.pop(key, None)
            else:
                model[key] = value
        assert all(store.get(key) == value for key, value in model.items())
        assert dict(store.scan(b"")) == model
        assert dict(store.scan(b"x")) == {key: value for key, value in model.items() if key.startswith(b"x")}
    store.close()


def test_readers_see_whole_writes_while_another_thread_writes(store: Store) -> None:
    """Both halves of each write are of one number, in whatever moment they are read."""
    store.write([(b"a", b"0"), (b"z", b"0")], 0, "id")
    done = threading.Event()

    def write() -> None:
        for n in range(1, 2000):
            store.write([(b"a", b"%d" % n), *((b"m%d" % m, b"x" * 50) for m in range(5)), (b"z", b"%d" % n)], n, "id")
        done.set()

    writing = threading.Thread(target=write)
    writing.start()
    while not done.is_set():
        found = dict(store.scan(b""))
        assert found[b"a"] == found[b"z"]
    writing.join()
