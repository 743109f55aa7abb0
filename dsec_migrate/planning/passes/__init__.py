"""How a secret reaches its program: one module for each way."""
