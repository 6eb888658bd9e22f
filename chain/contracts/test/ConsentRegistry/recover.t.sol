// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Patients} from "./Patients.sol";

contract GivenAPatientWhoLostAPhone is Patients {
    bytes32 internal granted;

    function setUp() public override {
        super.setUp();
        enrol(AMINA, keys(PHONE, WALLET));
        enrol(BORIS, keys(OTHER_WALLET));
        granted = grant(grantOf(AMINA, 0), PHONE);
    }

    function test_when_the_sender_is_not_of_their_hospital_it_reverts_naming_both() external {
        ConsentRegistry.Signed[] memory proofs = recoveryOf(AMINA, south, 1, keys(NEW_WALLET));
        bytes memory reason =
            abi.encodeWithSelector(ConsentRegistry.NotTheirInstitution.selector, AMINA, north, south);
        vm.prank(SOUTH);
        vm.expectRevert(reason);
        consents.proposeRecovery(AMINA, proofs, NEXT_YEAR);

        propose(AMINA, 1, keys(NEW_WALLET));
        vm.warp(NOON + 3 days);
        vm.prank(SOUTH);
        vm.expectRevert(reason);
        consents.recover(AMINA);
        vm.prank(SOUTH);
        vm.expectRevert(reason);
        consents.withdrawRecovery(AMINA);
        institutions.suspend(north);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.Suspended.selector, north));
        consents.recover(AMINA);
    }

    function test_when_none_waits_it_reverts_naming_the_patient() external {
        bytes memory reason = abi.encodeWithSelector(ConsentRegistry.NoRecoveryWaits.selector, AMINA);
        vm.prank(NORTH);
        vm.expectRevert(reason);
        consents.recover(AMINA);
        vm.prank(NORTH);
        vm.expectRevert(reason);
        consents.withdrawRecovery(AMINA);
        ConsentRegistry.Signed memory by = signed(WALLET, vetoOf(AMINA, 0));
        vm.expectRevert(reason);
        consents.vetoRecovery(AMINA, 0, by);
    }

    function test_when_it_is_proposed_too_late_or_without_the_new_keys_it_reverts() external {
        ConsentRegistry.Signed[] memory proofs = recoveryOf(AMINA, north, 2, keys(NEW_WALLET));
        bytes32 signer = hashOf(NEW_WALLET);
        bytes32 digest = digestOf(
            abi.encode(consents.RECOVERY(), AMINA, north, 1, keccak256(abi.encodePacked(signer)), NEXT_YEAR)
        );
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.proposeRecovery(AMINA, proofs, NEXT_YEAR);

        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.WrongNumberOfSigners.selector, 0, 1, 16));
        consents.proposeRecovery(AMINA, new ConsentRegistry.Signed[](0), NEXT_YEAR);

        vm.warp(NEXT_YEAR + 1);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.TooLate.selector, NEXT_YEAR, NEXT_YEAR + 1));
        consents.proposeRecovery(AMINA, proofs, NEXT_YEAR);
    }

    function test_when_it_is_proposed_it_waits_three_days_and_is_announced() external {
        ConsentRegistry.Signed[] memory proofs = recoveryOf(AMINA, north, 1, keys(NEW_WALLET));
        bytes32[] memory signers = hashesOf(keys(NEW_WALLET));
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.RecoveryProposed(AMINA, 1, NOON + 3 days, signers);
        vm.prank(NORTH);
        consents.proposeRecovery(AMINA, proofs, NEXT_YEAR);

        (uint256 number, uint64 at, bytes32[] memory found) = consents.recoveryOf(AMINA);
        vm.assertEq(number, 1, "its number");
        vm.assertEq(uint256(at), NOON + 3 days, "when");
        vm.assertEq(found[0], signers[0], "whose");
        assertNotSigner(AMINA, NEW_WALLET);
        assertSigner(AMINA, PHONE);
    }

    function test_when_another_is_proposed_it_reverts_and_the_delay_stays() external {
        propose(AMINA, 1, keys(NEW_WALLET));
        vm.warp(NOON + 1 days);
        ConsentRegistry.Signed[] memory proofs = recoveryOf(AMINA, north, 2, keys(TABLET));
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.RecoveryWaits.selector, AMINA, 1));
        consents.proposeRecovery(AMINA, proofs, NEXT_YEAR);
        (, uint64 at,) = consents.recoveryOf(AMINA);
        vm.assertEq(uint256(at), NOON + 3 days, "when");
    }

    function testFuzz_when_it_is_carried_out_before_its_time_it_reverts_with_both(uint256 early) external {
        propose(AMINA, 1, keys(NEW_WALLET));
        uint256 at = between(early, NOON, NOON + 3 days - 1);
        vm.warp(at);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.TooEarly.selector, NOON + 3 days, at));
        consents.recover(AMINA);
    }

    function test_when_it_is_carried_out_the_new_keys_are_the_only_ones() external {
        propose(AMINA, 1, keys(NEW_WALLET, TABLET));
        bytes32[] memory signers = hashesOf(keys(NEW_WALLET, TABLET));
        vm.warp(NOON + 3 days);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.PatientRecovered(AMINA, 1);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.SignerAdded(AMINA, signers[0]);
        vm.prank(NORTH);
        consents.recover(AMINA);

        assertNotSigner(AMINA, PHONE);
        assertNotSigner(AMINA, WALLET);
        assertSigner(AMINA, NEW_WALLET);
        assertSigner(AMINA, TABLET);
        assertSignerCount(AMINA, 2);
        assertSigner(BORIS, OTHER_WALLET);
        assertActive(AMINA, granted);
        revoke(AMINA, granted, TABLET);
        assertNotActive(AMINA, granted);
        (, uint64 at, bytes32[] memory waiting) = consents.recoveryOf(AMINA);
        vm.assertEq(uint256(at) + waiting.length, 0, "nothing waits");

        ConsentRegistry.Grant memory given = grantOf(AMINA, 1);
        ConsentRegistry.Signed memory by = signed(WALLET, digestOf(given));
        bytes32 old = hashOf(WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, old));
        consents.grant(given, by);
    }

    function test_when_it_is_vetoed_at_the_last_moment_the_next_waits_three_days_of_its_own() external {
        propose(AMINA, 1, keys(NEW_WALLET));
        vm.warp(NOON + 30 days);
        ConsentRegistry.Signed memory by = signed(WALLET, vetoOf(AMINA, 1));
        bytes32 signer = hashOf(WALLET);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.RecoveryVetoed(AMINA, 1, signer);
        consents.vetoRecovery(AMINA, 1, by);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NoRecoveryWaits.selector, AMINA));
        consents.recover(AMINA);

        propose(AMINA, 2, keys(NEW_WALLET));
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.WrongRecovery.selector, AMINA, 1, 2));
        consents.vetoRecovery(AMINA, 1, by);
        vm.prank(NORTH);
        vm.expectRevert(
            abi.encodeWithSelector(ConsentRegistry.TooEarly.selector, NOON + 33 days, NOON + 30 days)
        );
        consents.recover(AMINA);
    }

    function test_when_somebody_else_vetoes_it_it_reverts() external {
        propose(AMINA, 1, keys(NEW_WALLET));
        ConsentRegistry.Signed memory by = signed(OTHER_WALLET, vetoOf(AMINA, 1));
        bytes32 signer = hashOf(OTHER_WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer));
        consents.vetoRecovery(AMINA, 1, by);
        // Nor the key that is not one yet.
        by = signed(NEW_WALLET, vetoOf(AMINA, 1));
        signer = hashOf(NEW_WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer));
        consents.vetoRecovery(AMINA, 1, by);
        by = signed(WALLET, vetoOf(AMINA, 2));
        signer = hashOf(WALLET);
        bytes32 digest = vetoOf(AMINA, 1);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.vetoRecovery(AMINA, 1, by);
    }

    function test_when_the_hospital_withdraws_it_it_is_gone() external {
        propose(AMINA, 1, keys(NEW_WALLET));
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.RecoveryWithdrawn(AMINA, 1);
        vm.prank(NORTH);
        consents.withdrawRecovery(AMINA);
        vm.warp(NOON + 3 days);
        vm.prank(NORTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NoRecoveryWaits.selector, AMINA));
        consents.recover(AMINA);
    }
}
