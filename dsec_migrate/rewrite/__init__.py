"""Patches -> text: the only place that thinks about indentation, quotes, commas and line ends."""
