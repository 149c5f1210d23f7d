"""A checkpoint beside the model: read without running its code where that can be, unwrapped, matched name by name."""
