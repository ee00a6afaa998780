"""`python -m sandbox.PLATFORM` serves an account of its own, and says where."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

import sandbox.apparel21.remote
import sandbox.clearer.remote
import sandbox.klaviyo.remote
import sandbox.shopify.remote
import sandbox.yotpo.remote
from tests.ground import HOME

KIM = "kim@customer.example"


@contextmanager
def served(platform: str, *words: str) -> Iterator[str]:
    """Where it says that it listens."""
    command = [sys.executable, "-m", f"sandbox.{platform}", "--port", "0", *words]
    with subprocess.Popen(command, cwd=HOME, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()


def test_apparel21_runs_on_its_own() -> None:
    with served("apparel21") as url:
        remote = sandbox.apparel21.remote.Remote(url)
        assert remote.seed(KIM, id=7)["id"] == 7
        assert remote.counts()["persons"] == 1
        remote.close()


def test_clearer_runs_on_its_own() -> None:
    with served("clearer") as url:
        remote = sandbox.clearer.remote.Remote(url)
        remote.seed("7", balance=5, details={"email": KIM}, tier="tier_1")
        assert remote.customer("7")["pointBalance"] == 5
        assert remote.counts()["customers"] == 1
        remote.close()


def test_klaviyo_runs_on_its_own() -> None:
    with served("klaviyo", "--list", "Xy12Ab", "--no-limits") as url:
        remote = sandbox.klaviyo.remote.Remote(url)
        assert remote.counts()["profiles"] == 0
        assert remote.seed(attributes={"email": KIM}, lists=["Xy12Ab"])["lists"] == ["Xy12Ab"]
        remote.close()


@pytest.mark.parametrize("platform", ["apparel21", "clearer", "klaviyo", "shopify", "yotpo"])
def test_who_looks_around_is_told_what_there_is(platform: str) -> None:
    with served(platform) as url:
        told = httpx.get(httpx.URL(url).join("/sandbox"), trust_env=False).json()["here"]
        assert {"GET /sandbox/counts", "GET /sandbox/requests", "POST /sandbox/faults"} < set(told)


def test_shopify_runs_on_its_own() -> None:
    with served("shopify") as url:
        remote = sandbox.shopify.remote.Remote(url)
        remote.register(email=KIM, firstName="Kim")
        assert remote.customer(KIM)["firstName"] == "Kim"
        remote.close()


def test_yotpo_runs_on_its_own() -> None:
    with served("yotpo", "--no-limits") as api:
        remote = sandbox.yotpo.remote.Remote(api.removesuffix("/api/v2"))
        assert remote.api == api
        remote.seed(KIM, balance=5)
        assert remote.customer(KIM)["points_balance"] == 5
        remote.close()
