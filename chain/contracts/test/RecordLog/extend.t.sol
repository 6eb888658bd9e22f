// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsistencyProof} from "../../src/ConsistencyProof.sol";
import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {RecordLog} from "../../src/RecordLog.sol";
import {Tree} from "../Tree.sol";
import {Logbook} from "./Logbook.sol";

contract GivenTheSenderSpeaksForNoInstitution is Logbook {
    function test_it_reverts_naming_the_sender() external {
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NotAMember.selector, STRANGER));
        log.extend(1, bytes32("root"), none());
    }
}

contract GivenTheInstitutionIsSuspended is Logbook {
    bytes32[] internal made;

    function setUp() public override {
        super.setUp();
        made = leaves(12);
        begin(NORTH, made, 5);
        registry.suspend(north);
    }

    function test_it_reverts_naming_the_institution() external {
        bytes32[] memory proof = Tree.proof(made, 5, 12);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.Suspended.selector, north));
        log.extend(12, bytes32("root"), proof);
        assertHead(north, 5, Tree.root(made, 0, 5));
    }

    function test_it_goes_on_where_it_was_once_reinstated() external {
        registry.reinstate(north);
        extend(NORTH, made, 5, 12);
        assertHead(north, 12, Tree.root(made, 0, 12));
    }
}

contract GivenTheLogHasNoHead is Logbook {
    function test_when_a_proof_is_sent_it_reverts_saying_how_long_the_proof_was() external {
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(RecordLog.FirstHeadNeedsNoProof.selector, 3));
        log.extend(8, bytes32("root"), new bytes32[](3));
    }

    function test_when_the_size_is_zero_it_reverts() external {
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(RecordLog.NotLonger.selector, north, 0, 0));
        log.extend(0, bytes32("root"), none());
    }

    function test_when_the_root_is_zero_it_reverts() external {
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(RecordLog.RootIsZero.selector));
        log.extend(1, 0, none());
    }

    function testFuzz_it_records_and_announces_the_head(uint64 size, bytes32 root) external {
        vm.assume(size != 0 && root != 0);
        vm.expectEmit(true, true, true, true, address(log));
        emit RecordLog.HeadExtended(north, size, root);
        vm.prank(NORTH);
        log.extend(size, root, none());
        assertHead(north, size, root);
        assertHead(south, 0, 0);
    }
}

