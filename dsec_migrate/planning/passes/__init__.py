"""How a secret reaches its program: one module per delivery."""
