"""How a secret gets another value while the project runs: the new one stands beside the former one until it is
proved."""
