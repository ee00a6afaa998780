"""The names of all topics and consumer groups, in one place, with the prefix an installation may put before them."""

EVENT_TOPICS = ("customers", "orders", "rewards", "tiers")


class Names:
    """Full names as Kafka knows them.

    >>> names = Names("test.")
    >>> names.topic("customers"), names.state("klaviyo"), names.ledger
    ('test.customers', 'test.tillstream.klaviyo.state', 'test.tillstream.ledger')
    """

    def __init__(self, prefix: str = "") -> None:
        """`prefix` goes before every topic and group, exactly as given."""
        self.prefix = prefix
        self.ingest = f"{prefix}tillstream.ingest"
        self.ledger = f"{prefix}tillstream.ledger"
        self.programs = f"{prefix}tillstream.programs"
        self.replays = f"{prefix}tillstream.replays"
        self.receipts = f"{prefix}tillstream.receipts"
        self.webhooks_dead_letters = f"{prefix}tillstream.webhooks.dlq"

    def topic(self, name: str) -> str:
        """An event topic: one of EVENT_TOPICS."""
        return f"{self.prefix}{name}"

    def group(self, sink: str) -> str:
        """The consumer group of a sink."""
        return f"{self.prefix}tillstream.{sink}"

    def dead_letters(self, sink: str) -> str:
        """Where a sink puts what it can never deliver."""
        return f"{self.prefix}tillstream.{sink}.dlq"

    def replay(self, sink: str) -> str:
        """Where records are put that one sink shall see again."""
        return f"{self.prefix}tillstream.{sink}.replay"

    def state(self, sink: str) -> str:
        """The compacted topic that holds what a sink remembers."""
        return f"{self.prefix}tillstream.{sink}.state"
