"""What a setting puts between the tower and the language model and into the latter, counted without torch."""
