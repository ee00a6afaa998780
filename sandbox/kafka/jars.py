"""Fetch the jars of Apache Kafka once with Maven and keep them, so that a broker needs no Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sandbox.program import MissingProgramError, ProgramDiedError

_POM = Path(__file__).with_name("pom.xml")
VERSION = "4.3.0"


def java() -> str:
    """The path of Java; raises MissingProgramError naming the Debian package."""
    return _found("java", "openjdk-17-jre-headless")


def jars() -> Path:
    """The folder with Kafka's jars, fetched when it is not there yet (44 MB, about a minute).

    Raises MissingProgramError without Maven and ProgramDiedError when Maven cannot fetch them.
    """
    folder = cache_folder(_POM.parent.parent.parent, os.environ) / f"kafka-{VERSION}"
    if not folder.is_dir():
        _fetch(folder)
    return folder


def cache_folder(house: Path, environ: Mapping[str, str]) -> Path:
    """`.cache` of a checkout; of an installed package the user's own cache folder."""
    if (house / "pyproject.toml").is_file():
        return house / ".cache"
    home = environ.get("XDG_CACHE_HOME", "")
    return (Path(home) if home else Path.home() / ".cache") / "tillstream"


def _fetch(folder: Path) -> None:
    maven = _found("mvn", "maven")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        libs = Path(scratch, "libs")
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={libs}"]
        ran = subprocess.run([maven, "-B", "-f", str(_POM), *goal], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise ProgramDiedError(f"Maven could not fetch Kafka {VERSION}:\n{ran.stdout[-2000:]}{ran.stderr[-500:]}")
        # Somebody else may have been faster; theirs is as good.
        if not folder.is_dir():
            libs.rename(folder)


def _found(program: str, package: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise MissingProgramError(f"{program} is not installed; a real Kafka needs it: apt-get install {package}")
    return path
