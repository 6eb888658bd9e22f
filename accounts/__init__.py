"""Who signs in, in which role, and with what proof."""
