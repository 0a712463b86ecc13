from . import (  # noqa: F401 - registered by being imported
    invitations,
    libraries,
    log,
    sessions,
    site,
    tokens,
    users,
)
