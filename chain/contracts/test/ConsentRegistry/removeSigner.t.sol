// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {Patients} from "./Patients.sol";

contract GivenAPatientWithTwoKeys is Patients {
    function setUp() public override {
        super.setUp();
        enrol(AMINA, keys(WALLET, OTHER_WALLET));
        enrol(BORIS, keys(NEW_WALLET));
    }

    function test_when_it_is_too_late_it_reverts_with_both_times() external {
        vm.warp(LATER + 1);
        _refused(
            WALLET, OTHER_WALLET, abi.encodeWithSelector(ConsentRegistry.TooLate.selector, LATER, LATER + 1)
        );
    }

    function test_when_the_nonce_was_used_it_reverts_with_both() external {
        grant(grantOf(AMINA, 0), WALLET);
        _refused(
            WALLET, OTHER_WALLET, abi.encodeWithSelector(ConsentRegistry.WrongNonce.selector, AMINA, 0, 1)
        );
    }

    function test_when_somebody_else_signs_it_reverts_naming_them() external {
        bytes32 signer = hashOf(NEW_WALLET);
        _refused(
            NEW_WALLET, WALLET, abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer)
        );
    }

    function test_when_another_removal_was_signed_it_reverts() external {
        ConsentRegistry.Signed memory by = signed(WALLET, removalOf(AMINA, WALLET, 0));
        bytes32 signer = hashOf(WALLET);
        bytes32 other = hashOf(OTHER_WALLET);
        bytes32 digest = removalOf(AMINA, OTHER_WALLET, 0);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.removeSigner(AMINA, other, 0, LATER, by);
    }

    function test_when_it_is_not_a_signer_it_reverts_naming_both() external {
        bytes32 signer = hashOf(NEW_WALLET);
        _refused(
            WALLET, NEW_WALLET, abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer)
        );
    }

    function test_when_it_is_the_last_one_it_reverts_naming_both() external {
        remove(AMINA, WALLET, 0, WALLET);
        bytes32 signer = hashOf(OTHER_WALLET);
        bytes32 digest = removalOf(AMINA, OTHER_WALLET, 1);
        ConsentRegistry.Signed memory by = signed(OTHER_WALLET, digest);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.LastSigner.selector, AMINA, signer));
        consents.removeSigner(AMINA, signer, 1, LATER, by);
        assertSigner(AMINA, OTHER_WALLET);
    }

    function test_when_another_is_left_the_key_may_not_grant_any_more() external {
        bytes32 before = grant(grantOf(AMINA, 0), OTHER_WALLET);
        ConsentRegistry.Signed memory by = signed(WALLET, removalOf(AMINA, OTHER_WALLET, 1));
        bytes32 remover = hashOf(WALLET);
        bytes32 signer = hashOf(OTHER_WALLET);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.SignerRemoved(AMINA, signer, remover);
        consents.removeSigner(AMINA, signer, 1, LATER, by);

        assertNotSigner(AMINA, OTHER_WALLET);
        assertSignerCount(AMINA, 1);
        assertActive(AMINA, before);
        ConsentRegistry.Grant memory given = grantOf(AMINA, 2);
        by = signed(OTHER_WALLET, digestOf(given));
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer));
        consents.grant(given, by);
    }

    function test_when_it_is_added_again_the_old_form_does_not_remove_it_twice() external {
        bytes32 signer = hashOf(OTHER_WALLET);
        ConsentRegistry.Signed memory by = signed(WALLET, removalOf(AMINA, OTHER_WALLET, 0));
        consents.removeSigner(AMINA, signer, 0, LATER, by);
        add(AMINA, OTHER_WALLET, 1, WALLET);
        assertSigner(AMINA, OTHER_WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.WrongNonce.selector, AMINA, 0, 2));
        consents.removeSigner(AMINA, signer, 0, LATER, by);
    }

    function _refused(uint256 key, uint256 removed, bytes memory reason) private {
        ConsentRegistry.Signed memory by = signed(key, removalOf(AMINA, removed, 0));
        bytes32 signer = hashOf(removed);
        vm.expectRevert(reason);
        consents.removeSigner(AMINA, signer, 0, LATER, by);
    }
}
