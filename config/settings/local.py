"""For one's own machine or a private network: DEBUG off, plain HTTP, a key made once."""

from django.core.exceptions import ImproperlyConfigured

from config.environment import env, local_secret_key

from .base import *
from .base import ALLOWED_HOSTS, DATA_DIR, EMAIL_URL

SECRET_KEY = env.str("SECRET_KEY", default="") or local_secret_key(DATA_DIR / "secret_key")
if EMAIL_URL.startswith("smtp") and not ALLOWED_HOSTS:
    # Mails carry links, and a forged Host header would choose where those lead.
    raise ImproperlyConfigured(
        "EMAIL_URL is set, so ALLOWED_HOSTS must name the hosts people use, for example: "
        "ALLOWED_HOSTS=localhost,clearcut.lan"
    )
ALLOWED_HOSTS = ALLOWED_HOSTS or ["*"]
SECURE_CROSS_ORIGIN_OPENER_POLICY = (
    None  # browsers ignore it on plain HTTP, and say so in the console
)
# Passkeys work on plain HTTP at http://localhost, and nowhere else: browsers see to that.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
