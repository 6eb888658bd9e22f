// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {ConsentWebAuthnVerifier} from "../../src/ConsentWebAuthnVerifier.sol";
import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Patients} from "./Patients.sol";

contract GivenSomethingIsNotInOrder is Patients {
    function setUp() public override {
        super.setUp();
        enrol(AMINA, keys(WALLET, PHONE));
        enrol(BORIS, keys(OTHER_WALLET));
    }

    function test_when_it_is_relayed_too_late_it_reverts_with_both_times() external {
        vm.warp(LATER + 1);
        _refused(
            grantOf(AMINA, 0),
            WALLET,
            abi.encodeWithSelector(ConsentRegistry.TooLate.selector, LATER, LATER + 1)
        );
    }

    function test_when_it_would_have_expired_already_it_reverts_with_both_times() external {
        ConsentRegistry.Grant memory given = grantOf(AMINA, 0);
        given.expiry = NOON;
        _refused(given, WALLET, abi.encodeWithSelector(ConsentRegistry.AlreadyExpired.selector, NOON, NOON));
    }

    function test_when_a_commitment_is_zero_it_reverts_with_both() external {
        ConsentRegistry.Grant memory given = grantOf(AMINA, 0);
        given.scope = 0;
        _refused(
            given,
            WALLET,
            abi.encodeWithSelector(ConsentRegistry.CommitmentIsZero.selector, bytes32("who"), bytes32(0))
        );
        given.scope = "what";
        given.grantee = 0;
        _refused(
            given,
            WALLET,
            abi.encodeWithSelector(ConsentRegistry.CommitmentIsZero.selector, bytes32(0), bytes32("what"))
        );
    }

    function testFuzz_when_the_nonce_is_not_the_next_of_its_key_it_reverts_with_both(
        uint192 key,
        uint64 sequence
    ) external {
        uint256 first = uint256(key) << 64;
        vm.assertEq(consents.nonce(AMINA, key), first, "the first");
        grant(grantOf(AMINA, first), WALLET);
        vm.assertEq(consents.nonce(AMINA, key), first + 1, "the next");
        vm.assume(sequence != 1);
        _refused(
            grantOf(AMINA, first + sequence),
            WALLET,
            abi.encodeWithSelector(ConsentRegistry.WrongNonce.selector, AMINA, first + sequence, first + 1)
        );
    }

    function test_when_the_signer_is_not_the_patients_it_reverts_naming_both() external {
        uint256[3] memory others = [OTHER_WALLET, NEW_WALLET, TABLET];
        for (uint256 i; i < 3; ++i) {
            bytes32 signer = hashOf(others[i]);
            _refused(
                grantOf(AMINA, 0),
                others[i],
                abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, AMINA, signer)
            );
        }
        bytes32 wallet = hashOf(WALLET);
        _refused(
            grantOf("nobody", 0),
            WALLET,
            abi.encodeWithSelector(ConsentRegistry.NotASigner.selector, bytes32("nobody"), wallet)
        );
    }

    function testFuzz_when_anything_was_changed_after_it_was_signed_it_reverts(uint256 what, uint64 by)
        external
    {
        uint256 key = what % 2 == 0 ? WALLET : PHONE;
        ConsentRegistry.Grant memory given = grantOf(AMINA, 0);
        ConsentRegistry.Signed memory signature = signed(key, digestOf(given));
        what = (what / 2) % 5;
        by = uint64(between(by, 1, 300 days));
        if (what == 0) given.grantee = keccak256(abi.encode(by));
        if (what == 1) given.scope = keccak256(abi.encode(by));
        if (what == 2) given.expiry += by;
        if (what == 3) given.nonce += uint256(by) << 64;
        if (what == 4) given.deadline += by;
        (bool isTaken, bytes memory reason) =
            address(consents).call(abi.encodeCall(consents.grant, (given, signature)));
        vm.assertTrue(!isTaken, "a form that was changed");
        bytes4 expected = key == WALLET
            ? ConsentRegistry.SignatureInvalid.selector
            : ConsentWebAuthnVerifier.WrongChallenge.selector;
        vm.assertEq(bytes32(bytes4(reason)), bytes32(expected), "why");
    }

    function test_when_it_was_signed_for_another_contract_it_reverts() external {
        ConsentRegistry.Grant memory given = grantOf(AMINA, 0);
        ConsentRegistry.Signed memory by = signed(WALLET, digestOf(given));
        ConsentRegistry here = consents;
        address[] memory verifiers = new address[](0);
        consents = new ConsentRegistry(institutions, verifiers);
        enrol(AMINA, keys(WALLET));
        bytes32 signer = hashOf(WALLET);
        bytes32 digest = digestOf(given);
        vm.expectRevert(abi.encodeWithSelector(ConsentRegistry.SignatureInvalid.selector, signer, digest));
        consents.grant(given, by);
        here.grant(given, by);
    }

    function _refused(ConsentRegistry.Grant memory given, uint256 key, bytes memory reason) private {
        ConsentRegistry.Signed memory by = signed(key, digestOf(given));
        vm.expectRevert(reason);
        consents.grant(given, by);
    }
}

