// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {RecordLog} from "../../src/RecordLog.sol";
import {Specification} from "../Specification.sol";
import {Tree} from "../Tree.sol";

/// @notice A registry with two hospitals, their log contract, and trees to fill it with.
abstract contract Logbook is Specification {
    address internal constant NORTH = address(0xA1);
    address internal constant SOUTH = address(0xB2);
    address internal constant STRANGER = address(0xC3);

    InstitutionRegistry internal registry;
    RecordLog internal log;
    uint256 internal north;
    uint256 internal south;

    function setUp() public virtual {
        registry = new InstitutionRegistry(address(this));
        north = registry.admit(NORTH, "North Hospital", "https://north.example", bytes32("north keys"));
        south = registry.admit(SOUTH, "South Hospital", "https://south.example", bytes32("south keys"));
        log = new RecordLog(registry);
    }

    function leaves(uint256 count) internal pure returns (bytes32[] memory made) {
        return leaves(count, "leaf");
    }

    function leaves(uint256 count, string memory kind) internal pure returns (bytes32[] memory made) {
        made = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            made[i] = sha256(abi.encode(kind, i));
        }
    }

    function none() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    /// @dev Puts the first head of a hospital's log on the chain.
    function begin(address sender, bytes32[] memory made, uint256 size) internal {
        // Before the prank, which any call would use up, even one of the precompile for SHA-256.
        bytes32 root = Tree.root(made, 0, size);
        vm.prank(sender);
        log.extend(uint64(size), root, none());
    }

    function extend(address sender, bytes32[] memory made, uint256 oldSize, uint256 newSize) internal {
        bytes32 root = Tree.root(made, 0, newSize);
        bytes32[] memory proof = Tree.proof(made, oldSize, newSize);
        vm.prank(sender);
        log.extend(uint64(newSize), root, proof);
    }

    function assertHead(uint256 institution, uint256 size, bytes32 root) internal view {
        (uint64 foundSize, bytes32 foundRoot) = log.head(institution);
        vm.assertEq(uint256(foundSize), size, "the size of the head");
        vm.assertEq(foundRoot, root, "the root of the head");
        vm.assertEq(log.rootAt(institution, foundSize), root, "the root at that size");
    }
}
