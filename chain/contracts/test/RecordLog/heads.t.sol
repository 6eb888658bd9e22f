// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {RecordLog} from "../../src/RecordLog.sol";
import {Specification} from "../Specification.sol";
import {Tree} from "../Tree.sol";
import {Logbook} from "./Logbook.sol";

/// @notice Does to the log whatever comes to mind, in the name of two hospitals and a stranger, and notes
///         each head that was taken.
contract Hospitals is Specification {
    struct Head {
        uint256 institution;
        uint64 size;
        bytes32 root;
    }

    RecordLog private immutable log;
    address[3] private senders;
    mapping(address sender => bytes32[]) private leavesOf;
    mapping(address sender => uint256) public institutionOf;
    Head[] public heads;
    uint256 public forged;

    constructor(RecordLog log_, address[3] memory senders_, uint256[3] memory institutions) {
        log = log_;
        senders = senders_;
        for (uint256 i; i < 3; ++i) {
            institutionOf[senders_[i]] = institutions[i];
        }
    }

    function headCount() external view returns (uint256) {
        return heads.length;
    }

    /// @dev An honest hospital at work: adds a few leaves and proves it.
    function grow(uint256 who, uint256 by, bytes32 seed) external {
        address sender = senders[who % 3];
        bytes32[] storage made = leavesOf[sender];
        by = between(by, 1, 9);
        if (made.length + by > 200) return;
        for (uint256 i; i < by; ++i) {
            made.push(sha256(abi.encode(seed, i)));
        }
        uint256 old = made.length - by;
        (uint64 recorded,) = log.head(institutionOf[sender]);
        if (recorded != old) return;
        bytes32[] memory copy = made;
        bytes32 root = Tree.root(copy, 0, copy.length);
        bytes32[] memory proof = old == 0 ? new bytes32[](0) : Tree.proof(copy, old, copy.length);
        if (_isTaken(sender, uint64(copy.length), root, proof)) {
            heads.push(Head(institutionOf[sender], uint64(copy.length), root));
        } else {
            // Not its turn, so the leaves are not in its log either.
            for (uint256 i; i < by; ++i) {
                made.pop();
            }
        }
    }

    /// @dev A dishonest one: rewrites a leaf of its past, adds some, and proves that as well as it can.
    function rewrite(uint256 who, uint256 leaf, uint256 by) external {
        address sender = senders[who % 3];
        bytes32[] storage made = leavesOf[sender];
        uint256 old = made.length;
        if (old == 0) return;
        bytes32[] memory other = new bytes32[](old + between(by, 1, 9));
        for (uint256 i; i < other.length; ++i) {
            other[i] = i < old ? made[i] : sha256(abi.encode(leaf, i));
        }
        other[leaf % old] = sha256(abi.encode("rewritten", leaf));
        bytes32 root = Tree.root(other, 0, other.length);
        if (_isTaken(sender, uint64(other.length), root, Tree.proof(other, old, other.length))) ++forged;
    }

    /// @dev Anything at all.
    function attempt(uint256 who, uint64 size, bytes32 root, bytes32[] calldata proof) external {
        // A first head is taken as it is, and so cannot be forged.
        (uint64 recorded,) = log.head(institutionOf[senders[who % 3]]);
        if (recorded == 0) return;
        if (_isTaken(senders[who % 3], size % 300, root, proof)) ++forged;
    }

    function _isTaken(address sender, uint64 size, bytes32 root, bytes32[] memory proof)
        private
        returns (bool taken)
    {
        vm.prank(sender);
        (taken,) = address(log).call(abi.encodeCall(RecordLog.extend, (size, root, proof)));
    }
}

contract WhateverIsSent is Logbook {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Hospitals internal hospitals;

    function setUp() public override {
        super.setUp();
        hospitals = new Hospitals(log, [NORTH, SOUTH, STRANGER], [north, south, uint256(0)]);
    }

    /// @dev Read by forge: the only contract that it calls.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(hospitals);
    }

    /// @dev Read by forge: and the only functions.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(hospitals);
        targets[0].selectors = new bytes4[](3);
        targets[0].selectors[0] = Hospitals.grow.selector;
        targets[0].selectors[1] = Hospitals.rewrite.selector;
        targets[0].selectors[2] = Hospitals.attempt.selector;
    }

    function invariant_a_head_never_moves() external view {
        for (uint256 i; i < hospitals.headCount(); ++i) {
            (uint256 institution, uint64 size, bytes32 root) = hospitals.heads(i);
            vm.assertEq(log.rootAt(institution, size), root, "a head has moved");
        }
    }

    function invariant_sizes_only_grow() external view {
        uint64[3] memory last;
        for (uint256 i; i < hospitals.headCount(); ++i) {
            (uint256 institution, uint64 size,) = hospitals.heads(i);
            vm.assertLt(last[institution], size, "a log has shrunk");
            last[institution] = size;
        }
        for (uint256 institution; institution < 3; ++institution) {
            (uint64 size,) = log.head(institution);
            vm.assertEq(
                uint256(size), last[institution], "a head changed, and nobody of that hospital sent it"
            );
        }
    }

    function invariant_nothing_but_what_extends_a_log_is_taken() external view {
        vm.assertEq(hospitals.forged(), 0, "a forged head was taken");
    }

    function invariant_a_stranger_has_no_head() external view {
        assertHead(0, 0, 0);
    }
}
