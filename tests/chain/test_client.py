"""What nodes say when something is wrong becomes an exception of our own."""

import pytest
from web3 import HTTPProvider

from chain.abi import contract
from chain.client import (
    AlreadyKnown,
    InsufficientFunds,
    Node,
    NodeError,
    NodeUnavailable,
    NonceTooLow,
    RangeRefused,
    Reverted,
    Underpriced,
    WrongChain,
)
from tests.chain.nodes import node_that_answers


@pytest.fixture
def node_with():
    servers, nodes = [], []

    def make(**answers):
        server, url = node_that_answers(answers)
        servers.append(server)
        nodes.append(Node(url, chain_id=31337, timeout=5))
        return nodes[-1]

    yield make
    for node in nodes:
        node.close()
    for server in servers:
        server.shutdown()
        server.server_close()


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "kind"),
        [
            # As geth, Erigon, Nethermind, Besu, anvil and providers write them.
            ("nonce too low: next nonce 5, tx nonce 4", NonceTooLow),
            ("OldNonce, Current nonce: 5", NonceTooLow),
            ("already known", AlreadyKnown),
            ("transaction already imported", AlreadyKnown),
            ("Known transaction", AlreadyKnown),
            ("replacement transaction underpriced", Underpriced),
            ("Transaction gas price below configured minimum gas price", Underpriced),
            ("max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1", Underpriced),
            ("FeeTooLow, EffectivePriorityFeePerGas too low", Underpriced),
            ("insufficient funds for gas * price + value: balance 0", InsufficientFunds),
            ("Upfront cost exceeds account balance", InsufficientFunds),
            ("daily request count exceeded, request rate limited: rate limit", NodeUnavailable),
            ("Method not found", NodeError),
        ],
    )
    def test_are_known_by_their_words(self, node_with, words, kind):
        node = node_with(eth_sendRawTransaction={"code": -32000, "message": words})

        with pytest.raises(NodeError) as raised:
            node.send(b"\x02")

        assert type(raised.value) is kind

    @pytest.mark.parametrize(
        "words",
        [
            "query exceeds max block range 5000",
            "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
            "query returned more than 10000 results",
            "eth_getLogs is limited to a 10,000 range",
        ],
    )
    def test_of_range_are_known_where_a_range_is_asked(self, node_with, words):
        node = node_with(eth_getLogs={"code": -32005, "message": words})

        with pytest.raises(RangeRefused):
            node.logs(addresses=["0x00"], start=1, end=5000)

    def test_by_a_contract_carry_its_own_words(self, node_with):
        from eth_abi import encode
        from eth_utils import keccak

        data = keccak(b"NotLonger(uint256,uint64,uint64)")[:4]
        data += encode(["uint256", "uint64", "uint64"], [1, 9, 7])
        node = node_with(
            eth_estimateGas={"code": 3, "message": "execution reverted", "data": "0x" + data.hex()}
        )

        with pytest.raises(Reverted) as refused:
            node.estimate_gas(sender="0x00", to="0x01", data=b"")

        assert refused.value.reason.name == "NotLonger"
        assert refused.value.reason.arguments == {"institution": 1, "recorded": 9, "given": 7}

    def test_by_a_contract_we_do_not_know_keep_the_nodes_words(self, node_with):
        node = node_with(eth_estimateGas={"code": 3, "message": "execution reverted", "data": "0x12345678"})

        with pytest.raises(Reverted, match="execution reverted"):
            node.estimate_gas(sender="0x00", to="0x01", data=b"")

    def test_that_are_wrapped_once_more_are_unwrapped(self, node_with):
        data = {
            "data": "0x08c379a0" + (b"\0" * 31 + b"\x20" + b"\0" * 31 + b"\x02" + b"no" + b"\0" * 30).hex()
        }
        node = node_with(eth_estimateGas={"code": -32000, "message": "revert", "data": data})

        with pytest.raises(Reverted, match=r"Error\(message=no\)"):
            node.estimate_gas(sender="0x00", to="0x01", data=b"")


class TestConnection:
    def test_is_refused_by_nobody(self):
        with pytest.raises(NodeUnavailable, match="no answer"):
            Node("http://127.0.0.1:1", chain_id=1).block_number()

    def test_checks_the_chain_before_the_first_question(self, node_with):
        node = node_with(eth_chainId="0x1", eth_blockNumber="0x5")

        with pytest.raises(WrongChain, match="answers for chain 1"):
            node.block_number()

    def test_is_opened_again_when_the_other_side_closed_it(self, own_anvil):
        node = Node(own_anvil.url, chain_id=31337)
        node.block_number()
        own_anvil.stop()
        with pytest.raises(NodeUnavailable):
            node.block_number()

        own_anvil.start()
        assert node.block_number() >= 0
        node.close()

    def test_is_kept_between_questions(self, shared_anvil):
        node = Node(shared_anvil.url, chain_id=31337)
        node.block_number()
        kept = node._session

        node.block_number()

        assert node._session is kept
        node.close()

    def test_that_fails_does_not_tell_its_address_which_may_hold_a_key(self):
        with pytest.raises(NodeUnavailable) as refused:
            Node("http://127.0.0.1:1/v3/secret-key", chain_id=1).block_number()

        assert "secret-key" not in str(refused.value)

    @pytest.mark.parametrize("answer", [None, 5, "text", [], {"message": "out of quota"}])
    def test_to_something_that_is_no_node_counts_as_none(self, node_with, monkeypatch, answer):
        node = node_with()
        monkeypatch.setattr(HTTPProvider, "make_request", lambda self, method, params: answer)

        with pytest.raises(NodeUnavailable):
            node.block_number()


class TestAskAll:
    def test_answers_in_the_order_of_the_questions(self, shared_anvil):
        shared_anvil.mine(3)
        node = Node(shared_anvil.url, chain_id=31337)

        blocks = node.blocks([2, 0, 1] * 100)

        assert [int(block["number"], 16) for block in blocks] == [2, 0, 1] * 100
        node.close()

    def test_asks_nothing_when_there_is_no_question(self):
        assert Node("http://127.0.0.1:1", chain_id=1).ask_all([]) == []


class TestAbi:
    def test_leaves_out_of_the_comparison_what_the_constructor_filled_in(self, hospital):
        node = Node(hospital.anvil.url, chain_id=31337)
        code = node.code(hospital.record_log)
        node.close()
        record_log = contract("RecordLog")

        assert code != record_log.deployed_bytecode
        assert record_log.is_code_of(code)
        assert not record_log.is_code_of(code[:-1] + bytes([code[-1] ^ 1]))
        assert not record_log.is_code_of(b"")
