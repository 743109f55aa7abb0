"""What a migrated project is lived with: one module for each verb of the command line besides migrating."""
