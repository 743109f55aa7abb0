"""Patches -> text: the only package that handles indentation, quotes, commas and line ends."""
