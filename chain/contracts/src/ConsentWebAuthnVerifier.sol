// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {P256} from "@openzeppelin/contracts/utils/cryptography/P256.sol";
import {WebAuthn} from "@openzeppelin/contracts/utils/cryptography/WebAuthn.sol";

/// @notice Says whether a passkey signed a hash on the one page where consents are signed (ERC-7913).
/// @dev OpenZeppelin checks the signature, the challenge, the type and the flags, and leaves to us where it
///      was made. A page elsewhere can ask a patient for what looks like a sign-in and plant a consent as its
///      challenge; the browser then writes that page's origin beside it, and here it ends.
///
///      Where everything stands in the client data is fixed by the limited verification algorithm of WebAuthn
///      (5.8.1.2), so nothing is searched. What browsers add behind the fixed part is left alone: Chromium
///      adds members of its own on purpose.
///
///      key = qx (32 bytes) || qy (32) || SHA-256 of the rpId (32) || origin (1 to 255 printable characters)
///      signature = abi.encode(r, s, challengeIndex, typeIndex, authenticatorData, clientDataJSON)
contract ConsentWebAuthnVerifier is IERC7913SignatureVerifier {
    /// @notice The only places where type and challenge can stand.
    uint256 public constant TYPE_INDEX = 1;
    uint256 public constant CHALLENGE_INDEX = 23;

    uint256 public constant MAX_ORIGIN = 255;
    uint256 public constant MAX_AUTHENTICATOR_DATA = 1024;
    uint256 public constant MAX_CLIENT_DATA = 2048;

    /// @dev Where the origin's member begins: behind the challenge, which has 43 characters for 32 bytes.
    uint256 private constant ORIGIN_INDEX = 80;
    uint256 private constant ORIGIN_IN_KEY = 96;
    bytes20 private constant SAME_ORIGIN = ',"crossOrigin":false';
    uint256 private constant HALF_N = P256.N / 2;

    error KeyHasWrongLength(uint256 length, uint256 least, uint256 most);
    error OriginNotPlain(string origin, uint256 index);
    error NotAnAssertion(uint256 length);
    error AuthenticatorDataHasWrongLength(uint256 length, uint256 least, uint256 most);
    error ClientDataHasWrongLength(uint256 length, uint256 most);
    error WrongIndex(uint256 typeIndex, uint256 challengeIndex);
    error WrongRpId(bytes32 given, bytes32 needed);
    error ClientDataMalformed(string clientData);
    error WrongOrigin(string clientData, string needed);
    error CrossOrigin(string clientData);
    error WrongType(string clientData);
    error WrongChallenge(string clientData, string needed);
    error UserNotVerified(bytes1 flags);
    error HighS(bytes32 s, bytes32 most);
    error SignatureNotOfKey(bytes32 qx, bytes32 qy);

    /// @inheritdoc IERC7913SignatureVerifier
    /// @dev Returns the magic value, or reverts with what is wrong.
    function verify(bytes calldata key, bytes32 hash, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        if (key.length <= ORIGIN_IN_KEY || key.length > ORIGIN_IN_KEY + MAX_ORIGIN) {
            revert KeyHasWrongLength(key.length, ORIGIN_IN_KEY + 1, ORIGIN_IN_KEY + MAX_ORIGIN);
        }
        (bool isEncoded, WebAuthn.WebAuthnAuth calldata assertion) = WebAuthn.tryDecodeAuth(signature);
        if (!isEncoded) revert NotAnAssertion(signature.length);
        _checkBounds(assertion);
        _checkRpId(assertion.authenticatorData, bytes32(key[64:96]));
        _checkClientData(bytes(assertion.clientDataJSON), key[ORIGIN_IN_KEY:]);

        bytes32 qx = bytes32(key[:32]);
        bytes32 qy = bytes32(key[32:64]);
        if (!WebAuthn.verify(abi.encodePacked(hash), assertion, qx, qy)) _refuse(hash, assertion, qx, qy);
        return IERC7913SignatureVerifier.verify.selector;
    }

    /// @dev Before anything is copied: memory costs by the square, and whoever relays pays for it.
    function _checkBounds(WebAuthn.WebAuthnAuth calldata assertion) private pure {
        uint256 length = assertion.authenticatorData.length;
        if (length < 37 || length > MAX_AUTHENTICATOR_DATA) {
            revert AuthenticatorDataHasWrongLength(length, 37, MAX_AUTHENTICATOR_DATA);
        }
        length = bytes(assertion.clientDataJSON).length;
        if (length > MAX_CLIENT_DATA) revert ClientDataHasWrongLength(length, MAX_CLIENT_DATA);
        if (assertion.typeIndex != TYPE_INDEX || assertion.challengeIndex != CHALLENGE_INDEX) {
            revert WrongIndex(assertion.typeIndex, assertion.challengeIndex);
        }
    }

    function _checkRpId(bytes calldata authenticatorData, bytes32 needed) private pure {
        bytes32 given = bytes32(authenticatorData[:32]);
        if (given != needed) revert WrongRpId(given, needed);
    }

    /// @dev Reverts unless the origin is this one and stands where browsers write it, on a page that is not
    ///      framed by another origin's. Type and challenge, which stand before it, are left to OpenZeppelin.
    function _checkClientData(bytes calldata clientData, bytes calldata origin) private pure {
        _checkPlain(origin);
        bytes memory member = abi.encodePacked(',"origin":"', origin, '"');
        uint256 end = ORIGIN_INDEX + member.length;
        if (
            clientData.length < end || clientData[0] != "{" || clientData[TYPE_INDEX + 21] != ","
                || keccak256(clientData[ORIGIN_INDEX - 1:ORIGIN_INDEX + 11]) != keccak256('","origin":"')
        ) revert ClientDataMalformed(string(clientData));
        if (keccak256(clientData[ORIGIN_INDEX:end]) != keccak256(member)) {
            revert WrongOrigin(string(clientData), string(origin));
        }

        // Safari writes crossOrigin only where it is true, and ends here where it is not.
        bytes calldata rest = clientData[end:];
        if (rest.length == 1 && rest[0] == "}") return;
        if (
            rest.length < 21 || bytes20(rest[:20]) != SAME_ORIGIN
                || !(rest[20] == "," || (rest[20] == "}" && rest.length == 21))
        ) revert CrossOrigin(string(clientData));
    }

    /// @dev A quotation mark in the key's origin would let it stand for more members than one.
    function _checkPlain(bytes calldata origin) private pure {
        for (uint256 i; i < origin.length; ++i) {
            bytes1 character = origin[i];
            if (character < 0x21 || character > 0x7e || character == '"' || character == "\\") {
                revert OriginNotPlain(string(origin), i);
            }
        }
    }

    /// @dev Looks again for what OpenZeppelin refused, so that a person can be told. Costs only who fails.
    function _refuse(bytes32 hash, WebAuthn.WebAuthnAuth calldata assertion, bytes32 qx, bytes32 qy)
        private
        pure
    {
        bytes calldata clientData = bytes(assertion.clientDataJSON);
        if (bytes21(clientData[TYPE_INDEX:TYPE_INDEX + 21]) != '"type":"webauthn.get"') {
            revert WrongType(string(clientData));
        }
        string memory challenge =
            string.concat('"challenge":"', Base64.encodeURL(abi.encodePacked(hash)), '"');
        if (keccak256(clientData[CHALLENGE_INDEX:ORIGIN_INDEX]) != keccak256(bytes(challenge))) {
            revert WrongChallenge(string(clientData), challenge);
        }
        // Present, verified, and not backed up where it cannot be.
        bytes1 flags = assertion.authenticatorData[32];
        if (flags & 0x05 != 0x05 || flags & 0x18 == 0x10) revert UserNotVerified(flags);
        if (uint256(assertion.s) > HALF_N) revert HighS(assertion.s, bytes32(HALF_N));
        revert SignatureNotOfKey(qx, qy);
    }
}
