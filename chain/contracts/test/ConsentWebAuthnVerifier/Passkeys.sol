// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";

import {ConsentWebAuthnVerifier} from "../../src/ConsentWebAuthnVerifier.sol";
import {Specification} from "../Specification.sol";

/// @notice Passkeys that sign on the consent page, and what a browser and an authenticator put around it.
abstract contract Passkeys is Specification {
    bytes32 internal constant RP_ID_HASH = sha256("consent.north.example");
    string internal constant ORIGIN = "https://consent.north.example";
    string internal constant NOT_FRAMED = ',"crossOrigin":false}';
    // Present, verified, eligible for backup and backed up.
    bytes1 internal constant FLAGS = 0x1d;

    ConsentWebAuthnVerifier internal verifier;

    struct Assertion {
        bytes32 r;
        bytes32 s;
        uint256 challengeIndex;
        uint256 typeIndex;
        bytes authenticatorData;
        string clientData;
    }

    function setUp() public virtual {
        verifier = new ConsentWebAuthnVerifier();
    }

    function keyOf(uint256 passkey) internal pure returns (bytes memory) {
        return keyOf(passkey, ORIGIN);
    }

    function keyOf(uint256 passkey, string memory origin) internal pure returns (bytes memory) {
        (uint256 x, uint256 y) = vm.publicKeyP256(passkey);
        return abi.encodePacked(x, y, RP_ID_HASH, origin);
    }

    function clientDataOf(bytes32 hash) internal pure returns (string memory) {
        return clientDataOf("webauthn.get", hash, ORIGIN, NOT_FRAMED);
    }

    function clientDataOf(string memory kind, bytes32 hash, string memory origin, string memory rest)
        internal
        pure
        returns (string memory)
    {
        string memory challenge = Base64.encodeURL(abi.encodePacked(hash));
        return
            string.concat('{"type":"', kind, '","challenge":"', challenge, '","origin":"', origin, '"', rest);
    }

    function authenticatorDataOf(bytes32 rpIdHash, bytes1 flags) internal pure returns (bytes memory) {
        return abi.encodePacked(rpIdHash, flags, uint32(0));
    }

    /// @dev What the passkey signs, with the s that we take.
    function assertionOf(uint256 passkey, bytes memory authenticatorData, string memory clientData)
        internal
        pure
        returns (Assertion memory)
    {
        bytes32 signed = sha256(abi.encodePacked(authenticatorData, sha256(bytes(clientData))));
        (bytes32 r, bytes32 s) = vm.signP256(passkey, signed);
        if (uint256(s) > P256.N / 2) s = bytes32(P256.N - uint256(s));
        return Assertion(r, s, 23, 1, authenticatorData, clientData);
    }

    function assertionOf(uint256 passkey, bytes32 hash) internal pure returns (Assertion memory) {
        return assertionOf(passkey, authenticatorDataOf(RP_ID_HASH, FLAGS), clientDataOf(hash));
    }

    function encoded(Assertion memory made) internal pure returns (bytes memory) {
        return abi.encode(
            made.r, made.s, made.challengeIndex, made.typeIndex, made.authenticatorData, made.clientData
        );
    }

    function passkeySignature(uint256 passkey, bytes32 hash) internal pure returns (bytes memory) {
        return encoded(assertionOf(passkey, hash));
    }
}