contract GivenAllOfItIsInOrder is Patients {
    function setUp() public override {
        super.setUp();
        enrol(AMINA, keys(WALLET, PHONE));
    }

    function test_it_is_named_by_the_digest_and_announced() external {
        ConsentRegistry.Grant memory given = grantOf(AMINA, 0);
        bytes32 digest = digestOf(given);
        ConsentRegistry.Signed memory by = signed(PHONE, digest);
        bytes32 signer = hashOf(PHONE);
        vm.expectEmit(true, true, true, true, address(consents));
        emit ConsentRegistry.Granted(AMINA, digest, signer, "who", "what", NEXT_YEAR);
        vm.prank(STRANGER);
        bytes32 id = consents.grant(given, by);

        vm.assertEq(id, digest, "its name");
        (uint64 grantedAt, uint64 expiry, uint64 revokedAt) = consents.termOf(AMINA, id);
        vm.assertEq(uint256(grantedAt), NOON, "since when");
        vm.assertEq(uint256(expiry), NEXT_YEAR, "until when");
        vm.assertEq(uint256(revokedAt), 0, "not revoked");
    }

    function testFuzz_it_is_active_from_now_to_the_second_before_it_expires(uint64 expiry, uint64 at)
        external
    {
        expiry = uint64(between(expiry, NOON + 1, type(uint64).max));
        ConsentRegistry.Grant memory given = grantOf(AMINA, 0);
        given.expiry = expiry;
        bytes32 id = grant(given, WALLET);

        vm.assertTrue(consents.isActiveAt(AMINA, id, NOON), "the first second");
        vm.assertTrue(!consents.isActiveAt(AMINA, id, NOON - 1), "the second before");
        vm.assertTrue(consents.isActiveAt(AMINA, id, expiry - 1), "the last second");
        vm.assertTrue(!consents.isActiveAt(AMINA, id, expiry), "the second after");
        vm.assertTrue(consents.isActiveAt(AMINA, id, at) == (NOON <= at && at < expiry), "any second");
        vm.assertTrue(!consents.isActiveAt(BORIS, id, NOON), "another patient's");
        vm.assertTrue(!consents.isActiveAt(AMINA, "another", NOON), "another grant");
    }

    function test_it_expires_by_itself() external {
        bytes32 id = grant(grantOf(AMINA, 0), PHONE);
        assertActive(AMINA, id);
        vm.warp(NEXT_YEAR - 1);
        assertActive(AMINA, id);
        vm.warp(NEXT_YEAR);
        assertNotActive(AMINA, id);
    }
}

