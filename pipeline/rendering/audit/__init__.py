"""Audits as JSON, workbook and page. Each writer takes the audit, its cases and the path to write."""
