"""Train against eval: what the mode changes, layer by layer, where it starts and why; and the modes themselves.

comparing asks for the passes and puts the answer together; watch stands around every call of a module, looks hears who
reads a training flag, keeping holds the outputs of one pass against another's, proof tells sources from what passes on.
"""
