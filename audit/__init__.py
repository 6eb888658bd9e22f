"""Who opened what, and every other event that must leave a trace."""
