"""What was asked for: options, the project's `dsec-migrate.toml`, exclusions."""
