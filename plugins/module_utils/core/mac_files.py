# Copyright (c) 2026, the xitrum.host maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of files and folders that macOS and its archivers add to a folder or an archive. Pure.

They are not part of what was built: `._app.jar` holds extended attributes and is not a jar. `PaxHeaders.N` is what an
old tar makes of the headers that describe the next file.
"""

from __future__ import annotations

import re

_MAC_FILE = re.compile(
    r"""\._.* | \.DS_Store | __MACOSX | \.AppleDouble | \.LSOverride | \.Spotlight-V100 | \.Trashes | \.fseventsd
    | \.TemporaryItems | \.DocumentRevisions-V100 | \.VolumeIcon\.icns | \.apdisk | Icon\r
    | @?PaxHeaders?(\.[0-9]+)?""",
    re.DOTALL | re.VERBOSE,
)


def is_mac_file(name: str) -> bool:
    """Whether a file or folder of this name, without its folders, is left out together with all that is in it."""
    return bool(_MAC_FILE.fullmatch(name))
