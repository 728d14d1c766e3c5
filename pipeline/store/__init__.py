"""The archive: reports, drafts, sentences and corrections in one database (SQLite, or PostgreSQL by URL).

    with Store.open() as store, store.write() as session:
        archive.add(session, draft, archive.content_hash(content))

`archive` has reports and drafts in and out, `corrections` what people said against them, `backup` the whole as one file.
"""

from pipeline.store import archive, backup, corrections
from pipeline.store.database import Store
from pipeline.store.metadata import Metadata

__all__ = ["Metadata", "Store", "archive", "backup", "corrections"]
