"""Hold thousands of records at a time without looking through them for cycles again and again."""

from __future__ import annotations

import gc


def work_in_batches() -> None:
    """Batches are held on purpose and let go as a whole: looking for cycles in them costs a tenth of all time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
