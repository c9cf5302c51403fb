"""Which addresses may be spoken to over HTTP, and which certificates are believed.

One rule for all who speak HTTP: what we carry must not travel readable over a network, unless the
operator says that the network is his.
"""

import ipaddress
import ssl
from pathlib import Path

import httpx

from droidrack.core.errors import ConfigError


def checked_address(text: str, *, allow_plain_http: bool, whose: str, query: bool = False) -> str:
    """The address, or ConfigError.

    `whose` says who is there, such as "the panel's"; `query`: it may hold a query.
    """
    hint = "write it as https://panel.example or https://panel.example/prefix"
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as exc:
        raise ConfigError(f"{whose} address cannot be read: {exc}", hint=hint) from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"{whose} address needs a scheme and a host", hint=hint)
    if url.userinfo or url.fragment or (url.query and not query):
        raise ConfigError(f"{whose} address holds a password, a query or a fragment", hint=hint)
    if url.scheme == "http" and not allow_plain_http and not is_loopback(url.host):
        raise ConfigError(
            f"plain http to {url.host} would show tokens, numbers and texts to the network",
            hint="use https, or set allow_plain_http if the network is yours alone",
        )
    return str(url)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, judged without asking a name server."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """The certificates to believe: the given file's instead of the public ones, if one is given."""
    try:
        return ssl.create_default_context(cafile=ca_file) if ca_file else httpx.create_ssl_context()
    except (OSError, ssl.SSLError) as exc:
        raise ConfigError(
            f"the certificates in {ca_file} cannot be read: {exc}",
            hint="ca_file names a file of certificates in PEM form",
        ) from exc
