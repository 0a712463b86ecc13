from .invitation import Invitation
from .site import Signup, SiteSettings
from .token import ApiToken, hash_key
from .user import User, UserManager

__all__ = [
    "ApiToken",
    "Invitation",
    "Signup",
    "SiteSettings",
    "User",
    "UserManager",
    "hash_key",
]
