"""Where a value comes from while the project runs: a file, the environment, or Swarm."""
