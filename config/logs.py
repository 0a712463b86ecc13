"""What is not worth a line in the log."""

import logging


def is_crash(record: logging.LogRecord) -> bool:
    """Whether an answer of 5xx means a fault: 503 is how a busy server says "come back later"."""
    return getattr(record, "status_code", 500) != 503
