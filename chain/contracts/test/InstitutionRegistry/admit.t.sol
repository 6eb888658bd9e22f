// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Members} from "./Members.sol";

contract GivenSomethingIsNotInOrder is Members {
    function testFuzz_when_the_sender_is_not_the_owner_it_reverts_naming_the_sender(address sender) external {
        vm.assume(sender != address(this));
        vm.prank(sender);
        vm.expectRevert(ownerOnly(sender));
        registry.admit(NORTH, "North Hospital", "https://north.example", 0);
    }

    function test_when_the_operator_is_nobody_it_reverts() external {
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NoOperator.selector));
        registry.admit(address(0), "North Hospital", "https://north.example", 0);
    }

    function test_when_the_operator_speaks_for_an_institution_it_reverts_naming_both() external {
        uint256 north = admit(NORTH);
        bytes memory reason =
            abi.encodeWithSelector(InstitutionRegistry.AlreadyAdmitted.selector, NORTH, north);
        vm.expectRevert(reason);
        registry.admit(NORTH, "Another name", "https://another.example", 0);
        registry.suspend(north);
        vm.expectRevert(reason);
        registry.admit(NORTH, "Another name", "https://another.example", 0);
    }

    function test_when_the_name_is_empty_or_too_long_it_reverts_with_both_lengths() external {
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NameHasWrongLength.selector, 0, 128));
        registry.admit(NORTH, "", "https://north.example", 0);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NameHasWrongLength.selector, 129, 128));
        registry.admit(NORTH, string(new bytes(129)), "https://north.example", 0);
    }

    function test_when_the_portal_is_empty_or_too_long_it_reverts_with_both_lengths() external {
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.PortalUrlHasWrongLength.selector, 0, 256));
        registry.admit(NORTH, "North Hospital", "", 0);
        vm.expectRevert(
            abi.encodeWithSelector(InstitutionRegistry.PortalUrlHasWrongLength.selector, 257, 256)
        );
        registry.admit(NORTH, "North Hospital", string(new bytes(257)), 0);
    }
}

contract GivenAllOfItIsInOrder is Members {
    function test_it_numbers_institutions_from_one() external {
        vm.assertEq(admit(NORTH), 1, "the first");
        vm.assertEq(admit(SOUTH), 2, "the second");
        vm.assertEq(registry.count(), 2, "how many");
        vm.assertEq(registry.institutionOf(NORTH), 1, "the first by its operator");
        vm.assertEq(registry.institutionOf(SOUTH), 2, "the second by its operator");
        vm.assertEq(registry.institutionOf(STRANGER), 0, "no institution of a stranger");
    }

    function testFuzz_it_keeps_and_announces_what_was_said(
        address operator,
        uint256 nameLength,
        uint256 urlLength,
        bytes32 keys
    ) external {
        vm.assume(operator != address(0));
        string memory name = string(new bytes(between(nameLength, 1, 128)));
        string memory url = string(new bytes(between(urlLength, 1, 256)));

        vm.expectEmit(true, true, true, true, address(registry));
        emit InstitutionRegistry.InstitutionAdmitted(1, operator, name, url, keys);
        registry.admit(operator, name, url, keys);

        (address by, string memory kept, string memory at, bytes32 thumbprint,) = registry.institution(1);
        vm.assertEq(by, operator, "the operator");
        vm.assertEq(kept, name, "the name");
        vm.assertEq(at, url, "the portal");
        vm.assertEq(thumbprint, keys, "the keys");
        assertStatus(1, InstitutionRegistry.Status.Active);
    }

    function test_it_says_of_a_number_never_given_that_it_is_unknown() external view {
        assertStatus(0, InstitutionRegistry.Status.Unknown);
        assertStatus(7, InstitutionRegistry.Status.Unknown);
    }
}
