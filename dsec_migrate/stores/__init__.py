"""Where values go: one module for each store."""
