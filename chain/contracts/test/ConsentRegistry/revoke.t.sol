// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Patients} from "./Patients.sol";

contract GivenAGrant is Patients {
    bytes32 internal granted;

    function setUp() public override {
        super.setUp();
        enrol(AMINA, keys(WALLET, PHONE));
        enrol(BORIS, keys(OTHER_WALLET));
        granted = grant(grantOf(AMINA, 0), PHONE);
    }

    function test_when_it_is_unknown_or_another_patients_it_reverts_naming_both() external {
        ConsentRegistry.Signed memory by = signed(WALLET, revocationOf(AMINA, "another"));
        vm.expectRevert(_unknown(AMINA, "another"));
        consents.revoke(AMINA, "another", by);
        by = signed(OTHER_WALLET, revocationOf(BORIS, granted));
        vm.expectRevert(_unknown(BORIS, granted));
        consents.revoke(BORIS, granted, by);
        vm.prank(NORTH);
        vm.expectRevert(_unknown(BORIS, granted));
        consents.revokeByInstitution(BORIS, granted);
        assertActive(AMINA, granted);
    }

    function test_when_somebody_else_signs_it_reverts_naming_the_signer() external {
        bytes32 digest = revocationOf(AMINA, granted);
        ConsentRegistry.Signed memory by = signed(OTHER_WALLET, digest);
        bytes32 signer = hashOf(OTHER_WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer));
        consents.revoke(AMINA, granted, by);

        by = signed(WALLET, revocationOf(AMINA, "another"));
        signer = hashOf(WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.revoke(AMINA, granted, by);
        assertActive(AMINA, granted);
    }

    function test_when_another_institution_sends_it_it_reverts_naming_both() external {
        vm.prank(SOUTH);
        vm.expectRevert(
            abi.encodeWithSelector(ConsentRegistry.NotTheirInstitution.selector, AMINA, north, south)
        );
        consents.revokeByInstitution(AMINA, granted);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NotEnrolled.selector, bytes32("nobody")));
        consents.revokeByInstitution("nobody", granted);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NotAMember.selector, STRANGER));
        consents.revokeByInstitution(AMINA, granted);
        institutions.suspend(north);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.Suspended.selector, north));
        consents.revokeByInstitution(AMINA, granted);
        assertActive(AMINA, granted);
    }

    function testFuzz_when_the_patient_signs_it_is_not_active_from_that_second_on(uint64 later, uint64 at)
        external
    {
        uint64 when = uint64(between(later, NOON, type(uint64).max));
        ConsentRegistry.Signed memory by = signed(WALLET, revocationOf(AMINA, granted));
        bytes32 signer = hashOf(WALLET);
        vm.warp(when);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.Revoked(AMINA, granted, signer);
        consents.revoke(AMINA, granted, by);

        assertNotActive(AMINA, granted);
        vm.assertTrue(!consents.isActiveAt(AMINA, granted, when), "in that second");
        vm.assertTrue(
            consents.isActiveAt(AMINA, granted, at) == (NOON <= at && at < when && at < NEXT_YEAR),
            "in any second"
        );
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.AlreadyRevoked.selector, AMINA, granted, when));
        consents.revoke(AMINA, granted, by);
    }

    function test_when_the_hospital_sends_it_it_is_not_active_from_that_second_on() external {
        vm.warp(NOON + 1);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.RevokedByInstitution(AMINA, granted, north);
        vm.prank(NORTH);
        consents.revokeByInstitution(AMINA, granted);

        assertNotActive(AMINA, granted);
        vm.assertTrue(consents.isActiveAt(AMINA, granted, NOON), "before");
        vm.prank(NORTH);
        vm.expectRevert(
            abi.encodeWithSelector(ConsentRegistry.AlreadyRevoked.selector, AMINA, granted, NOON + 1)
        );
        consents.revokeByInstitution(AMINA, granted);
    }

    function _unknown(bytes32 patient, bytes32 id) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ConsentRegistry.GrantUnknown.selector, patient, id);
    }
}
