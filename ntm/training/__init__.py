"""Training: from a recipe to the best weights found."""
