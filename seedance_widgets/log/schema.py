"""The log's tables, as a new log has them; `migrations` brings an older one up to them.

``tasks`` has one row a task, flat and typed, because people read it as a table; money is in USD, times are
whole microseconds since 1970 UTC, absent is NULL. ``answers`` keeps the raw JSON of every answer that
changed a row, so that nothing the service said is lost. ``kernels`` has one row a process that looks after
tasks, with the time it was last heard of. ``verdicts`` are what people said of single clips, ``studies`` and
``votes`` what they said of pairs, blind, and ``looks`` when the results of a study were opened. ``totals``
are what rows cost together, kept up with each change. Pictures and clips are files beside the database; a
row holds their paths relative to the home, and their hashes.
"""

from __future__ import annotations

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
    text,
)

from seedance_widgets.log.row import table_columns

__all__ = [
    "FRAME_COLUMNS",
    "READ_VERSION",
    "answers",
    "kernels",
    "looks",
    "meta",
    "metadata",
    "metrics",
    "scopes",
    "studies",
    "tags",
    "tasks",
    "totals",
    "verdicts",
    "votes",
]

metadata = MetaData()


def _time(name: str) -> Column[int]:
    return Column(name, BigInteger, info={"time": True})


tasks = Table(
    "tasks",
    metadata,
    *table_columns(),
    Index("tasks_study", "study"),
    Index("tasks_batch", "batch"),
    Index("tasks_nonce", "wire_model", "service_tier", "nonce", "intent_at"),
    Index("tasks_recent", "simulated", "intent_at", "key"),
    # how many of a model are at work; and what is in a status that few rows are in for long
    Index("tasks_live", "status", "simulated", "wire_model", "service_tier"),
    Index("tasks_since", "wire_model", "service_tier", "intent_at"),
    Index("tasks_like", "wire_model", "kind", "mode", "intent_at"),
    Index("tasks_file", "file", "status", "simulated"),
    Index("tasks_kind", "kind", "status", "simulated", "created_at"),
    *(
        Index(f"tasks_{name}", column, sqlite_where=there, postgresql_where=there)
        for name, column in (
            ("parent", "parent_key"),
            ("resent", "resent_as"),
            ("last_frame", "last_frame_path"),
            ("chain", "chain"),
            ("owner", "owner"),
        )
        for there in [text(f"{column} IS NOT NULL")]
    ),
)

# Which rows are added up, as `totals.Scope` tells it; and for each of its periods (by its first moment in
# microseconds since 1970, 0 for the only one) how many rows it has, and nano-dollars of those that count.
scopes = Table("scopes", metadata, Column("scope", Text, primary_key=True))

totals = Table(
    "totals",
    metadata,
    Column("simulated", Boolean, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("period", BigInteger, primary_key=True, autoincrement=False),
    Column("rows", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
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
    Column("version", Integer),  # of the log that it writes; NULL is version 2, which does not say so
)

# What people call a task, as in campaign = spring; and figures of it, each with the clip it was measured on.
tags = Table(
    "tags",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("value", Text, nullable=False),
)

metrics = Table(
    "metrics",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("value", Float),  # NULL where it could not be had
    Column("trouble", Text),  # why
    Column("version", String(64)),  # of what measured it
    Column("sha256", String(64)),  # of the clip
    _time("at"),
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
# of the log, as text; it is asked before each write, and is not compiled anew each time
READ_VERSION = "SELECT value FROM meta WHERE name = 'version'"

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
        "trouble",
        "batch_row",
        "owner",
        "resent_as",
        "study_seed",
        "reserved_usd",
        "home",
        "video_url",
        "last_frame_url",
        "revision",
        "sent_at",
        "wire_model",
    )
)
