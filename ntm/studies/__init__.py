"""Studies: what is measured, a command each, such as `python -m ntm.studies.evaluation`."""
