"""The [kafka] table: any option of librdkafka, except those that our promises rest on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, RootModel, ValidationInfo, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from tillstream.settings.errors import nearest
from tillstream.settings.kinds import Secret, below_the_file

# librdkafka's own names (version 2.16, CONFIGURATION.md); a test asks the library itself about each.
OPTIONS = frozenset(
    """
acks allow.auto.create.topics api.version.fallback.ms api.version.request api.version.request.timeout.ms
auto.commit.enable auto.commit.interval.ms auto.offset.reset batch.num.messages batch.size bootstrap.servers
broker.address.family broker.address.ttl broker.version.fallback builtin.features check.crcs client.dns.lookup
client.id client.rack compression.codec compression.level compression.type connections.max.idle.ms
consume.callback.max.messages coordinator.query.interval.ms debug delivery.report.only.error
delivery.timeout.ms enable.auto.commit enable.auto.offset.store enable.gapless.guarantee enable.idempotence
enable.metrics.push enable.partition.eof enable.random.seed enable.sasl.oauthbearer.unsecure.jwt
enable.ssl.certificate.verification fetch.error.backoff.ms fetch.max.bytes fetch.message.max.bytes
fetch.min.bytes fetch.queue.backoff.ms fetch.wait.max.ms group.id group.instance.id group.protocol
group.protocol.type group.remote.assignor heartbeat.interval.ms https.ca.location https.ca.pem
internal.termination.signal isolation.level linger.ms log.connection.close log.queue log.thread.name log_level
max.in.flight max.in.flight.requests.per.connection max.partition.fetch.bytes max.poll.interval.ms max.poll.records
message.copy.max.bytes message.max.bytes message.send.max.retries message.timeout.ms metadata.broker.list
metadata.max.age.ms metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy
offset.store.method offset.store.path offset.store.sync.interval.ms partition.assignment.strategy partitioner
plugin.library.paths produce.offset.report queue.buffering.backpressure.threshold queue.buffering.max.kbytes
queue.buffering.max.messages queue.buffering.max.ms queued.max.messages.kbytes queued.min.messages queuing.strategy
receive.message.max.bytes reconnect.backoff.jitter.ms reconnect.backoff.max.ms reconnect.backoff.ms
request.required.acks request.timeout.ms retries retry.backoff.max.ms retry.backoff.ms sasl.kerberos.keytab
sasl.kerberos.kinit.cmd sasl.kerberos.min.time.before.relogin sasl.kerberos.principal sasl.kerberos.service.name
sasl.mechanism sasl.mechanisms sasl.oauthbearer.assertion.algorithm sasl.oauthbearer.assertion.claim.aud
sasl.oauthbearer.assertion.claim.exp.seconds sasl.oauthbearer.assertion.claim.iss
sasl.oauthbearer.assertion.claim.jti.include sasl.oauthbearer.assertion.claim.nbf.seconds
sasl.oauthbearer.assertion.claim.sub sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.jwt.template.file
sasl.oauthbearer.assertion.private.key.file sasl.oauthbearer.assertion.private.key.passphrase
sasl.oauthbearer.assertion.private.key.pem sasl.oauthbearer.client.credentials.client.id
sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.client.id sasl.oauthbearer.client.secret
sasl.oauthbearer.config sasl.oauthbearer.extensions sasl.oauthbearer.grant.type
sasl.oauthbearer.metadata.authentication.type sasl.oauthbearer.method sasl.oauthbearer.scope
sasl.oauthbearer.sub.claim.name sasl.oauthbearer.token.endpoint.url sasl.password sasl.username security.protocol
session.timeout.ms share.acknowledgement.mode socket.blocking.max.ms socket.connection.setup.timeout.ms
socket.keepalive.enable socket.max.fails socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes
socket.timeout.ms ssl.ca.certificate.stores ssl.ca.location ssl.ca.pem ssl.certificate.location ssl.certificate.pem
ssl.cipher.suites ssl.crl.location ssl.curves.list ssl.endpoint.identification.algorithm ssl.engine.id
ssl.engine.location ssl.key.location ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password
ssl.providers ssl.sigalgs.list statistics.interval.ms
sticky.partitioning.linger.ms topic.blacklist topic.metadata.propagation.max.ms topic.metadata.refresh.fast.cnt
topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.interval.ms topic.metadata.refresh.sparse
transaction.timeout.ms transactional.id
test.mock.num.brokers test.mock.broker.rtt
""".split()  # noqa: SIM905 - a hundred names read better than a hundred lines
)

_OFFSETS = "offsets are committed in the same transaction as the results"
_GROUP = "a group is named by its sink, and its members share whole partitions"
_TRANSACTION = "a transaction must end before its time-out, and outlive a crash under the same id"
_WRITES = "records must be written once, in order, and by all replicas"
OWNED = {
    **dict.fromkeys(("enable.auto.commit", "auto.commit.enable", "auto.commit.interval.ms"), _OFFSETS),
    **dict.fromkeys(("enable.auto.offset.store",), _OFFSETS),
    **dict.fromkeys(("offset.store.method", "offset.store.path", "offset.store.sync.interval.ms"), _OFFSETS),
    **dict.fromkeys(("group.id", "group.instance.id", "group.protocol", "group.protocol.type"), _GROUP),
    **dict.fromkeys(("group.remote.assignor", "partition.assignment.strategy"), _GROUP),
    **dict.fromkeys(("session.timeout.ms", "heartbeat.interval.ms"), _GROUP),
    **dict.fromkeys(("transactional.id", "transaction.timeout.ms"), _TRANSACTION),
    **dict.fromkeys(("message.timeout.ms", "delivery.timeout.ms"), _TRANSACTION),
    **dict.fromkeys(("enable.idempotence", "enable.gapless.guarantee", "acks", "request.required.acks"), _WRITES),
    **dict.fromkeys(("max.in.flight", "max.in.flight.requests.per.connection", "queuing.strategy"), _WRITES),
    **dict.fromkeys(("retries", "message.send.max.retries", "delivery.report.only.error"), _WRITES),
    "isolation.level": "only committed records may be read",
    "auto.offset.reset": "a position below the log's start must stop the worker, never jump",
    "partitioner": "all topics share one partitioner, so that a key has one partition everywhere",
    "enable.partition.eof": "a worker must know when it has read all there is",
}
SECRET = re.compile(r"password|passphrase|secret$|key\.pem$|oauthbearer\.config$|keystore\.password$")
ALIASES = {"sasl.mechanism": "sasl.mechanisms", "bootstrap.servers": "metadata.broker.list"}
OURS_TO_SET = OPTIONS - OWNED.keys()
FILES = {f"{name}_file": name for name in OURS_TO_SET if SECRET.search(name)}

Value = bool | int | float | str | Secret


class Kafka(RootModel[dict[str, Value]]):
    """The options of every Kafka client we make. Secrets among them may be files (`"sasl.password_file"`)."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    root: dict[str, Value] = {}

    @model_validator(mode="before")
    @classmethod
    def _known(cls, table: Any, info: ValidationInfo) -> Any:
        """Refuse every key that is unknown or ours; put secrets out of sight."""
        if not isinstance(table, Mapping):
            return table
        problems = {key: what for key in table if (what := _problem(key, table))}
        if problems:
            errors = [_error(key, what) for key, what in problems.items()]
            raise ValidationError.from_exception_data("kafka", errors, hide_input=True)
        read = dict(_read(key, value, info) for key, value in table.items())
        named = read.keys() & {"bootstrap.servers", "metadata.broker.list"}
        return read if named else {"bootstrap.servers": "localhost:9092", **read}

    def options(self) -> dict[str, str | int | float]:
        """The options as librdkafka takes them, secrets in clear; raises `SecretError`."""
        return {key: _plain(value) for key, value in self.root.items()}


def _problem(key: str, table: Mapping[str, Any]) -> str:
    if key in OWNED:
        return f"is set by tillstream: {OWNED[key]}"
    if key in FILES:
        return f"give either {FILES[key]} or {key}, not both" if FILES[key] in table else ""
    if key not in OPTIONS:
        return f"unknown key{nearest(key, OURS_TO_SET | FILES.keys())}"
    if not isinstance(table[key], bool | int | float | str | Secret):
        return "should be text, a number, true or false"
    return ""


def _read(key: str, value: Any, info: ValidationInfo) -> tuple[str, Any]:
    if key in FILES:
        origins = info.context.get("origins", {}) if isinstance(info.context, Mapping) else {}
        said = origins.get(("kafka", key), f'[kafka] "{key}"')
        return FILES[key], Secret(below_the_file(Path(str(value)), info), said)
    return key, Secret.of(str(value)) if SECRET.search(key) and not isinstance(value, Secret) else value


def _error(key: str, what: str) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError("refused", "{what}", {"what": what}), loc=(key,), input=None)


def _plain(value: Value) -> str | int | float:
    match value:
        case Secret():
            return value.read()
        case bool():
            return "true" if value else "false"
        case _:
            return value
