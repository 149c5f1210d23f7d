"""The engine: the only room that imports torch, torchinfo or the user's file."""
