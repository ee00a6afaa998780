"""`tillstream demo`: the whole pipeline on this machine, with a sandbox shop, for a stranger to watch."""

from operations.demo.play import run

__all__ = ["run"]
