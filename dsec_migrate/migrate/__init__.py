"""The pipeline, from the files of a command to what a run found, planned, verified and wrote."""
