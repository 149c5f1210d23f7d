"""Programs as people write them, each with one fault, beside their mended twins."""
