"""The right-hand pane: one page for each thing that a row can be asked."""
