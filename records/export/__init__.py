"""What leaves the store in a shape that others read."""
