"""Records on the way to and from other hospitals."""
