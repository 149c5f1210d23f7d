"""Embeddings: a table with one row of numbers for each id, which are looked up and not multiplied."""
