"""The store: every reply for good, what was paid for it, and who is asking for what just now.

`store` is what the rest of the program uses, `paths` says where one can be, `database` is its connection, `schema` its
tables, `rows` what they hold, `ledger` failures and payments, `sessions` who has it open and what they have in flight,
`integrity` whether it is what was written, and `maintenance` what a user can do with a store: check, copy, merge.
"""

from mindsmirror.annotation.store.paths import StorePath
from mindsmirror.annotation.store.rows import Failure, Stored
from mindsmirror.annotation.store.schema import SCHEMA, VERSION
from mindsmirror.annotation.store.sessions import Sent
from mindsmirror.annotation.store.store import Store

__all__ = ["SCHEMA", "VERSION", "Failure", "Sent", "Store", "StorePath", "Stored"]
