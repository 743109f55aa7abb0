"""Changes -> text: the only place that thinks about indentation, quotes and line ends."""
