"""URLs as people may see them."""

from __future__ import annotations

import re


def without_user(url: str) -> str:
    """Return a URL, or a text with one, without user and password, for logs, errors and metrics.

    All up to the last '@' goes: a password with a '/' breaks the URL, and is still no one's business.
    """
    return re.sub(r"//.*@", "//", url, flags=re.DOTALL)
