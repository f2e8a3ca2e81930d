"""Whether a disk can hold a log: SQLite needs locks and shared memory that network file systems lack.

Two machines that write to one such file corrupt it in time, which nobody notices until tasks are missing
(sqlite.org, "Write-Ahead Logging" and "How To Corrupt"). So a new log there is refused before it is made, and
one that is there already is only read, from a copy.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from seedance_widgets.callsite import warn
from seedance_widgets.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    class Mount(Protocol):
        """A mounted file system, as psutil tells it."""

        mountpoint: str
        fstype: str


__all__ = ["copy_to_read", "refuse_network"]

# names as the systems give them, without the "fuse." before some
_NETWORK = frozenset(
    [
        "9p", "acfs", "afpfs", "afs", "alluxio-fuse", "beegfs", "beegfs_nodev", "blobfuse", "blobfuse2",
        "ceph", "ceph-fuse", "cephfs", "cifs", "curvefs", "cvmfs2", "davfs", "davfs2", "dbfs", "drive",
        "drvfs", "fhgfs", "gcsfuse", "gfs", "gfs2", "glusterfs", "goofys", "google-drive-ocamlfuse",
        "gpfs", "grpcfuse", "gvfsd-fuse", "hdfs", "juicefs", "lizardfs", "lustre", "mfs", "moosefs",
        "mountpoint-s3", "ncpfs", "nfs", "nfs3", "nfs4", "objectivefs", "ocfs2", "onedriver", "orangefs",
        "osxfs", "panfs", "prl_fs", "pvfs2", "quobyte", "rclone", "s3fs", "s3ql", "seaweedfs", "smb2",
        "smb3", "smbfs", "smbnetfs", "sshfs", "vboxsf", "vmhgfs", "vmhgfs-fuse", "webdav", "wekafs",
        "wsfs",
    ]
)  # fmt: skip
_LOCAL = frozenset(
    [
        "", "apfs", "aufs", "bcachefs", "btrfs", "ecryptfs", "encfs", "exfat", "ext2", "ext3", "ext4",
        "f2fs", "fat32", "ffs", "fuse-overlayfs", "fuseblk", "gocryptfs", "hfs", "hfsplus", "iso9660",
        "jfs", "msdos", "nilfs2", "ntfs", "ntfs-3g", "ntfs3", "overlay", "overlayfs", "ramfs", "refs",
        "reiserfs", "rootfs", "squashfs", "tmpfs", "udf", "ufs", "vfat", "xfs", "zfs",
    ]
)  # fmt: skip
_WAY_OUT = (
    'Keep it on a local disk, as in Studio(home, log="/local/disk/log.sqlite"), or on a server: '
    'log="postgresql+psycopg://...".'
)
_warned: set[tuple[str, str]] = set()


def refuse_network(path: Path, mounts: Iterable[Mount] | None = None) -> None:
    """Refuse a path on a network file system; warn once of a kind that is not known to be local.

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
    top, kind = _disk_of(path, psutil.disk_partitions(all=True) if mounts is None else mounts)
    plain = kind.removeprefix("fuse.")
    if plain in _NETWORK:
        raise LogError(
            f"the log cannot be on {top}, a network file system ({kind}): SQLite's locks do not hold "
            f"there, and the log of what was paid would be corrupted. Nothing was written. {_WAY_OUT}"
        )
    if plain not in _LOCAL and (top, kind) not in _warned:
        _warned.add((top, kind))
        warn(
            f"the log is on {top}, a file system ({kind}) that is not known to be local. If other machines "
            f"reach it, SQLite's locks may not hold there, and the log may be corrupted. {_WAY_OUT}",
            UserWarning,
        )


def copy_to_read(path: Path) -> Path:
    """Copy a log, with what is not checkpointed yet, to a folder of its own on a local disk.

    Raises
    ------
    LogError
        It cannot be copied.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="seedance-log-"))
        for file in (path, path.with_name(f"{path.name}-wal")):
            if file.exists():
                shutil.copyfile(file, folder / file.name)
    except OSError as error:
        raise LogError(f"the log {path} cannot be read: {error}. It is unchanged.") from error
    return folder / path.name


def _disk_of(path: Path, mounts: Iterable[Any]) -> tuple[str, str]:
    """Where the disk of a path is mounted, and its kind in small letters; "" where that is not known."""
    here = path.expanduser().resolve()
    found: tuple[int, str, str] = (-1, "", "")
    for mount in mounts:
        top = Path(mount.mountpoint)
        # later mounts hide earlier ones of the same place
        if (here == top or top in here.parents) and len(top.parts) >= found[0]:
            found = (len(top.parts), mount.mountpoint, mount.fstype.lower())
    return found[1], found[2]
