"""The panels below the tape, each a file: what it shows of a run, and what a new run makes of it."""
