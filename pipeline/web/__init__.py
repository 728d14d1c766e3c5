"""The web workbench: `app.create_app` has the HTTP, `service.Workbench` what it does, `access` who may.

Nothing here has rules of the domain: reading, grading, archive, search and audit are rooms of their own.
"""
