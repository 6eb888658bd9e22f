"""
The slow twin: Merkle trees written straight from the definitions of RFC 9162, as recursions over entries.

It shares nothing with `chain/merkle.py`, is far too slow for a log, and easy to hold against the text of
the RFC. Whatever both agree on is either right or misread in the RFC itself.
"""

from hashlib import sha256


def mth(entries):
    """2.1.1: the Merkle Tree Hash of an ordered list of entries."""
    n = len(entries)
    if n == 0:
        return sha256().digest()
    if n == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split_of(n)
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def split_of(n):
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def path(m, entries):
    """2.1.3.1: the Merkle inclusion proof for the (m+1)-th entry."""
    n = len(entries)
    if n == 1:
        return []
    k = split_of(n)
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m, entries):
    """2.1.4.1: the Merkle consistency proof from the first m entries to all of them, 0 < m < n."""
    return subproof(m, entries, True)


def subproof(m, entries, is_known):
    n = len(entries)
    if m == n:
        return [] if is_known else [mth(entries)]
    k = split_of(n)
    if m <= k:
        return [*subproof(m, entries[:k], is_known), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]
