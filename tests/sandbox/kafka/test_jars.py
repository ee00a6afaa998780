"""Where the jars are kept, and what is said when the tools are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.kafka.jars import cache_folder


def test_a_checkout_keeps_them_in_its_own_cache_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert cache_folder(tmp_path, {"XDG_CACHE_HOME": "/elsewhere"}) == tmp_path / ".cache"


def test_an_installed_package_uses_the_users_cache_folder(tmp_path: Path) -> None:
    assert cache_folder(tmp_path, {"XDG_CACHE_HOME": "/elsewhere"}) == Path("/elsewhere/tillstream")
    assert cache_folder(tmp_path, {}) == Path.home() / ".cache" / "tillstream"


def test_without_java_the_debian_package_is_named(tmp_path: Path) -> None:
    script = "from sandbox.kafka.jars import java; java()"
    environ = {"PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    ran = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert "MissingProgramError: java is not installed" in ran.stderr
    assert "apt-get install openjdk-17-jre-headless" in ran.stderr
