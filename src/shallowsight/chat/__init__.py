"""Questions to a trained model in a terminal, about one picture."""
