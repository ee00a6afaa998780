"""The health pages say what the probes say, to whoever asks however."""

import socket
import struct
import threading
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge

from tests.waiting import until
from tillstream.health import Health, PortTakenError, Probes, served
from tillstream.settings.kinds import Address

ANY = Address("127.0.0.1", 0)


@pytest.fixture
def probes() -> Probes:
    return Probes()


@pytest.fixture
def health(probes: Probes) -> Iterator[Health]:
    with Health(ANY, probes) as pages:
        yield pages


def test_without_probes_all_is_well(health: Health) -> None:
    for page in ("/livez", "/readyz"):
        answer = httpx.get(health.url + page)
        assert (answer.status_code, answer.text) == (200, "ok\n")


def test_reasons_are_told_one_a_line(health: Health, probes: Probes) -> None:
    probes.add("klaviyo", lambda: None, lambda: "state is being restored")
    probes.add("sftp", lambda: "no turn for 90 s", lambda: "Kafka does not answer")
    ready = httpx.get(health.url + "/readyz")
    assert (ready.status_code, ready.text.splitlines()) == (
        503,
        ["klaviyo: state is being restored", "sftp: Kafka does not answer"],
    )
    assert httpx.get(health.url + "/livez").text == "sftp: no turn for 90 s\n"


def test_a_probe_that_fails_is_a_reason_and_tells_no_more_than_its_kind(health: Health, probes: Probes) -> None:
    def broken() -> str | None:
        raise KeyError("kim@customer.example")

    probes.add("klaviyo", broken, lambda: None)
    answer = httpx.get(health.url + "/livez")
    assert (answer.status_code, answer.text) == (503, "klaviyo: the probe failed with KeyError\n")


def test_head_is_get_without_the_text(health: Health) -> None:
    for page in ("/livez", "/readyz", "/metrics"):
        head = httpx.head(health.url + page)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["content-length"]) > 0


def test_metrics_are_those_of_the_registry_given(probes: Probes) -> None:
    registry = CollectorRegistry()
    Gauge("shoes", "Pairs on the shelf", registry=registry).set(7)
    with Health(ANY, probes, registry) as pages:
        answer = httpx.get(pages.url + "/metrics")
        assert "shoes 7.0" in answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        modern = httpx.get(pages.url + "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        assert modern.text.endswith("# EOF\n")


def test_other_pages_are_not_found_and_the_server_does_not_say_what_it_is_made_of(health: Health) -> None:
    answer = httpx.get(health.url + "/secrets")
    assert answer.status_code == 404
    assert "Python" not in answer.headers["server"]
    assert httpx.post(health.url + "/livez").status_code == 501


def test_a_caller_that_goes_away_is_no_news(probes: Probes, capfd: pytest.CaptureFixture[str]) -> None:
    """A load balancer that looks whether the port is open resets the connection."""
    with Health(ANY, probes) as pages:
        with socket.create_connection(("127.0.0.1", pages.port)) as caller:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert httpx.get(f"{pages.url}/livez").text == "ok\n", "who asks next is heard next"
        until(lambda: not any("process_request" in thread.name for thread in threading.enumerate()))
    assert capfd.readouterr() == ("", "")


def test_closing_gives_the_port_back(probes: Probes) -> None:
    first = Health(ANY, probes)
    first.close()
    Health(ANY._replace(port=first.port), probes).close()


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Health(ANY._replace(port=taken.getsockname()[1]), Probes())


def test_work_that_ends_by_itself_takes_any_other_port_than_one_that_is_taken(probes: Probes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = ANY._replace(port=taken.getsockname()[1])
        with served(listen, probes, once=True) as health:
            assert httpx.get(f"{health.url}/livez").status_code == 200
            assert health.port != taken.getsockname()[1]
        with pytest.raises(PortTakenError, match="in use"):
            served(listen, probes, once=False)


def _is_here(host: str) -> bool:
    """Not every machine speaks both."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("host", [host for host in ("127.0.0.1", "::1") if _is_here(host)])
def test_the_pages_are_where_they_say(host: str) -> None:
    with Health(Address(host, 0), Probes()) as pages:
        assert httpx.get(f"{pages.url}/readyz").text == "ok\n"
