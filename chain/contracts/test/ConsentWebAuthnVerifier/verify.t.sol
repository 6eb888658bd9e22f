// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {ConsentWebAuthnVerifier as Verifier} from "../../src/ConsentWebAuthnVerifier.sol";
import {Passkeys} from "./Passkeys.sol";

contract GivenTheKeyIsNotOne is Passkeys {
    function test_when_it_is_too_short_or_too_long_it_reverts_with_its_length_and_the_bounds() external {
        _expect(0);
        verifier.verify("", "hash", "");
        _expect(96);
        verifier.verify(new bytes(96), "hash", "");
        _expect(352);
        verifier.verify(new bytes(352), "hash", "");
    }

    function test_when_its_origin_is_not_plain_it_reverts_with_the_origin_and_the_place() external {
        string[5] memory odd =
            ['https://a"', "https://a\\", "https://a b", "https://a\x7f", unicode"https://ä"];
        for (uint256 i; i < 5; ++i) {
            string memory clientData = clientDataOf("webauthn.get", "hash", odd[i], NOT_FRAMED);
            bytes memory signature =
                encoded(assertionOf(7, authenticatorDataOf(RP_ID_HASH, FLAGS), clientData));
            bytes memory key = keyOf(7, odd[i]);
            vm.expectRevert(abi.encodeWithSelector(Verifier.OriginNotPlain.selector, odd[i], i == 4 ? 8 : 9));
            verifier.verify(key, "hash", signature);
        }
    }

    function _expect(uint256 length) private {
        vm.expectRevert(abi.encodeWithSelector(Verifier.KeyHasWrongLength.selector, length, 97, 351));
    }
}

contract GivenTheSignatureIsNoAssertion is Passkeys {
    function testFuzz_when_it_cannot_be_decoded_it_reverts(bytes calldata signature) external view {
        (bool isTaken,) =
            address(verifier).staticcall(abi.encodeCall(verifier.verify, (keyOf(7), "hash", signature)));
        vm.assertTrue(!isTaken, "a signature out of nothing");
    }

    function test_when_it_is_cut_off_it_reverts_with_its_length() external {
        bytes memory key = keyOf(7);
        vm.expectRevert(abi.encodeWithSelector(Verifier.NotAnAssertion.selector, 191));
        verifier.verify(key, "hash", new bytes(191));
    }

    function test_when_its_parts_are_too_short_or_too_long_it_reverts_with_the_length() external {
        Assertion memory made = assertionOf(7, "hash");
        made.authenticatorData = new bytes(36);
        _refused(
            made, abi.encodeWithSelector(Verifier.AuthenticatorDataHasWrongLength.selector, 36, 37, 1024)
        );
        made.authenticatorData = new bytes(1025);
        _refused(
            made, abi.encodeWithSelector(Verifier.AuthenticatorDataHasWrongLength.selector, 1025, 37, 1024)
        );
        made = assertionOf(7, "hash");
        made.clientData = string(new bytes(2049));
        _refused(made, abi.encodeWithSelector(Verifier.ClientDataHasWrongLength.selector, 2049, 2048));
        made.clientData = "{}";
        _refused(made, abi.encodeWithSelector(Verifier.ClientDataMalformed.selector, "{}"));
    }

    function testFuzz_when_type_or_challenge_are_said_to_stand_elsewhere_it_reverts_and_costs_little(
        uint256 typeIndex,
        uint256 challengeIndex
    ) external {
        vm.assume(typeIndex != 1 || challengeIndex != 23);
        Assertion memory made = assertionOf(7, "hash");
        made.typeIndex = typeIndex;
        made.challengeIndex = challengeIndex;
        uint256 before = gasleft();
        _refused(made, abi.encodeWithSelector(Verifier.WrongIndex.selector, typeIndex, challengeIndex));
        vm.assertLt(before - gasleft(), 100_000, "what it costs");
    }

    function _refused(Assertion memory made, bytes memory reason) private {
        bytes memory key = keyOf(7);
        bytes memory signature = encoded(made);
        vm.expectRevert(reason);
        verifier.verify(key, "hash", signature);
    }
}

