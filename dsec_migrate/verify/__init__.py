"""The promises, proved before anything is written, independently of ``rewrite``."""
