"""What the log and the chain leave in the database: leaves, heads, tiles; transactions; what was followed."""

from chain.models.following import Block, Cursor, Deployment, Event
from chain.models.log import Head, Leaf, Mismatch, Tile
from chain.models.transactions import Attempt, Transaction

__all__ = [
    "Attempt",
    "Block",
    "Cursor",
    "Deployment",
    "Event",
    "Head",
    "Leaf",
    "Mismatch",
    "Tile",
    "Transaction",
]
