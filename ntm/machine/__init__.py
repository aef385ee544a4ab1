"""The machine: section 3 of the paper. Nothing here knows of tasks, training, files or screens."""