contract GivenAnAssertion is Passkeys {
    uint256 internal constant PASSKEY = 7;
    bytes32 internal constant HASH = keccak256("a grant");

    function test_when_it_was_made_for_another_rp_id_it_reverts_with_both_hashes() external {
        bytes32 other = sha256("north.example");
        bytes memory data = authenticatorDataOf(other, FLAGS);
        _refused(
            assertionOf(PASSKEY, data, clientDataOf(HASH)),
            abi.encodeWithSelector(Verifier.WrongRpId.selector, other, RP_ID_HASH)
        );
    }

    function test_when_it_was_made_on_another_origin_it_reverts_with_the_client_data() external {
        string[6] memory others = [
            "https://portal.north.example",
            "https://consent.north.example.evil.example",
            "https://consent.north.exampl",
            "https://xconsent.north.example",
            "http://consent.north.example",
            "https://consent.north.example:8443"
        ];
        for (uint256 i; i < others.length; ++i) {
            string memory clientData = clientDataOf("webauthn.get", HASH, others[i], NOT_FRAMED);
            _refused(clientData, abi.encodeWithSelector(Verifier.WrongOrigin.selector, clientData, ORIGIN));
        }
    }

    function test_when_it_does_not_say_that_it_was_made_outside_a_frame_it_reverts() external {
        string[9] memory rests = [
            ',"crossOrigin":true}',
            ',"crossOrigin":false',
            ',"crossOrigin":falsey}',
            ',"crossOrigin":false}}',
            ',"topOrigin":"https://evil.example","crossOrigin":false}',
            ',"other":1}',
            "}}",
            "",
            " }"
        ];
        for (uint256 i; i < rests.length; ++i) {
            string memory clientData = clientDataOf("webauthn.get", HASH, ORIGIN, rests[i]);
            _refused(clientData, abi.encodeWithSelector(Verifier.CrossOrigin.selector, clientData));
        }
    }

    function test_when_members_stand_in_another_order_it_reverts() external {
        string memory clientData = string.concat(
            '{"origin":"', ORIGIN, '","type":"webauthn.get","challenge":"", "padding":"as long as it takes"}'
        );
        _refused(clientData, abi.encodeWithSelector(Verifier.ClientDataMalformed.selector, clientData));

        // All in its place but the brace, or the comma behind the type.
        clientData = clientDataOf(HASH);
        bytes(clientData)[0] = "[";
        _refused(clientData, abi.encodeWithSelector(Verifier.ClientDataMalformed.selector, clientData));
        clientData = clientDataOf(HASH);
        bytes(clientData)[22] = " ";
        _refused(clientData, abi.encodeWithSelector(Verifier.ClientDataMalformed.selector, clientData));
    }

    function test_when_it_is_a_registration_it_reverts() external {
        // One letter shorter in the name, so that all places are right.
        string memory clientData = clientDataOf("webauthn.gex", HASH, ORIGIN, NOT_FRAMED);
        _refused(clientData, abi.encodeWithSelector(Verifier.WrongType.selector, clientData));
        clientData = clientDataOf("webauthn.create", HASH, ORIGIN, NOT_FRAMED);
        _refused(clientData, abi.encodeWithSelector(Verifier.ClientDataMalformed.selector, clientData));
    }

    function testFuzz_when_its_challenge_is_not_the_hash_it_reverts(bytes32 other) external view {
        vm.assume(other != HASH);
        bytes memory key = keyOf(PASSKEY);
        bytes memory signature = passkeySignature(PASSKEY, other);
        (bool isTaken, bytes memory reason) =
            address(verifier).staticcall(abi.encodeCall(verifier.verify, (key, HASH, signature)));
        vm.assertTrue(!isTaken, "an assertion of something else");
        vm.assertEq(bytes32(bytes4(reason)), bytes32(Verifier.WrongChallenge.selector), "why");
    }

    function test_when_the_user_was_not_verified_it_reverts_with_the_flags() external {
        // Nobody; only present; only verified; backed up and not eligible for it.
        bytes1[4] memory flags = [bytes1(0x00), 0x19, 0x1c, 0x15];
        for (uint256 i; i < flags.length; ++i) {
            bytes memory data = authenticatorDataOf(RP_ID_HASH, flags[i]);
            _refused(
                assertionOf(PASSKEY, data, clientDataOf(HASH)),
                abi.encodeWithSelector(Verifier.UserNotVerified.selector, flags[i])
            );
        }
    }

    function test_when_its_s_is_high_it_reverts_with_both() external {
        Assertion memory made = assertionOf(PASSKEY, HASH);
        made.s = bytes32(P256.N - uint256(made.s));
        _refused(made, abi.encodeWithSelector(Verifier.HighS.selector, made.s, P256.N / 2));
    }

    function test_when_another_key_signed_it_reverts_with_the_key() external {
        (uint256 x, uint256 y) = vm.publicKeyP256(PASSKEY);
        bytes memory reason = abi.encodeWithSelector(Verifier.SignatureNotOfKey.selector, x, y);
        _refused(assertionOf(8, HASH), reason);
        Assertion memory made = assertionOf(PASSKEY, HASH);
        made.authenticatorData[36] = 0x01;
        _refused(made, reason);
    }

    function _refused(string memory clientData, bytes memory reason) private {
        _refused(assertionOf(PASSKEY, authenticatorDataOf(RP_ID_HASH, FLAGS), clientData), reason);
    }

    function _refused(Assertion memory made, bytes memory reason) private {
        bytes memory key = keyOf(PASSKEY);
        bytes memory signature = encoded(made);
        vm.expectRevert(reason);
        verifier.verify(key, HASH, signature);
    }
}

