"""
Reads what our contracts announced, block by block, some way behind the tip, and takes back what was undone.

The cursor stands on the last block that was read whole. Before each step the node is asked for that block
again: if it has another one now, everything after the last common block is undone, in one database
transaction, and read anew.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings

from chain.abi import NotOurEvent
from chain.client import Node, RangeRefused, current_node, time_of
from chain.deployment import Contracts, check_contracts, contracts
from chain.locks import only_one
from chain.models import Block, Cursor, Event
from chain.topics import EventHandler, handlers_for
from chain.transactions import reopen_after
from chain.watching import head_announced, head_withdrawn

logger = structlog.get_logger(__name__)

NAME = "contracts"
LOCK = "chain.follower"

# Blocks asked for at once. Public nodes allow between five hundred and ten thousand.
MAX_RANGE = 2000

# Steps in one run, so that a worker catching up on years still comes back now and then.
MAX_STEPS = 100

# How many blocks without events are remembered, to find a common block in a reorganisation.
REMEMBERED = 1000

# Blocks compared in one question while looking for the common one.
COMPARED = 100


class ChainMoved(Exception):
    """The chain changed while it was being read. Nothing was written; the next run reads it as it is then."""


def follow(at: datetime) -> int:
    """
    Read on from where the last run stopped, and return how many blocks were read.

    :raises WrongChain: if the node answers for another chain
    :raises NotOurContract: if the contracts are not the ones this release knows
    :raises Busy: if another worker is at it
    """
    node = current_node()
    where = contracts()
    check_contracts(node, where)
    length = MAX_RANGE
    read = 0
    for _ in range(MAX_STEPS):
        try:
            step = _step(node, where, length, at)
        except RangeRefused:
            if length == 1:
                raise
            length //= 2
            logger.info("follower.halved", length=length)
            continue
        if step == 0:
            break
        read += step
    return read


def unfollow(at: datetime) -> None:
    """Take back everything that was read, for when the chain it was read from is gone."""
    _undo_after(-1, at)
    Cursor.objects.all().delete()


def _step(node: Node, where: Contracts, length: int, at: datetime) -> int:
    """Read one range in one database transaction, and return its length: 0 if there is nothing to read."""
    with only_one(LOCK):
        cursor, _ = Cursor.objects.get_or_create(name=NAME)
        cursor.tip = node.block_number()
        cursor.moved_at = at
        if cursor.block_number is not None:
            here = node.block(cursor.block_number)
            if here is None:
                # The node is behind us. When it has caught up it will have this block, or another.
                cursor.save()
                return 0
            if here["hash"] != cursor.block_hash:
                _rewind(cursor, node, at)

        start = where.start_block if cursor.block_number is None else cursor.block_number + 1
        end = min(start + length - 1, cursor.tip - settings.CHAIN_CONFIRMATIONS)
        if end < start:
            cursor.save()
            return 0

        _read(node, where, start, end, cursor, at)
        cursor.save()
        _forget_old_blocks(cursor)
    return end - start + 1


def _read(node: Node, where: Contracts, start: int, end: int, cursor: Cursor, at: datetime) -> None:
    before = node.block(end)
    entries = node.logs(addresses=[address for _, address in where.each()], start=start, end=end)
    holding = {int(entry["blockNumber"], 16) for entry in entries} | {end}
    numbers = sorted(holding | {start})
    headers = {
        number: header
        for number, header in zip(numbers, node.blocks(numbers), strict=True)
        if header is not None
    }
    # A block's hash settles all blocks before it: the last one being the same before and after, nothing in
    # the range has changed between the questions.
    if before is None or len(headers) < len(numbers) or headers[end]["hash"] != before["hash"]:
        raise ChainMoved
    if cursor.block_hash is not None and headers[start]["parentHash"] != cursor.block_hash:
        raise ChainMoved

    blocks = {
        number: Block.objects.create(
            number=number, hash=header["hash"], parent_hash=header["parentHash"], at=time_of(header)
        )
        for number, header in headers.items()
        if number in holding
    }
    for entry in sorted(entries, key=lambda each: (int(each["blockNumber"], 16), int(each["logIndex"], 16))):
        block = blocks[int(entry["blockNumber"], 16)]
        if entry["blockHash"] != block.hash:
            raise ChainMoved
        _take(entry, block, where, at)

    cursor.block_number = end
    cursor.block_hash = blocks[end].hash


def _take(entry: dict[str, Any], block: Block, where: Contracts, at: datetime) -> None:
    known = next(each for each, address in where.each() if address.lower() == entry["address"].lower())
    topics = [bytes.fromhex(topic[2:]) for topic in entry["topics"]]
    try:
        name, arguments = known.decode_event(topics, bytes.fromhex(entry["data"][2:]))
    except NotOurEvent:
        return
    event = Event.objects.create(
        block=block,
        log_index=int(entry["logIndex"], 16),
        transaction_hash=entry["transactionHash"],
        contract=known.name,
        name=name,
        arguments={key: _storable(value) for key, value in arguments.items()},
    )
    for handler in _handlers_of(event):
        handler.handle(event, at)


def _handlers_of(event: Event) -> Iterator[EventHandler]:
    if (event.contract, event.name) == ("RecordLog", "HeadExtended"):
        yield EventHandler(handle=head_announced, undo=head_withdrawn)
    yield from handlers_for(event.contract, event.name)


def _storable(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_storable(each) for each in value]
    return "0x" + value.hex() if isinstance(value, bytes) else value


def _rewind(cursor: Cursor, node: Node, at: datetime) -> None:
    """Undo everything after the last block that the node still has."""
    common = _common_block(node)
    number = common.number if common else -1
    logger.warning("follower.rewound", block_from=cursor.block_number, block_to=number)
    _undo_after(number, at)
    reopen_after(number)
    cursor.block_number = common.number if common else None
    cursor.block_hash = common.hash if common else None


def _undo_after(number: int, at: datetime) -> None:
    """Undo the events above this block, the last one first, and forget their blocks."""
    gone = Event.objects.filter(block__number__gt=number).select_related("block")
    for event in gone.order_by("-block__number", "-log_index"):
        for handler in _handlers_of(event):
            handler.undo(event, at)
    Block.objects.filter(number__gt=number).delete()


def _common_block(node: Node) -> Block | None:
    remembered = Block.objects.order_by("-number")
    for start in range(0, remembered.count(), COMPARED):
        page = list(remembered[start : start + COMPARED])
        for block, header in zip(page, node.blocks([block.number for block in page]), strict=True):
            if header is not None and header["hash"] == block.hash:
                return block
    return None


def _forget_old_blocks(cursor: Cursor) -> None:
    if cursor.block_number is not None:
        Block.objects.filter(number__lt=cursor.block_number - REMEMBERED, events__isnull=True).delete()
