"""Secret managers and other stores: one module per store."""
