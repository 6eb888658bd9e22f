// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {ConsentWebAuthnVerifier} from "../../src/ConsentWebAuthnVerifier.sol";
import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Patients} from "./Patients.sol";

/// @notice Says yes to whatever it is asked, as ERC-7913 and as ERC-1271.
contract YesSayer {
    function verify(bytes calldata, bytes32, bytes calldata) external pure returns (bytes4) {
        return this.verify.selector;
    }

    function isValidSignature(bytes32, bytes calldata signature) external pure returns (bytes4) {
        return signature.length == 3 ? this.isValidSignature.selector : bytes4(0);
    }
}

contract GivenAVerifierWithoutCode is Patients {
    function test_it_is_not_deployed_and_names_the_verifier() external {
        address[] memory verifiers = new address[](2);
        verifiers[0] = address(verifier);
        verifiers[1] = STRANGER;
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.VerifierHasNoCode.selector, STRANGER));
        new ConsentRegistry(institutions, verifiers);
    }
}

contract GivenSomethingIsNotInOrder is Patients {
    function test_when_the_sender_speaks_for_no_institution_it_reverts_naming_the_sender() external {
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(AMINA, north, keys(WALLET));
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(InstitutionRegistry.NotAMember.selector, STRANGER));
        consents.enrol(AMINA, proofs, LATER);
        institutions.suspend(north);
        _refused(AMINA, proofs, abi.encodeWithSelector(InstitutionRegistry.Suspended.selector, north));
    }

    function test_when_the_pseudonym_is_zero_it_reverts() external {
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(0, north, keys(WALLET));
        _refused(0, proofs, abi.encodeWithSelector(ConsentRegistry.PseudonymIsZero.selector));
    }

    function test_when_the_pseudonym_was_enrolled_before_it_reverts_naming_the_institution() external {
        enrol(AMINA, keys(WALLET));
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(AMINA, south, keys(OTHER_WALLET));
        vm.prank(SOUTH);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.AlreadyEnrolled.selector, AMINA, north));
        consents.enrol(AMINA, proofs, LATER);
    }

    function test_when_it_is_too_late_it_reverts_with_both_times() external {
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(AMINA, north, keys(WALLET));
        vm.warp(LATER + 1);
        _refused(AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.TooLate.selector, LATER, LATER + 1));
    }

    function test_when_there_are_no_signers_or_too_many_it_reverts_with_the_number() external {
        ConsentRegistry.Signed[] memory proofs = new ConsentRegistry.Signed[](0);
        _refused(
            AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.WrongNumberOfSigners.selector, 0, 1, 16)
        );
        proofs = new ConsentRegistry.Signed[](17);
        _refused(
            AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.WrongNumberOfSigners.selector, 17, 1, 16)
        );
    }

    function test_when_they_are_out_of_order_it_reverts_naming_both() external {
        uint256[] memory some = keys(WALLET, PHONE);
        (some[0], some[1]) = (some[1], some[0]);
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(AMINA, north, some);
        _refused(AMINA, proofs, _outOfOrder(some[0], some[1]));

        some[0] = some[1];
        proofs = enrolmentOf(AMINA, north, some);
        _refused(AMINA, proofs, _outOfOrder(some[0], some[0]));
    }

    function test_when_one_is_too_short_too_long_or_nobody_it_reverts() external {
        ConsentRegistry.Signed[] memory proofs = new ConsentRegistry.Signed[](1);
        proofs[0].signer = new bytes(19);
        _refused(
            AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.SignerHasWrongLength.selector, 19, 512)
        );
        proofs[0].signer = new bytes(513);
        _refused(
            AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.SignerHasWrongLength.selector, 513, 512)
        );
        proofs[0].signer = new bytes(20);
        _refused(AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.SignerIsNobody.selector));
    }

    function test_when_its_verifier_is_not_allowed_it_reverts_naming_the_verifier() external {
        address yes = address(new YesSayer());
        ConsentRegistry.Signed[] memory proofs = new ConsentRegistry.Signed[](1);
        proofs[0].signer = abi.encodePacked(yes, "key");
        _refused(AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.VerifierNotAllowed.selector, yes));
        vm.assertTrue(!consents.isVerifier(yes), "not allowed");
        vm.assertTrue(consents.isVerifier(address(verifier)), "allowed");
    }

    function test_when_one_has_signed_for_another_patient_or_company_it_reverts_naming_it() external {
        _invalid(WALLET, enrolmentOf(BORIS, north, keys(WALLET)));
        _invalid(WALLET, enrolmentOf(AMINA, south, keys(WALLET)));
        // The first of two leaves the second out, or puts in one that has not signed.
        ConsentRegistry.Signed[] memory alone = enrolmentOf(AMINA, north, keys(WALLET));
        uint256[] memory some = keys(WALLET, OTHER_WALLET);
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(AMINA, north, some);
        proofs[some[0] == WALLET ? 0 : 1] = alone[0];
        _invalid(WALLET, proofs);
        proofs = enrolmentOf(AMINA, north, some);
        proofs[1].signature = proofs[0].signature;
        _invalid(some[1], proofs);
    }

    function _invalid(uint256 key, ConsentRegistry.Signed[] memory proofs) private {
        bytes32[] memory hashes = new bytes32[](proofs.length);
        for (uint256 i; i < proofs.length; ++i) {
            hashes[i] = keccak256(proofs[i].signer);
        }
        bytes32 digest = digestOf(
            abi.encode(consents.ENROLMENT(), AMINA, north, keccak256(abi.encodePacked(hashes)), LATER)
        );
        bytes32 signer = hashOf(key);
        _refused(
            AMINA, proofs, abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest)
        );
    }

    function _outOfOrder(uint256 before, uint256 key) private view returns (bytes memory) {
        return abi.encodeWithSelector(ConsentRegistry.SignersOutOfOrder.selector, hashOf(before), hashOf(key));
    }

    function _refused(bytes32 patient, ConsentRegistry.Signed[] memory proofs, bytes memory reason) private {
        vm.prank(NORTH);
        vm.expectRevert(reason);
        consents.enrol(patient, proofs, LATER);
    }
}

