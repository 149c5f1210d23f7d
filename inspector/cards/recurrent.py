"""Recurrent layers: a sequence is read step by step, and a hidden state is carried along."""
