"""Set up logging for every role: lines of JSON for machines, colours for people, and nobody's data in either."""

import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
SECRET_NAMES = re.compile(r"password|passwd|secret|token|private_key|api_key|authorization", re.IGNORECASE)
HIDDEN = "[hidden]"
CHATTY = ("httpx", "httpx2", "httpcore")
"""Libraries that tell each call at INFO; the schema registry's client speaks through them."""

MASKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(//[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
    (re.compile(r"[\w.!#$'*+^`{|}~-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})+", re.IGNORECASE), "[e-mail]"),
    (re.compile(r"(?<!\w)\+\d{8,15}\b"), "[phone]"),
    (re.compile(r"\b((?:Bearer|Basic|Klaviyo-API-Key)\s+)[^\s,;'\"]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(?:pk|shpat|shpss|shpca)_\w+"), HIDDEN),
    (re.compile(r"(/webhooks/[^/\s]+/[^/\s]+/)[^/\s?\"']+"), rf"\1{HIDDEN}"),
)
"""What must never be read in a log, wherever it comes from, and what stands there instead."""


def set_up(stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Send all logs of the process, libraries' included, to `stream` (default: standard output).

    JSON when the stream is no terminal; LOG_LEVEL decides what is said (default INFO), NO_COLOR turns colours off.
    Raises ValueError for a LOG_LEVEL that is none.
    """
    out = sys.stdout if stream is None else stream
    level = _level(environ.get("LOG_LEVEL") or "INFO")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask,
    ]
    render = _renderer(out, environ)
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:3], *shared[4:]],  # what a library hangs on its lines is for itself
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `logger(__name__).info("file taken", connection="au", rows=120)`."""
    made: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return made


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hide whatever looks like a person or a secret, at any depth, in any value."""
    return {key: masked(value, key) for key, value in event.items()}


def masked(value: Any, key: str = "") -> Any:
    """The value with every address, number and secret hidden; `key` is the name it stands under.

    >>> masked("kim@customer.example did not answer"), masked("hunter2", "sftp_password")
    ('[e-mail] did not answer', '[hidden]')
    """
    if key.startswith("_"):
        return value  # structlog's own: the record that a library logged
    if value is None or isinstance(value, bool):
        return value
    if SECRET_NAMES.search(key):
        return HIDDEN
    match value:
        case int() | float():
            return value
        case str():
            return _without_people(value)
        case Mapping():
            return {_without_people(str(name)): masked(inner, str(name)) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [masked(inner) for inner in value]
        case bytes():
            return _without_people(value.decode("utf-8", "replace"))
        case _:
            return _without_people(str(value))


def _without_people(text: str) -> str:
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    return text


def _level(name: str) -> int:
    if name.upper() not in LEVELS:
        raise ValueError(f"LOG_LEVEL is {name!r}; it may be {', '.join(LEVELS)}")
    return int(getattr(logging, name.upper()))


def _renderer(out: TextIO, environ: Mapping[str, str]) -> list[Processor]:
    if out.isatty():
        return [structlog.dev.ConsoleRenderer(colors=not environ.get("NO_COLOR"))]
    return [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(ensure_ascii=False)]
