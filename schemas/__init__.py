"""JSON Schemas: the Compose file, the image table and the report (data files of the package)."""
