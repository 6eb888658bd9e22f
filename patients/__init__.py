"""The people this hospital treats, and how they are invited to the portal."""
