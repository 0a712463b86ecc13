"""For unit tests: quick password hashes, plain static files, nothing shared but the database.

No worker runs: a test that wants work done calls images.tasks.run_next_cutout() itself.
"""

import os
import tempfile
from pathlib import Path

from .base import *
from .base import DATABASES, REST_FRAMEWORK, STORAGES

SECRET_KEY = "only-for-tests"  # noqa: S105 - guards nothing
ALLOWED_HOSTS = ["*"]
DATA_DIR = Path(tempfile.gettempdir()) / "clearcut-tests"
MEDIA_ROOT = DATA_DIR / "media"  # each test gets a folder of its own, see tests/conftest.py
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise warns when it is not there
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    **STORAGES,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
DATABASES["default"]["CONN_MAX_AGE"] = 0
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # A file, since threads that share a database in memory lock each other out of whole tables.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / f"test-{os.getpid()}.sqlite3"}
SECURE_CROSS_ORIGIN_OPENER_POLICY = None
ACCOUNT_RATE_LIMITS = False
REST_FRAMEWORK = {
    **REST_FRAMEWORK,
    "DEFAULT_THROTTLE_RATES": {"user": None, "upload": None, "anonymous": None},
}
