"""The log's tables, and the numbered steps that bring an older log up to date.

``tasks`` has one row a task, flat and typed, because people read it as a table; money is in USD, times are
whole microseconds since 1970 UTC, absent is NULL. ``answers`` keeps the raw JSON of every answer that
changed a row, so that nothing the service said is lost. ``kernels`` has one row a process that looks after
tasks, with the time it was last heard of. ``verdicts`` are what people said of single clips, ``studies`` and
``votes`` what they said of pairs, blind, and ``looks`` when the results of a study were opened. Pictures and
clips are files beside the database; a row holds their paths relative to the home, and their hashes.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
)

from seedance_widgets.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

__all__ = [
    "FRAME_COLUMNS",
    "answers",
    "kernels",
    "looks",
    "meta",
    "migrate",
    "studies",
    "tasks",
    "verdicts",
    "votes",
]

metadata = MetaData()


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, info={"time": True})


def _path(name: str) -> Column[str]:
    return Column(name, Text, info={"path": True})


tasks = Table(
    "tasks",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("task_id", String(128), index=True),
    Column("status", String(16), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("mode", String(24)),
    Column("model", String(64)),
    Column("prompt", Text),
    Column("resolution", String(16)),
    Column("ratio", String(16)),
    Column("width", Integer),
    Column("height", Integer),
    Column("duration", Integer),
    Column("frames", Integer),
    Column("seed", BigInteger),
    Column("requested_seed", BigInteger),
    Column("camera_fixed", Boolean),
    Column("watermark", Boolean),
    Column("generate_audio", Boolean),
    Column("service_tier", String(16)),
    Column("first_frame", Text),
    Column("last_frame", Text),
    Column("reference_images", Text),  # a JSON list
    Column("tokens", BigInteger),
    Column("usd", Float),
    Column("est_tokens", BigInteger),
    Column("est_usd", Float),
    Column("price_id", Text),
    Column("file", String(16), nullable=False, default="none"),
    _path("video_path"),
    _path("last_frame_path"),
    Column("sha256", String(64)),
    Column("error_code", Text),
    Column("error_message", Text),
    _time("created_at"),  # ours until the service has said its own
    _time("finished_at"),
    _time("saved_at"),
    Column("parent_key", String(32)),
    Column("study", Text),
    Column("arm", Text),
    Column("item", Text),
    Column("verdict", Text),
    Column("simulated", Boolean, nullable=False),
    # --- further columns, free to change -----------------------------------------------------------------
    _path("poster_path"),
    _path("preview_path"),  # H.264, where the clip's own codec does not play in browsers
    Column("error_param", Text),
    Column("note", Text),  # the last trouble that did not change the status
    Column("usd_per_million", Float),
    Column("reserved_usd", Float, nullable=False, default=0.0),
    Column("nonce", Integer),
    Column("matched_by", String(16)),  # how a lost id was found again: fingerprint, or person
    Column("candidates", Text),  # JSON list of ids, where only a person can say which one it is
    Column("owner", String(32)),  # the kernel that looks after the task
    Column("chain", String(64)),  # of a link: hash of its definition and of those of the links before it
    Column("resent_as", String(32)),  # key of the row that was sent in place of this one
    Column("study_seed", BigInteger),  # which of its study's seeds a clip stands for, sent or not
    Column("wire_model", Text),
    Column("body", Text),  # what was sent, pictures as inputs/<sha256>.<ext>
    Column("request_id", Text),
    Column("client_request_id", Text),
    Column("video_url", Text),
    Column("last_frame_url", Text),
    _time("intent_at"),
    _time("sent_at"),  # of an unclear create: the last moment at which it may have been sent
    Column("revision", Integer, nullable=False, default=0),
    Index("tasks_study", "study"),
    Index("tasks_nonce", "wire_model", "service_tier", "nonce"),
    # holds all that the budget check adds up, so that it need not read the rows
    Index("tasks_money", "simulated", "usd", "reserved_usd"),
)

answers = Table(
    "answers",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(32), nullable=False, index=True),
    _time("at"),
    Column("call", String(16), nullable=False),  # create, get, list, delete
    Column("body", Text, nullable=False),
)

kernels = Table(
    "kernels",
    metadata,
    Column("owner", String(32), primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("born_at", Float, nullable=False),  # of the process, seconds: its number may be used again
    _time("beat_at"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(32), nullable=False, index=True),
    Column("verdict", String(16)),  # NULL takes the one before back
    _time("at"),
)

studies = Table(
    "studies",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("simulated", Boolean, primary_key=True),
    Column("definition", Text, nullable=False),  # JSON, and what "the same study" means
    _time("defined_at"),
    _time("revealed_at"),  # from then on it is known which arm is which, and votes are no longer blind
)

# Arms, items and seeds of a vote are those of the two tasks.
votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String(128), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("rater", String(128), nullable=False),
    Column("trial", String(64), nullable=False),
    Column("left_key", String(32), nullable=False),
    Column("right_key", String(32), nullable=False),
    Column("choice", String(16), nullable=False),
    Column("criterion", String(64)),
    Column("kind", String(16), nullable=False),
    Column("seconds", Float),
    Column("sound", Boolean),
    _time("at"),
    _time("undone_at"),
    Index("votes_of", "study", "simulated", "rater"),
)

# Who opened the results when, and how much had been voted by then: counted in votes cast and taken back.
looks = Table(
    "looks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study", String(128), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("kind", String(16), nullable=False),  # peek, or the reveal that ends voting
    Column("by", Text),
    Column("seen", Integer, nullable=False),
    _time("at"),
)

meta = Table("meta", metadata, Column("name", String(32), primary_key=True), Column("value", Text))

# What `to_pandas` shows, in the tables' order; addresses of files expire and bodies are for machines.
FRAME_COLUMNS = tuple(
    column
    for column in tasks.columns
    if column.name
    not in (
        "body",
        "nonce",
        "matched_by",
        "candidates",
        "owner",
        "resent_as",
        "study_seed",
        "reserved_usd",
        "video_url",
        "last_frame_url",
        "revision",
        "sent_at",
        "wire_model",
    )
)


def _to_version_2(connection: Connection) -> None:
    """Lost ids can be found again, several kernels share a log, and people judge clips."""
    for column in (
        "matched_by VARCHAR(16)",
        "candidates TEXT",
        "owner VARCHAR(32)",
        "resent_as VARCHAR(32)",
        "study_seed BIGINT",
        "chain VARCHAR(64)",
    ):
        connection.exec_driver_sql(f"ALTER TABLE tasks ADD COLUMN {column}")
    connection.exec_driver_sql("CREATE INDEX tasks_study ON tasks (study)")
    for table in (kernels, verdicts, studies, votes, looks):
        table.create(connection)


# Steps from each older version to the next: MIGRATIONS[0] leads from version 1 to 2. A new log is made
# from the tables above and starts at the last version.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_to_version_2,)


def migrate(connection: Connection) -> None:
    """Create the tables of a new log, or run the steps that an older one lacks.

    Raises
    ------
    LogError
        The log was written by a newer version of this package, or the database holds something else.
    """
    newest = len(MIGRATIONS) + 1
    there = set(inspect(connection).get_table_names())
    if connection.dialect.name != "sqlite":
        there &= set(metadata.tables)  # a server's database may well be shared with others
    if not there:
        metadata.create_all(connection)
        connection.execute(meta.insert().values(name="version", value=str(newest)))
        return
    found = ""
    if {"meta", "tasks"} <= there:
        found = str(connection.execute(select(meta.c.value).where(meta.c.name == "version")).scalar())
    if not found.isdecimal():
        held = textwrap.shorten(", ".join(sorted(there)), 60, placeholder="...")
        raise LogError(f"this database is no log of this package: it holds {held}. It is unchanged.")
    if int(found) > newest:
        raise LogError(
            f"this log is of version {found}, this package knows {newest}: install a newer seedance-widgets. "
            "The log is unchanged."
        )
    for step in MIGRATIONS[int(found) - 1 :]:
        step(connection)
    connection.execute(meta.update().where(meta.c.name == "version").values(value=str(newest)))
