"""Faults, noticed by measuring: one small rule a file."""
