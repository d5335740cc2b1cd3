"""Turn a picture file into the square of pixels that a tower takes."""
