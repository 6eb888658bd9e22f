"""The append-only log, its proofs, and the chain that holds its heads."""
