// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Members} from "./Members.sol";

contract GivenTheSenderIsNotTheOwner is Members {
    function testFuzz_it_reverts_naming_the_sender(address sender) external {
        vm.assume(sender != address(this));
        uint256 north = admit(NORTH);
        vm.prank(sender);
        vm.expectRevert(ownerOnly(sender));
        registry.suspend(north);
        vm.prank(sender);
        vm.expectRevert(ownerOnly(sender));
        registry.reinstate(north);
    }
}

contract GivenAnInstitution is Members {
    InstitutionRegistry.Status internal constant UNKNOWN = InstitutionRegistry.Status.Unknown;
    InstitutionRegistry.Status internal constant ACTIVE = InstitutionRegistry.Status.Active;
    InstitutionRegistry.Status internal constant SUSPENDED = InstitutionRegistry.Status.Suspended;

    uint256 internal north;

    function setUp() public override {
        super.setUp();
        north = admit(NORTH);
    }

    function test_when_it_is_unknown_it_reverts() external {
        vm.expectRevert(_wrong(9, UNKNOWN, ACTIVE));
        registry.suspend(9);
        vm.expectRevert(_wrong(9, UNKNOWN, SUSPENDED));
        registry.reinstate(9);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NotAMember.selector, STRANGER));
        registry.activeInstitutionOf(STRANGER);
    }

    function test_when_it_is_active_and_reinstated_it_reverts() external {
        vm.expectRevert(_wrong(north, ACTIVE, SUSPENDED));
        registry.reinstate(north);
        vm.assertEq(registry.activeInstitutionOf(NORTH), north, "it may speak");
    }

    function test_when_it_is_suspended_it_may_not_speak_and_keeps_its_number() external {
        uint256 south = admit(SOUTH);
        vm.expectEmit(true, true, true, true, address(registry));
        emit InstitutionRegistry.InstitutionSuspended(north);
        registry.suspend(north);

        assertStatus(north, SUSPENDED);
        vm.assertEq(registry.institutionOf(NORTH), north, "its number");
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.Suspended.selector, north));
        registry.activeInstitutionOf(NORTH);
        vm.assertEq(registry.activeInstitutionOf(SOUTH), south, "the others are left alone");
    }

    function test_when_it_is_suspended_twice_it_reverts() external {
        registry.suspend(north);
        vm.expectRevert(_wrong(north, SUSPENDED, ACTIVE));
        registry.suspend(north);
    }

    function test_when_it_is_reinstated_it_may_speak_again() external {
        registry.suspend(north);
        vm.expectEmit(true, true, true, true, address(registry));
        emit InstitutionRegistry.InstitutionReinstated(north);
        registry.reinstate(north);

        assertStatus(north, ACTIVE);
        vm.assertEq(registry.activeInstitutionOf(NORTH), north, "its old number");
    }

    function _wrong(uint256 number, InstitutionRegistry.Status has, InstitutionRegistry.Status needs)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(InstitutionRegistry.WrongStatus.selector, number, has, needs);
    }
}

contract GivenAnOwnerHandsTheRegistryOn is Members {
    function test_the_next_one_owns_it_only_once_it_has_accepted() external {
        registry.transferOwnership(SOUTH);
        vm.prank(SOUTH);
        vm.expectRevert(ownerOnly(SOUTH));
        registry.admit(NORTH, "North Hospital", "https://north.example", 0);

        vm.prank(SOUTH);
        registry.acceptOwnership();
        vm.prank(SOUTH);
        registry.admit(NORTH, "North Hospital", "https://north.example", 0);
        vm.expectRevert(ownerOnly(address(this)));
        registry.suspend(1);
    }
}