contract GivenAllOfItIsInOrder is Passkeys {
    /// forge-config: default.evm_version = "osaka"
    function testFuzz_it_answers_with_the_magic_value(uint256 passkey, bytes32 hash, uint8 others)
        external
        view
    {
        passkey = between(passkey, 1, P256.N - 1);
        // Extension data and reserved bits are nobody's business here.
        bytes1 flags = FLAGS | bytes1(others & 0xe2);
        bytes memory data = abi.encodePacked(authenticatorDataOf(RP_ID_HASH, flags), new bytes(others));
        _taken(passkey, hash, assertionOf(passkey, data, clientDataOf(hash)));
    }

    function test_it_lets_a_browser_add_members_behind_the_fixed_ones() external view {
        string memory rest =
            ',"crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON"}';
        string memory clientData = clientDataOf("webauthn.get", "hash", ORIGIN, rest);
        _taken(7, "hash", assertionOf(7, authenticatorDataOf(RP_ID_HASH, FLAGS), clientData));
    }

    function test_it_lets_safari_end_behind_the_origin() external view {
        string memory clientData = clientDataOf("webauthn.get", "hash", ORIGIN, "}");
        _taken(7, "hash", assertionOf(7, authenticatorDataOf(RP_ID_HASH, FLAGS), clientData));
    }

    function _taken(uint256 passkey, bytes32 hash, Assertion memory made) private view {
        bytes4 answer = verifier.verify(keyOf(passkey), hash, encoded(made));
        vm.assertEq(bytes32(answer), bytes32(IERC7913SignatureVerifier.verify.selector), "the answer");
    }
}

contract GivenTheAssertionsThatPythonMade is Passkeys {
    /// forge-config: default.evm_version = "osaka"
    function test_it_judges_them_as_written_where_the_precompile_is() external view {
        vm.assertTrue(_hasPrecompile(), "the precompile is there");
        _judge();
    }

    function test_it_judges_them_as_written_where_the_precompile_is_not() external view {
        vm.assertTrue(!_hasPrecompile(), "the precompile is not there");
        _judge();
    }

    function _judge() private view {
        string memory json = vm.readFile("../../tests/vectors/consent.json");
        uint256 count = vm.parseJsonUint(json, ".assertionCount");
        vm.assertGe(count, 12, "the vectors are there");
        for (uint256 i; i < count; ++i) {
            string memory at = string.concat(".assertions[", vm.toString(i), "]");
            string memory name = vm.parseJsonString(json, string.concat(at, ".name"));
            (bool isTaken, bytes memory answer) = address(verifier)
                .staticcall(
                    abi.encodeCall(
                        verifier.verify,
                        (
                            vm.parseJsonBytes(json, string.concat(at, ".key")),
                            vm.parseJsonBytes32(json, string.concat(at, ".hash")),
                            vm.parseJsonBytes(json, string.concat(at, ".signature"))
                        )
                    )
                );
            bytes memory selector = vm.parseJsonBytes(json, string.concat(at, ".selector"));
            vm.assertTrue(isTaken == (selector.length == 0), name);
            bytes4 expected = isTaken ? IERC7913SignatureVerifier.verify.selector : bytes4(selector);
            vm.assertEq(bytes32(bytes4(answer)), bytes32(expected), name);
        }
    }

    /// @dev Asks for a signature by the precompile itself: without it, a call there answers with nothing.
    function _hasPrecompile() private view returns (bool) {
        (bytes32 r, bytes32 s) = vm.signP256(7, "hash");
        (uint256 x, uint256 y) = vm.publicKeyP256(7);
        (, bytes memory answer) = address(0x100).staticcall(abi.encode(bytes32("hash"), r, s, x, y));
        return answer.length == 32;
    }
}
