"""The pipeline, from the files of a call to what a run found, planned, proved and wrote."""
