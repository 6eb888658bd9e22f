// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {InstitutionRegistry} from "../../src/InstitutionRegistry.sol";
import {Passkeys} from "../ConsentWebAuthnVerifier/Passkeys.sol";

/// @notice A registry with two hospitals, and keys for their patients: those from 1000 on are passkeys, those
///         below are wallets.
abstract contract Patients is Passkeys {
    address internal constant NORTH = address(0xA1);
    address internal constant SOUTH = address(0xB2);
    address internal constant STRANGER = address(0xC3);

    bytes32 internal constant AMINA = keccak256("a pseudonym");
    bytes32 internal constant BORIS = keccak256("another pseudonym");

    uint256 internal constant PHONE = 1001;
    uint256 internal constant TABLET = 1002;
    uint256 internal constant WALLET = 11;
    uint256 internal constant OTHER_WALLET = 12;
    uint256 internal constant NEW_WALLET = 13;

    uint64 internal constant NOON = 1_778_580_000;
    uint64 internal constant LATER = NOON + 7 days;
    uint64 internal constant NEXT_YEAR = NOON + 365 days;

    InstitutionRegistry internal institutions;
    ConsentRegistry internal consents;
    uint256 internal north;
    uint256 internal south;

    function setUp() public virtual override {
        super.setUp();
        vm.warp(NOON);
        institutions = new InstitutionRegistry(address(this));
        north = institutions.admit(NORTH, "North Hospital", "https://north.example", bytes32("north keys"));
        south = institutions.admit(SOUTH, "South Hospital", "https://south.example", bytes32("south keys"));
        address[] memory verifiers = new address[](1);
        verifiers[0] = address(verifier);
        consents = new ConsentRegistry(institutions, verifiers);
    }

    function signerOf(uint256 key) internal view returns (bytes memory) {
        return key < 1000 ? abi.encodePacked(vm.addr(key)) : abi.encodePacked(verifier, keyOf(key));
    }

    function hashOf(uint256 key) internal view returns (bytes32) {
        return keccak256(signerOf(key));
    }

    function signatureOf(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        if (key >= 1000) return passkeySignature(key, digest);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function signed(uint256 key, bytes32 digest) internal view returns (ConsentRegistry.Signed memory) {
        return ConsentRegistry.Signed(signerOf(key), signatureOf(key, digest));
    }

    /// @dev The digest of a form of EIP-712 by its definition, over the words it consists of.
    function digestOf(bytes memory words) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("ehrportal consent"),
                keccak256("1"),
                block.chainid,
                consents
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, keccak256(words)));
    }

    function digestOf(ConsentRegistry.Grant memory given) internal view returns (bytes32) {
        return digestOf(abi.encode(consents.GRANT(), given));
    }

    function revocationOf(bytes32 patient, bytes32 granted) internal view returns (bytes32) {
        return digestOf(abi.encode(consents.REVOCATION(), patient, granted));
    }

    function keys(uint256 one) internal pure returns (uint256[] memory some) {
        some = new uint256[](1);
        some[0] = one;
    }

    /// @dev Two keys, in the order of their signers' hashes.
    function keys(uint256 one, uint256 other) internal view returns (uint256[] memory some) {
        some = new uint256[](2);
        (some[0], some[1]) = hashOf(one) < hashOf(other) ? (one, other) : (other, one);
    }

    function hashesOf(uint256[] memory some) internal view returns (bytes32[] memory hashes) {
        hashes = new bytes32[](some.length);
        for (uint256 i; i < some.length; ++i) {
            hashes[i] = hashOf(some[i]);
        }
    }

    function proofsOf(uint256[] memory some, bytes32 digest)
        internal
        view
        returns (ConsentRegistry.Signed[] memory proofs)
    {
        proofs = new ConsentRegistry.Signed[](some.length);
        for (uint256 i; i < some.length; ++i) {
            proofs[i] = signed(some[i], digest);
        }
    }

    function enrolmentOf(bytes32 patient, uint256 institution, uint256[] memory some)
        internal
        view
        returns (ConsentRegistry.Signed[] memory)
    {
        bytes32 signers = keccak256(abi.encodePacked(hashesOf(some)));
        return
            proofsOf(some, digestOf(abi.encode(consents.ENROLMENT(), patient, institution, signers, LATER)));
    }

    function enrol(bytes32 patient, uint256[] memory some) internal {
        ConsentRegistry.Signed[] memory proofs = enrolmentOf(patient, north, some);
        vm.prank(NORTH);
        consents.enrol(patient, proofs, LATER);
    }

    function grantOf(bytes32 patient, uint256 nonce) internal pure returns (ConsentRegistry.Grant memory) {
        return ConsentRegistry.Grant(patient, "who", "what", NEXT_YEAR, nonce, LATER);
    }

    function grant(ConsentRegistry.Grant memory given, uint256 key) internal returns (bytes32) {
        ConsentRegistry.Signed memory by = signed(key, digestOf(given));
        return consents.grant(given, by);
    }

    function revoke(bytes32 patient, bytes32 granted, uint256 key) internal {
        ConsentRegistry.Signed memory by = signed(key, revocationOf(patient, granted));
        consents.revoke(patient, granted, by);
    }

    function additionOf(bytes32 patient, uint256 added, uint256 nonce) internal view returns (bytes32) {
        return digestOf(abi.encode(consents.SIGNER_ADDITION(), patient, hashOf(added), nonce, LATER));
    }

    function add(bytes32 patient, uint256 added, uint256 nonce, uint256 key) internal {
        bytes32 digest = additionOf(patient, added, nonce);
        ConsentRegistry.Signed memory possession = signed(added, digest);
        ConsentRegistry.Signed memory by = signed(key, digest);
        consents.addSigner(patient, nonce, LATER, possession, by);
    }

    function removalOf(bytes32 patient, uint256 removed, uint256 nonce) internal view returns (bytes32) {
        return digestOf(abi.encode(consents.SIGNER_REMOVAL(), patient, hashOf(removed), nonce, LATER));
    }

    function remove(bytes32 patient, uint256 removed, uint256 nonce, uint256 key) internal {
        ConsentRegistry.Signed memory by = signed(key, removalOf(patient, removed, nonce));
        bytes32 signer = hashOf(removed);
        consents.removeSigner(patient, signer, nonce, LATER, by);
    }

    function recoveryOf(bytes32 patient, uint256 institution, uint256 number, uint256[] memory some)
        internal
        view
        returns (ConsentRegistry.Signed[] memory)
    {
        bytes32 signers = keccak256(abi.encodePacked(hashesOf(some)));
        return proofsOf(
            some, digestOf(abi.encode(consents.RECOVERY(), patient, institution, number, signers, NEXT_YEAR))
        );
    }

    function propose(bytes32 patient, uint256 number, uint256[] memory some) internal {
        ConsentRegistry.Signed[] memory proofs = recoveryOf(patient, north, number, some);
        vm.prank(NORTH);
        consents.proposeRecovery(patient, proofs, NEXT_YEAR);
    }

    function vetoOf(bytes32 patient, uint256 number) internal view returns (bytes32) {
        return digestOf(abi.encode(consents.VETO(), patient, number));
    }

    function assertActive(bytes32 patient, bytes32 granted) internal view {
        vm.assertTrue(consents.isActive(patient, granted), "it is active");
    }

    function assertNotActive(bytes32 patient, bytes32 granted) internal view {
        vm.assertTrue(!consents.isActive(patient, granted), "it is not active");
    }

    function assertSigner(bytes32 patient, uint256 key) internal view {
        vm.assertTrue(consents.isSigner(patient, hashOf(key)), "it is a signer");
    }

    function assertNotSigner(bytes32 patient, uint256 key) internal view {
        vm.assertTrue(!consents.isSigner(patient, hashOf(key)), "it is not a signer");
    }

    function assertSignerCount(bytes32 patient, uint256 expected) internal view {
        (, uint256 count) = consents.patientOf(patient);
        vm.assertEq(count, expected, "how many signers");
    }
}
