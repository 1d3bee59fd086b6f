"""Addresses of servers: what is one, whether it is this machine's, and how it is shown without secrets."""

import re
from urllib.parse import urlsplit, urlunsplit


def public_url(url: str) -> str:
    """The URL without user, password, query and fragment: secrets stay out of identities.

    If the URL is no address, nothing up to its last @ is shown, because all of that may be a password.
    """
    if address_fault(url):
        return re.split("[?#]", url.rpartition("@")[2])[0]
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def address_fault(url: str) -> str:
    """Why a URL is no address of a server, in words; empty if it is one."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "it has to begin with http:// or https://, and to name a host"
        if "@" in parts.path:
            # A password with a slash would end the host before its time.
            return "an @ after its host, or a / before it, has to be written as %40 or %2F"
        if parts.port == 0:
            return "its port has to be between 1 and 65535"
    except ValueError:
        return "its host or its port cannot be read; a port is between 1 and 65535"
    return ""


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    return host in ("localhost", "127.0.0.1", "::1")
