// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {Patients} from "./Patients.sol";

contract GivenAPatientWithAWallet is Patients {
    function setUp() public override {
        super.setUp();
        enrol(AMINA, keys(WALLET));
        enrol(BORIS, keys(OTHER_WALLET));
    }

    function test_when_it_is_too_late_it_reverts_with_both_times() external {
        vm.warp(LATER + 1);
        _refused(
            WALLET, NEW_WALLET, abi.encodeWithSelector(ConsentRegistry.TooLate.selector, LATER, LATER + 1)
        );
    }

    function test_when_the_nonce_was_used_it_reverts_with_both() external {
        grant(grantOf(AMINA, 0), WALLET);
        _refused(WALLET, NEW_WALLET, abi.encodeWithSelector(ConsentRegistry.WrongNonce.selector, AMINA, 0, 1));
    }

    function test_when_somebody_else_signs_it_reverts_naming_them() external {
        bytes32 signer = hashOf(OTHER_WALLET);
        _refused(
            OTHER_WALLET,
            NEW_WALLET,
            abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer)
        );
        signer = hashOf(NEW_WALLET);
        _refused(
            NEW_WALLET, NEW_WALLET, abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer)
        );
    }

    function test_when_the_new_key_has_not_signed_this_it_reverts_naming_it() external {
        bytes32 digest = additionOf(AMINA, NEW_WALLET, 0);
        ConsentRegistry.Signed memory by = signed(WALLET, digest);
        ConsentRegistry.Signed memory possession = signed(NEW_WALLET, additionOf(BORIS, NEW_WALLET, 0));
        bytes32 signer = hashOf(NEW_WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.addSigner(AMINA, 0, LATER, possession, by);
        possession.signature = by.signature;
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.addSigner(AMINA, 0, LATER, possession, by);
    }

    function test_when_the_old_key_has_not_signed_this_it_reverts_naming_it() external {
        bytes32 digest = additionOf(AMINA, NEW_WALLET, 0);
        ConsentRegistry.Signed memory by = signed(WALLET, additionOf(AMINA, PHONE, 0));
        ConsentRegistry.Signed memory possession = signed(NEW_WALLET, digest);
        bytes32 signer = hashOf(WALLET);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.addSigner(AMINA, 0, LATER, possession, by);
    }

    function test_when_the_new_key_is_one_already_it_reverts() external {
        bytes32 signer = hashOf(WALLET);
        _refused(
            WALLET, WALLET, abi.encodeWithSelector(ConsentRegistry.AlreadyASigner.selector, AMINA, signer)
        );
    }

    function test_when_the_new_key_is_none_it_reverts() external {
        ConsentRegistry.Signed memory by = signed(WALLET, "whatever");
        ConsentRegistry.Signed memory possession = ConsentRegistry.Signed(new bytes(20), "");
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignerIsNobody.selector));
        consents.addSigner(AMINA, 0, LATER, possession, by);
        possession.signer = abi.encodePacked(STRANGER, "key");
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.VerifierNotAllowed.selector, STRANGER));
        consents.addSigner(AMINA, 0, LATER, possession, by);
    }

    function test_when_it_is_one_too_many_it_reverts_with_the_number() external {
        for (uint256 i; i < 15; ++i) {
            add(AMINA, 100 + i, i, WALLET);
        }
        assertSignerCount(AMINA, 16);
        bytes32 digest = additionOf(AMINA, NEW_WALLET, 15);
        ConsentRegistry.Signed memory by = signed(WALLET, digest);
        ConsentRegistry.Signed memory possession = signed(NEW_WALLET, digest);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.WrongNumberOfSigners.selector, 17, 1, 16));
        consents.addSigner(AMINA, 15, LATER, possession, by);
    }

    function test_when_both_have_signed_the_new_key_may_grant() external {
        bytes32 digest = additionOf(AMINA, PHONE, 0);
        ConsentRegistry.Signed memory by = signed(WALLET, digest);
        ConsentRegistry.Signed memory possession = signed(PHONE, digest);
        bytes32 signer = hashOf(PHONE);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.SignerAdded(AMINA, signer);
        consents.addSigner(AMINA, 0, LATER, possession, by);

        assertSigner(AMINA, PHONE);
        assertSigner(AMINA, WALLET);
        assertNotSigner(BORIS, PHONE);
        assertSignerCount(AMINA, 2);
        assertActive(AMINA, grant(grantOf(AMINA, 1), PHONE));
    }

    function _refused(uint256 key, uint256 added, bytes memory reason) private {
        bytes32 digest = additionOf(AMINA, added, 0);
        ConsentRegistry.Signed memory by = signed(key, digest);
        ConsentRegistry.Signed memory possession = signed(added, digest);
        vm.expectRevert(reason);
        consents.addSigner(AMINA, 0, LATER, possession, by);
    }
}
