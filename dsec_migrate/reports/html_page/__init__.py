"""The parts of the page that ``html`` puts together."""
