"""The journal's tables. Links and decisions are mutable; their log, runs, ends, changes and outcomes are only appended.

Every row belongs to a company, so that several share one database. Moments are ISO 8601 text in UTC, lists and fields JSON
text: no database's own idea of time or structure comes in between.
What a column is for stands here and not in the database, for comments need rights of their own on SQL Server.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

VERSION: Final = 4
"""Of the schema; `upgrades.py` brings an older journal here."""

metadata: Final = sa.MetaData()
_COMPANY = 100
_CODE = 200
_RUN = 40
_MARK = 32


def _company() -> sa.Column[str]:
    return sa.Column("company", sa.Unicode(_COMPANY), primary_key=True)


schema_version = sa.Table(
    "bposync_schema", metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)  # fmt: skip

companies = sa.Table(
    "bposync_companies",
    metadata,
    _company(),
    sa.Column("name", sa.UnicodeText, nullable=False),  # that the accounting database gives itself
    sa.Column("known_since", sa.Unicode(40), nullable=False),
    # Version 4 added this: JSON list, the fields for which BPO had columns at the last sync.
    sa.Column("bpo_fields", sa.UnicodeText),
)

links = sa.Table(
    "bposync_links", metadata,
    _company(),
    sa.Column("customer", sa.Unicode(_CODE), primary_key=True),  # normalised code
    sa.Column("code", sa.Unicode(_CODE), nullable=False),  # as BPO writes it
    sa.Column("account", sa.Unicode(_CODE), nullable=False),
    sa.Column("account_key", sa.Unicode(_CODE), nullable=False),  # the system's own key, or empty
    sa.Column("name", sa.UnicodeText, nullable=False),
    sa.Column("sites", sa.UnicodeText, nullable=False),  # JSON list
    sa.Column("agreed", sa.UnicodeText, nullable=False),  # JSON: field = value, or [BPO's, accounting's]
    sa.Column("changed_at", sa.Unicode(40), nullable=False),
    sa.Column("changed_by", sa.Unicode(_CODE), nullable=False),
    # Version 3 added these: BPO's and the account's rows, as they were when the pair was last found in step.
    sa.Column("bpo_mark", sa.Unicode(_MARK)),
    sa.Column("account_mark", sa.Unicode(_MARK)),
)  # fmt: skip

decisions = sa.Table(
    "bposync_decisions", metadata,
    _company(),
    sa.Column("kind", sa.Unicode(20), primary_key=True),  # ignore, ignore_account, new
    sa.Column("subject", sa.Unicode(_CODE), primary_key=True),  # normalised code of a customer or an account
    sa.Column("code", sa.Unicode(_CODE), nullable=False),  # new: the code that the account gets, or empty
    sa.Column("decided_at", sa.Unicode(40), nullable=False),
    sa.Column("decided_by", sa.Unicode(_CODE), nullable=False),
)  # fmt: skip

# Version 2 added this table.
overwrites = sa.Table(
    "bposync_overwrites", metadata,
    _company(),
    sa.Column("customer", sa.Unicode(_CODE), primary_key=True),  # normalised code
    sa.Column("fields", sa.UnicodeText, nullable=False),  # JSON: field = accounting's value that BPO's is to replace
    sa.Column("decided_at", sa.Unicode(40), nullable=False),
    sa.Column("decided_by", sa.Unicode(_CODE), nullable=False),
)  # fmt: skip

decision_log = sa.Table(
    "bposync_decision_log",
    metadata,
    _company(),
    sa.Column("number", sa.Unicode(_RUN), primary_key=True),  # a moment and a few letters, in order
    sa.Column("decided_at", sa.Unicode(40), nullable=False),
    sa.Column("decided_by", sa.Unicode(_CODE), nullable=False),
    sa.Column("machine", sa.Unicode(_CODE), nullable=False),
    sa.Column("decision", sa.Unicode(20), nullable=False),  # the command, such as link --new
    sa.Column("customer", sa.Unicode(_CODE), nullable=False),  # normalised code, or empty
    sa.Column("account", sa.Unicode(_CODE), nullable=False),
    sa.Column("detail", sa.UnicodeText, nullable=False),
)

runs = sa.Table(
    "bposync_runs", metadata,
    _company(),
    sa.Column("run", sa.Unicode(_RUN), primary_key=True),
    sa.Column("started_at", sa.Unicode(40), nullable=False),
    sa.Column("by", sa.Unicode(_CODE), nullable=False),
    sa.Column("machine", sa.Unicode(_CODE), nullable=False),
    sa.Column("login", sa.Unicode(_CODE), nullable=False),  # the accounting database's own login
    sa.Column("version", sa.Unicode(40), nullable=False),
    sa.Column("sites", sa.UnicodeText, nullable=False),  # JSON list; all of BPO's where none was chosen
    sa.Column("customers", sa.UnicodeText, nullable=False),  # JSON list of codes; empty where all of the sites were meant
    sa.Column("summary", sa.UnicodeText, nullable=False),  # JSON: action = count
)  # fmt: skip

run_ends = sa.Table(
    "bposync_run_ends", metadata,
    _company(),
    sa.Column("run", sa.Unicode(_RUN), primary_key=True),
    sa.Column("ended_at", sa.Unicode(40), nullable=False),
    sa.Column("outcomes", sa.UnicodeText, nullable=False),  # JSON: outcome = count
    sa.Column("exit_code", sa.Integer, nullable=False),
)  # fmt: skip

changes = sa.Table(
    "bposync_changes", metadata,
    _company(),
    sa.Column("run", sa.Unicode(_RUN), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("customer", sa.Unicode(_CODE), nullable=False, index=True),  # normalised code
    sa.Column("code", sa.UnicodeText, nullable=False),
    sa.Column("name", sa.UnicodeText, nullable=False),
    sa.Column("account", sa.Unicode(_CODE), nullable=False),
    sa.Column("account_key", sa.Unicode(_CODE), nullable=False),
    sa.Column("action", sa.Unicode(20), nullable=False),
    sa.Column("intent", sa.Integer, nullable=False),  # 1 where something is written, 2 where it goes into an import file
    sa.Column("fields", sa.UnicodeText, nullable=False),  # JSON as in sync --json
    sa.Column("reasons", sa.UnicodeText, nullable=False),  # JSON list
    sa.Column("link", sa.UnicodeText, nullable=False),  # JSON: what is remembered once it is written
)  # fmt: skip

outcomes = sa.Table(
    "bposync_outcomes", metadata,
    _company(),
    sa.Column("run", sa.Unicode(_RUN), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("outcome", sa.Unicode(20), nullable=False),
    sa.Column("reason", sa.UnicodeText, nullable=False),
    sa.Column("account_key", sa.Unicode(_CODE), nullable=False),
    sa.Column("settled_at", sa.Unicode(40), nullable=False),
)  # fmt: skip

# Version 2 added this table.
chain = sa.Table(
    "bposync_chain", metadata,
    _company(),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),  # from 1, without a gap
    sa.Column("kind", sa.Unicode(20), nullable=False),  # run, decision
    sa.Column("subject", sa.Unicode(_RUN), nullable=False),  # the run, or the decision's number in the log
    sa.Column("previous", sa.Unicode(64), nullable=False),  # the hash of the link before; empty in the first
    sa.Column("hash", sa.Unicode(64), nullable=False),  # SHA-256 of the subject's rows and of `previous`
)  # fmt: skip
