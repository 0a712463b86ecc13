"""How settings read the environment: one reader, the .env file, and the key that is made once."""

import os
import secrets
from pathlib import Path

import environ
from django.core.management.utils import get_random_secret_key

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def env_path(name: str, default: str) -> Path:
    """A folder or file from the environment; a relative one counts from the checkout."""
    return BASE_DIR / Path(env.str(name, default=default)).expanduser()


def local_secret_key(path: Path) -> str:
    """The key kept in `path`, made there by whoever comes first.

    The file is written aside and linked into place, so that two processes that start
    together end up with one key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(get_random_secret_key())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
