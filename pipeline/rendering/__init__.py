"""Drafts and parsed reports for people and programs: JSON, a table on the terminal, XLSX, DOCX, HTML."""
