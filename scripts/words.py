"""How the scripts talk to whoever started them."""

import sys
from typing import NoReturn


def refuse(reason: str) -> NoReturn:
    sys.exit(f"Clearcut cannot start. {reason}")


def say(text: str) -> None:
    print(text, flush=True)