contract GivenAllOfItIsInOrder is Patients {
    function test_it_knows_and_announces_the_patient_and_each_signer() external {
        uint256[] memory some = keys(PHONE, WALLET);
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(AMINA, north, some);
        bytes32[] memory hashes = hashesOf(some);
        // The last second of the deadline still counts.
        vm.warp(LATER);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.PatientEnrolled(AMINA, north);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.SignerAdded(AMINA, hashes[0]);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.SignerAdded(AMINA, hashes[1]);
        vm.prank(NORTH);
        consents.enrol(AMINA, proofs, LATER);

        (uint256 institution, uint256 count) = consents.patientOf(AMINA);
        vm.assertEq(institution, north, "the institution");
        vm.assertEq(count, 2, "how many signers");
        assertSigner(AMINA, PHONE);
        assertSigner(AMINA, WALLET);
        assertNotSigner(AMINA, TABLET);
        assertNotSigner(BORIS, PHONE);
    }

    function test_it_takes_a_smart_wallet() external {
        ConsentRegistry.Signed[] memory proofs = new ConsentRegistry.Signed[](1);
        proofs[0] = ConsentRegistry.Signed(abi.encodePacked(new YesSayer()), "yes");
        vm.prank(NORTH);
        consents.enrol(AMINA, proofs, LATER);

        consents.grant(grantOf(AMINA, 0), proofs[0]);
        ConsentRegistry.Grant memory given = grantOf(AMINA, 1);
        bytes32 digest = digestOf(given);
        bytes32 signer = keccak256(proofs[0].signer);
        proofs[0].signature = "no";
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.grant(given, proofs[0]);
    }
}
