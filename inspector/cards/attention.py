"""Attention, and the Transformer that is made of it: every place of a sequence looks at all others."""
