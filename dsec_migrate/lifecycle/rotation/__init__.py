"""Rotation of a secret while the project runs: the new value is kept beside the former one until it is proved."""
