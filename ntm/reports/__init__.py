"""Reports: what is shown of trained machines, as tables, figures and model cards."""
