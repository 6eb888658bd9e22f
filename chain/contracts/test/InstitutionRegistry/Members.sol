// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Specification} from "../Specification.sol";

/// @notice A registry that this test owns, and some hospitals that want in.
abstract contract Members is Specification {
    address internal constant NORTH = address(0xA1);
    address internal constant SOUTH = address(0xB2);
    address internal constant STRANGER = address(0xC3);

    InstitutionRegistry internal registry;

    function setUp() public virtual {
        registry = new InstitutionRegistry(address(this));
    }

    function admit(address operator) internal returns (uint256) {
        return registry.admit(operator, "North Hospital", "https://north.example", bytes32("keys"));
    }

    function assertStatus(uint256 number, InstitutionRegistry.Status expected) internal view {
        (,,,, InstitutionRegistry.Status found) = registry.institution(number);
        vm.assertEq(uint256(found), uint256(expected), "the status");
    }

    function ownerOnly(address sender) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", sender);
    }
}
