"""The verbs of the command line besides migrating, one module each."""
