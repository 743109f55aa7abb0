"""Patches -> text: the only place that thinks about indentation, quotes, commas, line ends and a file's own habits."""

from dsec_migrate.rewrite.rendering import rewrite

__all__ = ["rewrite"]
