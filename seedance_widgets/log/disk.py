"""Whether a disk can hold a log: SQLite needs locks and shared memory that network file systems lack.

Two machines that write to one such file corrupt it in time, which nobody notices until tasks are missing
(sqlite.org, "Write-Ahead Logging" and "How To Corrupt"). So a log there is refused before it is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from seedance_widgets.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Mount(Protocol):
        """A mounted file system, as psutil tells it."""

        mountpoint: str
        fstype: str


__all__ = ["refuse_network"]

# names as the systems give them; FUSE prefixes its own
_NETWORK = frozenset(
    [
        "afpfs", "afs", "beegfs", "ceph", "cephfs", "cifs", "davfs", "davfs2", "fuse.ceph", "fuse.gcsfuse",
        "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs", "gfs2", "glusterfs", "gpfs",
        "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "smb2", "smb3", "smbfs", "webdav",
    ]
)  # fmt: skip


def refuse_network(path: Path, mounts: Iterable[Mount] | None = None) -> None:
    """Refuse a path on a network file system.

    Parameters
    ----------
    path
        Of the log; it need not exist.
    mounts
        What is mounted where; by default what this machine says.

    Raises
    ------
    LogError
        It is on one; the message says where the log may be put instead.
    """
    here = path.expanduser().resolve()
    found: tuple[int, str, str] = (-1, "", "")
    for mount in psutil.disk_partitions(all=True) if mounts is None else mounts:
        top = Path(mount.mountpoint)
        # later mounts hide earlier ones of the same place
        if (here == top or top in here.parents) and len(top.parts) >= found[0]:
            found = (len(top.parts), mount.fstype.lower(), mount.mountpoint)
    _, kind, top_name = found
    if kind in _NETWORK:
        raise LogError(
            f"the log cannot be on {top_name}, a network file system ({kind}): SQLite's locks do not hold "
            "there, and the log of what was paid would be corrupted. Nothing was written. Keep it on a local "
            'disk, as in Studio(home, log="/local/disk/log.sqlite"), or on a server: log="postgresql+psycopg://...".'
        )
