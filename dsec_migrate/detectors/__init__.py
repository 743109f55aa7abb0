"""Is this value a secret, and why? Each detector knows one kind of evidence and explains itself."""
