"""From a picture file to the square of pixels that a tower takes."""