contract GivenTheLogHasAHead is Logbook {
    bytes32[] internal made;

    function setUp() public override {
        super.setUp();
        made = leaves(70);
    }

    function test_when_the_root_is_zero_it_reverts() external {
        begin(NORTH, made, 5);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(RecordLog.RootIsZero.selector));
        log.extend(6, 0, none());
    }

    function testFuzz_when_the_size_is_the_same_or_smaller_it_reverts_with_both(
        uint256 oldSize,
        uint256 newSize
    ) external {
        oldSize = between(oldSize, 1, 70);
        newSize = between(newSize, 0, oldSize);
        begin(NORTH, made, oldSize);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(RecordLog.NotLonger.selector, north, oldSize, newSize));
        log.extend(uint64(newSize), bytes32("root"), none());
    }

    function testFuzz_when_the_proof_has_another_length_it_reverts_with_both(
        uint256 oldSize,
        uint256 newSize,
        uint256 length
    ) external {
        newSize = between(newSize, 2, 70);
        oldSize = between(oldSize, 1, newSize - 1);
        bytes32[] memory proof = Tree.proof(made, oldSize, newSize);
        uint256 needed = proof.length;
        length = between(length, 0, 80);
        vm.assume(length != needed);
        bytes32[] memory other = new bytes32[](length);
        for (uint256 i; i < length && i < needed; ++i) {
            other[i] = proof[i];
        }
        begin(NORTH, made, oldSize);

        bytes32 root = Tree.root(made, 0, newSize);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsistencyProof.WrongProofLength.selector, length, needed));
        log.extend(uint64(newSize), root, other);
    }

    function test_when_the_proof_is_huge_it_reverts_before_it_is_hashed() external {
        begin(NORTH, made, 5);
        bytes32[] memory huge = new bytes32[](10_000);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsistencyProof.WrongProofLength.selector, 10_000, 8));
        log.extend(70, bytes32("root"), huge);
    }

    function testFuzz_when_the_past_is_rewritten_it_reverts_with_both_roots(
        uint256 oldSize,
        uint256 newSize,
        uint256 rewritten
    ) external {
        newSize = between(newSize, 2, 70);
        oldSize = between(oldSize, 1, newSize - 1);
        rewritten = between(rewritten, 0, oldSize - 1);
        begin(NORTH, made, oldSize);
        bytes32 recorded = Tree.root(made, 0, oldSize);

        made[rewritten] = sha256("another leaf");
        bytes32 root = Tree.root(made, 0, newSize);
        bytes32[] memory proof = Tree.proof(made, oldSize, newSize);
        bytes memory reason = abi.encodeWithSelector(
            ConsistencyProof.HistoryRewritten.selector, oldSize, recorded, Tree.root(made, 0, oldSize)
        );
        if (oldSize & (oldSize - 1) == 0) {
            // The old root is itself the first hash of the proof, so what does not fit is the new one.
            reason = abi.encodeWithSelector(
                ConsistencyProof.RootNotProven.selector, newSize, root, _newRootOver(recorded, proof)
            );
        }
        vm.prank(NORTH);
        vm.expectRevert(reason);
        log.extend(uint64(newSize), root, proof);
        assertHead(north, oldSize, recorded);
    }

    function testFuzz_when_the_new_root_is_another_it_reverts_with_both_roots(
        uint256 oldSize,
        uint256 newSize,
        bytes32 announced
    ) external {
        newSize = between(newSize, 2, 70);
        oldSize = between(oldSize, 1, newSize - 1);
        bytes32 root = Tree.root(made, 0, newSize);
        vm.assume(announced != root && announced != 0);
        begin(NORTH, made, oldSize);
        bytes32[] memory proof = Tree.proof(made, oldSize, newSize);

        vm.prank(NORTH);
        vm.expectRevert(
            abi.encodeWithSelector(ConsistencyProof.RootNotProven.selector, newSize, announced, root)
        );
        log.extend(uint64(newSize), announced, proof);
    }

    function testFuzz_when_one_bit_of_the_proof_is_flipped_it_reverts(
        uint256 oldSize,
        uint256 newSize,
        uint256 at,
        uint8 bit
    ) external {
        newSize = between(newSize, 2, 70);
        oldSize = between(oldSize, 1, newSize - 1);
        begin(NORTH, made, oldSize);
        bytes32[] memory proof = Tree.proof(made, oldSize, newSize);
        at = between(at, 0, proof.length - 1);
        proof[at] = bytes32(uint256(proof[at]) ^ (1 << bit));
        bytes32 root = Tree.root(made, 0, newSize);

        vm.prank(NORTH);
        (bool taken,) = address(log).call(abi.encodeCall(RecordLog.extend, (uint64(newSize), root, proof)));
        vm.assertTrue(!taken, "a damaged proof was taken");
    }

    function testFuzz_when_the_proof_fits_it_records_and_announces_the_head(uint256 oldSize, uint256 newSize)
        external
    {
        newSize = between(newSize, 2, 70);
        oldSize = between(oldSize, 1, newSize - 1);
        begin(NORTH, made, oldSize);
        bytes32 root = Tree.root(made, 0, newSize);
        bytes32[] memory proof = Tree.proof(made, oldSize, newSize);

        vm.expectEmit(true, true, true, true, address(log));
        emit RecordLog.HeadExtended(north, uint64(newSize), root);
        vm.prank(NORTH);
        log.extend(uint64(newSize), root, proof);
        assertHead(north, newSize, root);
    }

    function test_when_the_proofs_fit_it_keeps_every_earlier_head_readable() external {
        begin(NORTH, made, 1);
        for (uint256 size = 2; size <= 70; ++size) {
            extend(NORTH, made, size - 1, size);
        }
        for (uint256 size = 1; size <= 70; ++size) {
            vm.assertEq(log.rootAt(north, uint64(size)), Tree.root(made, 0, size), "an earlier head");
        }
        assertHead(south, 0, 0);
    }

    function _newRootOver(bytes32 root, bytes32[] memory proof) private pure returns (bytes32) {
        // From a power of two, all that is new stands to the right.
        for (uint256 i; i < proof.length; ++i) {
            root = sha256(abi.encodePacked(hex"01", root, proof[i]));
        }
        return root;
    }
}

contract GivenTheProofsThatPythonChecksToo is Logbook {
    function test_it_takes_the_good_ones_and_refuses_the_damaged_ones_for_the_reason_named() external {
        string memory json = vm.readFile("../../tests/vectors/consistency.json");
        uint256 count = vm.parseJsonUint(json, ".count");
        vm.assertGe(count, 20, "the vectors are there");
        for (uint256 i; i < count; ++i) {
            string memory at = string.concat(".cases[", vm.toString(i), "]");
            registry.admit(address(uint160(0x1000 + i)), "Hospital", "https://hospital.example", 0);
            _try(json, at, address(uint160(0x1000 + i)));
        }
    }

    function _try(string memory json, string memory at, address sender) private {
        vm.prank(sender);
        log.extend(
            uint64(vm.parseJsonUint(json, string.concat(at, ".oldSize"))),
            vm.parseJsonBytes32(json, string.concat(at, ".oldRoot")),
            none()
        );
        bytes memory call = abi.encodeCall(
            RecordLog.extend,
            (
                uint64(vm.parseJsonUint(json, string.concat(at, ".newSize"))),
                vm.parseJsonBytes32(json, string.concat(at, ".newRoot")),
                vm.parseJsonBytes32Array(json, string.concat(at, ".proof"))
            )
        );
        vm.prank(sender);
        (bool taken, bytes memory reason) = address(log).call(call);

        string memory name = vm.parseJsonString(json, string.concat(at, ".name"));
        string memory refusal = vm.parseJsonString(json, string.concat(at, ".refusal"));
        vm.assertTrue(taken == (bytes(refusal).length == 0), name);
        if (!taken) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(_selector(refusal)), name);
        }
    }

    function _selector(string memory refusal) private pure returns (bytes4) {
        bytes32 named = keccak256(bytes(refusal));
        if (named == keccak256("NotLonger")) return RecordLog.NotLonger.selector;
        if (named == keccak256("WrongProofLength")) return ConsistencyProof.WrongProofLength.selector;
        if (named == keccak256("HistoryRewritten")) return ConsistencyProof.HistoryRewritten.selector;
        if (named == keccak256("RootNotProven")) return ConsistencyProof.RootNotProven.selector;
        revert(string.concat("the vectors name an error that is not ours: ", refusal));
    }
}
