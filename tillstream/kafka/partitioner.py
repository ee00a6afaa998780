"""Which partition a key belongs to: the arithmetic of Kafka's own default partitioner, known before writing."""

from __future__ import annotations

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_MASK = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key under `murmur2_random` (Kafka's `Utils.toPositive(Utils.murmur2(key)) % partitions`).

    >>> partition_of(b"au", 12), partition_of(b"au/kim@customer.example", 1)
    (7, 0)
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 as Kafka computes it (`org.apache.kafka.common.utils.Utils.murmur2`), as an unsigned number.

    >>> murmur2(b"21") == -973932308 & 0xFFFFFFFF  # from Kafka's own UtilsTest
    True
    """
    whole = len(data) & ~3
    found = _SEED ^ len(data)
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _MIX & _MASK
        word = (word ^ word >> 24) * _MIX & _MASK
        found = found * _MIX & _MASK ^ word
    if whole < len(data):
        found = (found ^ int.from_bytes(data[whole:], "little")) * _MIX & _MASK
    found = (found ^ found >> 13) * _MIX & _MASK
    return found ^ found >> 15
