"""Who may see what, on which ground: the one decision function."""