contract GivenTwoFormsSignedInParallel is Patients {
    function testFuzz_it_takes_both_in_whichever_order(uint192 one, uint192 other) external {
        vm.assume(one != other);
        enrol(AMINA, keys(WALLET, OTHER_WALLET));
        ConsentRegistry.Grant memory first = grantOf(AMINA, uint256(one) << 64);
        ConsentRegistry.Grant memory second = grantOf(AMINA, uint256(other) << 64);
        bytes32 last = grant(second, OTHER_WALLET);
        bytes32 late = grant(first, WALLET);
        assertActive(AMINA, last);
        assertActive(AMINA, late);
    }
}

contract GivenTheHospitalIsSuspended is Patients {
    function test_it_still_takes_what_the_patient_signs() external {
        enrol(AMINA, keys(WALLET));
        bytes32 before = grant(grantOf(AMINA, 0), WALLET);
        institutions.suspend(north);
        bytes32 id = grant(grantOf(AMINA, 1), WALLET);
        assertActive(AMINA, id);
        assertActive(AMINA, before);
        revoke(AMINA, id, WALLET);
        assertNotActive(AMINA, id);
    }
}

contract GivenTheStoryThatPythonTells is Patients {
    /// forge-config: default.evm_version = "osaka"
    function test_it_takes_and_refuses_what_is_written_there_where_the_precompile_is() external {
        _tell();
    }

    function test_it_takes_and_refuses_what_is_written_there_where_the_precompile_is_not() external {
        _tell();
    }

    function _tell() private {
        string memory json = vm.readFile("../../tests/vectors/consent.json");
        _settle(json);
        uint256 count = vm.parseJsonUint(json, ".callCount");
        vm.assertGe(count, 30, "the vectors are there");
        bytes32 patient = vm.parseJsonBytes32(json, ".patient");
        for (uint256 i; i < count; ++i) {
            _call(json, string.concat(".calls[", vm.toString(i), "]"), patient);
        }
    }

    function _call(string memory json, string memory at, bytes32 patient) private {
        string memory name = vm.parseJsonString(json, string.concat(at, ".name"));
        vm.warp(vm.parseJsonUint(json, string.concat(at, ".at")));
        bytes memory data = vm.parseJsonBytes(json, string.concat(at, ".data"));
        bytes memory selector = vm.parseJsonBytes(json, string.concat(at, ".selector"));
        vm.prank(vm.parseJsonAddress(json, string.concat(at, ".sender")));
        (bool isTaken, bytes memory reason) = address(consents).call(data);
        vm.assertTrue(isTaken == (selector.length == 0), name);
        if (!isTaken) vm.assertEq(bytes32(bytes4(reason)), bytes32(bytes4(selector)), name);

        bytes32[] memory grants = vm.parseJsonBytes32Array(json, string.concat(at, ".active"));
        for (uint256 i; i < grants.length; ++i) {
            vm.assertTrue(consents.isActive(patient, grants[i]), name);
        }
        grants = vm.parseJsonBytes32Array(json, string.concat(at, ".inactive"));
        for (uint256 i; i < grants.length; ++i) {
            vm.assertTrue(!consents.isActive(patient, grants[i]), name);
        }
    }

    /// @dev Puts the contracts where the forms were signed for.
    function _settle(string memory json) private {
        address where = vm.parseJsonAddress(json, ".verifier");
        vm.etch(where, address(verifier).code);
        address[] memory verifiers = new address[](1);
        verifiers[0] = where;
        where = vm.parseJsonAddress(json, ".domain.verifyingContract");
        // The constructor runs at this address, as it writes to storage.
        vm.etch(
            where, abi.encodePacked(type(ConsentRegistry).creationCode, abi.encode(institutions, verifiers))
        );
        (bool isMade, bytes memory code) = where.call("");
        vm.assertTrue(isMade, "the registry");
        vm.etch(where, code);
        consents = ConsentRegistry(where);
    }
}
