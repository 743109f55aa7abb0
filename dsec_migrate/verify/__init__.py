"""The promises, proved before anything is written, by other means than those of ``rewrite``."""
