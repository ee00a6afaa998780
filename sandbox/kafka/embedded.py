"""librdkafka's own mock broker, for a demo on a machine without Java; it keeps nothing and says what it is."""

from __future__ import annotations

from confluent_kafka import Producer

NOTICE = "This is librdkafka's in-process mock of Kafka: no Java needed, nothing is kept. Use a real broker for work."


class EmbeddedKafka:
    """A mock cluster of one broker that lives as long as this object.

    It cannot create topics by admin call (it makes them on first use), look offsets up by time, list groups, or keep
    more than 5 MB a partition (librdkafka, `test.mock.num.brokers`). Members of groups use `group.protocol=consumer`.
    """

    def __init__(self) -> None:
        # The mock cluster belongs to a client; this one does nothing else.
        self._owner: Producer | None = Producer(
            {"test.mock.num.brokers": 1, "bootstrap.servers": "mock", "log_level": 0}
        )
        (broker,) = self._owner.list_topics(timeout=10).brokers.values()
        self.bootstrap = f"{broker.host}:{broker.port}"

    def stop(self) -> None:
        """Forget the cluster and all that it holds."""
        self._owner = None
