"""Many drafts in, an audit out: where text and grade disagree, what contradicts itself, how alike grades are set, what is
commonest.

`collect` gives the drafts of files (cached, so that a run that was cut goes on) or of the archive, `build` the audit of
them; `pipeline.rendering` has its JSON, XLSX and HTML.
"""

from pipeline.audit.audit import Audit, Settings, build
from pipeline.audit.case import Case, Cases

__all__ = ["Audit", "Case", "Cases", "Settings", "build"]
