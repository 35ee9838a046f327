# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opens a URL for a download. A redirect to another origin gets none of the request's headers and credentials.

Each redirect is followed here and not by urllib, which sends the headers of the first request wherever one leads.
"""

from __future__ import annotations

import string
import urllib.error
import urllib.parse
from collections.abc import Mapping
from typing import Any

from ansible.module_utils.urls import open_url

from . import urls

#: The answers that name another place for the same request.
REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 10
_PORTS = {"http": 80, "https": 443}


class RedirectError(Exception):
    """A redirect that is not followed. The message explains why and what to do."""


def find_origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of a URL, which must be the same for headers to be sent on. Raises ValueError."""
    found = urllib.parse.urlsplit(url)
    scheme = found.scheme.lower()
    return scheme, (found.hostname or "").lower(), found.port or _PORTS.get(scheme)


def join_redirect(url: str, location: str) -> str:
    """The URL that a redirect from `url` leads to, with the user and password of `url` on the same origin alone.

    Raises RedirectError where it is not to be followed, and ValueError for what is not a URL.
    """
    # As it stands in the header: a blank or another character that no URL has is escaped.
    target = urllib.parse.urljoin(
        url, urllib.parse.quote(location.strip(), encoding="iso-8859-1", safe=string.punctuation)
    )
    scheme, host, _port = find_origin(target)
    if scheme not in _PORTS or not host:
        raise RedirectError(
            f"it redirects to {urls.hide_credentials(target)}: expected an http or https URL; correct the URL"
        )
    if scheme == "http" and find_origin(url)[0] == "https":
        raise RedirectError(
            f"it redirects from https to {urls.hide_credentials(target)}, which is not encrypted: "
            "give an https URL that leads to https alone"
        )
    user, sign, _server = urllib.parse.urlsplit(url).netloc.rpartition("@")
    parts = urllib.parse.urlsplit(target)
    if sign and "@" not in parts.netloc and find_origin(url) == find_origin(target):
        parts = parts._replace(netloc=f"{user}@{parts.netloc}")
    return urllib.parse.urlunsplit(parts)


def open_download(url: str, headers: Mapping[str, str] | None, timeout: int, validate_certs: bool) -> Any:
    """The answer to a GET of `url`, over at most MOST_REDIRECTS redirects.

    Once a redirect has left the origin, nothing that was meant for it is sent any more, also where a later one leads
    back. Raises RedirectError, and what `open_url` raises. The `xitrum_origin` of an HTTPError after a redirect to
    another origin is that origin, without credentials.
    """
    sent, elsewhere = dict(headers or {}), ""
    for _redirect in range(MOST_REDIRECTS + 1):
        try:
            # Some servers label a tar.gz as compressed content; unpacked on the way it would miss its checksum.
            # An entry of netrc is for a host with all its ports, or for every host.
            return open_url(
                url,
                headers=sent,
                timeout=timeout,
                validate_certs=validate_certs,
                decompress=False,
                http_agent="xitrum.host",
                follow_redirects="no",
                use_netrc=not elsewhere,
            )
        except urllib.error.HTTPError as error:
            location = error.headers.get("Location") if error.headers else None
            if error.code not in REDIRECTS or not location:
                vars(error)["xitrum_origin"] = elsewhere
                raise
            error.close()
        target = join_redirect(url, location)
        if find_origin(target) != find_origin(url):
            sent = {}
            elsewhere = urls.hide_credentials("{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(target))).replace(
                f"{urls.HIDDEN}@", ""
            )
        url = target
    raise RedirectError(f"it redirects more than {MOST_REDIRECTS} times: correct the URL")
