"""``--interactive``: one finding after the other, as ``git add -p`` asks about hunks."""
