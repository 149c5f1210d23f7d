"""The same records as text, JSON and Markdown: plain functions of records."""
