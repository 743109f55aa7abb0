"""The configuration: options, the project's `dsec-migrate.toml`, exceptions."""
