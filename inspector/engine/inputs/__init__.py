"""What goes into the model: as it was typed, as the file or the model holds it, or guessed."""
