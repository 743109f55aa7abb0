"""``--interactive``: asks about one finding after the other, as ``git add -p`` does about hunks."""
