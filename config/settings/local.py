"""For one's own machine or a private network: DEBUG off, plain HTTP, a key made once."""

from config.environment import env, local_secret_key

from .base import *
from .base import ALLOWED_HOSTS, DATA_DIR

SECRET_KEY = env.str("SECRET_KEY", default="") or local_secret_key(DATA_DIR / "secret_key")
ALLOWED_HOSTS = ALLOWED_HOSTS or ["*"]
SECURE_CROSS_ORIGIN_OPENER_POLICY = (
    None  # browsers ignore it on plain HTTP, and say so in the console
)
