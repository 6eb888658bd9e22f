// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IERC7913SignatureVerifier} from "@openzeppelin/contracts/interfaces/IERC7913.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {InstitutionRegistry} from "./InstitutionRegistry.sol";

/// @notice Holds what patients have granted, each grant signed with a key that only the patient has.
/// @dev A patient is a pseudonym here, a grantee and a scope are salted commitments: nobody can read or guess
///      from the chain who may see what. Whoever relays a signed form pays the gas and can change nothing in
///      it. The institution that enrolled a patient can end a grant and never make one; what it can do to
///      the patient's keys takes three days, and any of these keys stops it.
///
///      Nobody owns this contract and nothing in it can be changed. The forms are those of EIP-712, see
///      docs/formats/consent.md.
contract ConsentRegistry is EIP712 {
    /// @notice A form that one of a patient's keys has signed.
    /// @param signer ERC-7913: the address of a wallet, or that of a verifier followed by its key
    struct Signed {
        bytes signer;
        bytes signature;
    }

    /// @notice What a patient allows, in commitments.
    /// @param grantee Commitment to who may read
    /// @param scope Commitment to what, for what purpose and when: the document that the patient was shown
    /// @param expiry From this second on it no longer holds
    /// @param nonce A key of 192 bits, and how many forms were relayed under that key before (64 bits)
    /// @param deadline The last second in which the form can be relayed
    struct Grant {
        bytes32 patient;
        bytes32 grantee;
        bytes32 scope;
        uint64 expiry;
        uint256 nonce;
        uint64 deadline;
    }

    /// @dev What stays of a grant, in one word; its digest binds the rest.
    struct Term {
        uint64 grantedAt;
        uint64 expiry;
        uint64 revokedAt;
    }

    /// @dev One word. A recovery gives the patient a new generation of keys, and the old ones mean nothing.
    ///      `recoverableAt` is zero while no recovery waits.
    struct Patient {
        uint64 institution;
        uint32 signerCount;
        uint32 generation;
        uint32 recoveries;
        uint64 recoverableAt;
    }

    bytes32 public constant ENROLMENT =
        keccak256("Enrolment(bytes32 patient,uint256 institution,bytes32[] signers,uint64 deadline)");
    bytes32 public constant GRANT = keccak256(
        "Grant(bytes32 patient,bytes32 grantee,bytes32 scope,uint64 expiry,uint256 nonce,uint64 deadline)"
    );
    bytes32 public constant REVOCATION = keccak256("Revocation(bytes32 patient,bytes32 grant)");
    bytes32 public constant SIGNER_ADDITION =
        keccak256("SignerAddition(bytes32 patient,bytes32 signer,uint256 nonce,uint64 deadline)");
    bytes32 public constant SIGNER_REMOVAL =
        keccak256("SignerRemoval(bytes32 patient,bytes32 signer,uint256 nonce,uint64 deadline)");
    bytes32 public constant RECOVERY = keccak256(
        "Recovery(bytes32 patient,uint256 institution,uint256 number,bytes32[] signers,uint64 deadline)"
    );
    bytes32 public constant VETO = keccak256("Veto(bytes32 patient,uint256 number)");

    /// @notice How long a patient has to stop a recovery that they did not ask for.
    uint64 public constant RECOVERY_DELAY = 3 days;

    uint256 public constant MAX_SIGNERS = 16;
    uint256 public constant MAX_SIGNER_LENGTH = 512;

    /// @notice Who may enrol patients.
    InstitutionRegistry public immutable registry;

    /// @notice Which contracts may judge the signatures of keys that are not wallets. Fixed at deployment.
    mapping(address verifier => bool) public isVerifier;

    mapping(bytes32 patient => Patient) private _patients;
    mapping(bytes32 patient => mapping(uint32 generation => mapping(bytes32 signer => bool))) private
        _isSigner;
    mapping(bytes32 patient => mapping(uint192 key => uint64)) private _sequences;
    mapping(bytes32 patient => mapping(bytes32 grant => Term)) private _terms;
    mapping(bytes32 patient => bytes32[] signers) private _proposed;

    event VerifierAllowed(address indexed verifier);
    event PatientEnrolled(bytes32 indexed patient, uint256 indexed institution);
    event SignerAdded(bytes32 indexed patient, bytes32 indexed signer);
    event SignerRemoved(bytes32 indexed patient, bytes32 indexed signer, bytes32 by);
    event Granted(
        bytes32 indexed patient,
        bytes32 indexed grant,
        bytes32 indexed signer,
        bytes32 grantee,
        bytes32 scope,
        uint64 expiry
    );
    event Revoked(bytes32 indexed patient, bytes32 indexed grant, bytes32 indexed signer);
    event RevokedByInstitution(bytes32 indexed patient, bytes32 indexed grant, uint256 indexed institution);
    event RecoveryProposed(
        bytes32 indexed patient, uint256 indexed number, uint64 recoverableAt, bytes32[] signers
    );
    event RecoveryVetoed(bytes32 indexed patient, uint256 indexed number, bytes32 indexed signer);
    event RecoveryWithdrawn(bytes32 indexed patient, uint256 indexed number);
    /// @dev All keys of before are gone. A SignerAdded follows for each of the new ones.
    event PatientRecovered(bytes32 indexed patient, uint256 indexed number);

    error VerifierHasNoCode(address verifier);
    error PseudonymIsZero();
    error CommitmentIsZero(bytes32 grantee, bytes32 scope);
    error AlreadyEnrolled(bytes32 patient, uint256 institution);
    error NotEnrolled(bytes32 patient);
    error NotTheirInstitution(bytes32 patient, uint256 enrolledBy, uint256 given);
    error WrongNumberOfSigners(uint256 given, uint256 least, uint256 most);
    error SignerHasWrongLength(uint256 length, uint256 most);
    error SignersOutOfOrder(bytes32 before, bytes32 signer);
    error SignerIsNobody();
    error VerifierNotAllowed(address verifier);
    error AlreadyASigner(bytes32 patient, bytes32 signer);
    error NotASigner(bytes32 patient, bytes32 signer);
    error LastSigner(bytes32 patient, bytes32 signer);
    error SignatureInvalid(bytes32 signer, bytes32 digest);
    error TooLate(uint64 deadline, uint256 at);
    error AlreadyExpired(uint64 expiry, uint256 at);
    error WrongNonce(bytes32 patient, uint256 given, uint256 needed);
    error GrantUnknown(bytes32 patient, bytes32 grant);
    error AlreadyRevoked(bytes32 patient, bytes32 grant, uint64 at);
    error RecoveryWaits(bytes32 patient, uint256 number);
    error NoRecoveryWaits(bytes32 patient);
    error WrongRecovery(bytes32 patient, uint256 given, uint256 waiting);
    error TooEarly(uint64 recoverableAt, uint256 at);

    /// @param verifiers The only contracts that may ever judge a key's signature here
    constructor(InstitutionRegistry registry_, address[] memory verifiers) EIP712("ehrportal consent", "1") {
        registry = registry_;
        for (uint256 i; i < verifiers.length; ++i) {
            if (verifiers[i].code.length == 0) revert VerifierHasNoCode(verifiers[i]);
            isVerifier[verifiers[i]] = true;
            emit VerifierAllowed(verifiers[i]);
        }
    }

    /// @notice Makes a patient known under a pseudonym, with the keys that alone can grant in its name.
    /// @dev Each key has signed that it is to be one of exactly these, for this patient of this institution,
    ///      so nobody is enrolled with a key that is another's, or lost before it was used.
    /// @param proofs The keys in the order of their hashes, each with its signature
    function enrol(bytes32 patient, Signed[] calldata proofs, uint64 deadline) external {
        uint256 institution = registry.activeInstitutionOf(msg.sender);
        Patient storage enrolled = _patients[patient];
        if (patient == 0) revert PseudonymIsZero();
        if (enrolled.institution != 0) revert AlreadyEnrolled(patient, enrolled.institution);
        _checkDeadline(deadline);
        bytes32[] memory signers = _hashesOf(proofs);
        _checkPossession(
            proofs,
            signers,
            keccak256(abi.encode(ENROLMENT, patient, institution, _packed(signers), deadline))
        );

        enrolled.institution = SafeCast.toUint64(institution);
        emit PatientEnrolled(patient, institution);
        _setSigners(patient, enrolled, signers);
    }

    /// @notice Records that a patient allows something, until it expires or is revoked.
    /// @param given What is allowed, as the patient signed it
    /// @return id The grant's name from now on: the digest that was signed
    function grant(Grant calldata given, Signed calldata by) external returns (bytes32 id) {
        _checkDeadline(given.deadline);
        // A second is all that a block knows, and a hospital's clock may be off by more.
        // forge-lint: disable-next-line(block-timestamp)
        if (given.expiry <= block.timestamp) revert AlreadyExpired(given.expiry, block.timestamp);
        if (given.grantee == 0 || given.scope == 0) revert CommitmentIsZero(given.grantee, given.scope);
        _useNonce(given.patient, given.nonce);
        id = _hashTypedDataV4(
            keccak256(
                abi.encode(
                    GRANT,
                    given.patient,
                    given.grantee,
                    given.scope,
                    given.expiry,
                    given.nonce,
                    given.deadline
                )
            )
        );
        bytes32 signer = _checkSigned(given.patient, id, by);

        _terms[given.patient][id] = Term(uint64(block.timestamp), given.expiry, 0);
        emit Granted(given.patient, id, signer, given.grantee, given.scope, given.expiry);
    }

    /// @notice Ends a grant because the patient says so.
    /// @dev Without nonce and deadline: a grant ends once, and a patient's no never comes too late, even if
    ///      the chain could not be reached for weeks.
    function revoke(bytes32 patient, bytes32 granted, Signed calldata by) external {
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVOCATION, patient, granted)));
        bytes32 signer = _checkSigned(patient, digest, by);
        _end(patient, granted);
        emit Revoked(patient, granted, signer);
    }

    /// @notice Ends a grant because the patient's institution says so, as for a patient who has lost the key.
    function revokeByInstitution(bytes32 patient, bytes32 granted) external {
        uint256 institution = _checkTheirInstitution(patient, _patients[patient]);
        _end(patient, granted);
        emit RevokedByInstitution(patient, granted, institution);
    }

    /// @notice Gives a patient one more key, which one of the others and the new one have signed.
    function addSigner(
        bytes32 patient,
        uint256 nonce_,
        uint64 deadline,
        Signed calldata added,
        Signed calldata by
    ) external {
        Patient storage enrolled = _patients[patient];
        _checkDeadline(deadline);
        _useNonce(patient, nonce_);
        bytes32 signer = _hashOf(added.signer);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(SIGNER_ADDITION, patient, signer, nonce_, deadline)));
        _checkSigned(patient, digest, by);
        if (_isSigner[patient][enrolled.generation][signer]) revert AlreadyASigner(patient, signer);
        uint256 count = uint256(enrolled.signerCount) + 1;
        if (count > MAX_SIGNERS) revert WrongNumberOfSigners(count, 1, MAX_SIGNERS);
        _checkSignature(added, signer, digest);

        ++enrolled.signerCount;
        _isSigner[patient][enrolled.generation][signer] = true;
        emit SignerAdded(patient, signer);
    }

    /// @notice Takes a key from a patient, who must have another left. A key may end itself.
    /// @param signer keccak256 of the ERC-7913 signer
    function removeSigner(
        bytes32 patient,
        bytes32 signer,
        uint256 nonce_,
        uint64 deadline,
        Signed calldata by
    ) external {
        Patient storage enrolled = _patients[patient];
        _checkDeadline(deadline);
        _useNonce(patient, nonce_);
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(SIGNER_REMOVAL, patient, signer, nonce_, deadline)));
        bytes32 remover = _checkSigned(patient, digest, by);
        if (!_isSigner[patient][enrolled.generation][signer]) revert NotASigner(patient, signer);
        if (enrolled.signerCount == 1) revert LastSigner(patient, signer);

        --enrolled.signerCount;
        delete _isSigner[patient][enrolled.generation][signer];
        emit SignerRemoved(patient, signer, remover);
    }

    /// @notice Announces that new keys shall replace all of a patient's, who has lost them.
    /// @dev A proposal cannot be changed or hurried: it waits its three days, or it is vetoed or withdrawn
    ///      and the next one waits three days of its own.
    function proposeRecovery(bytes32 patient, Signed[] calldata proofs, uint64 deadline) external {
        Patient storage enrolled = _patients[patient];
        uint256 institution = _checkTheirInstitution(patient, enrolled);
        if (enrolled.recoverableAt != 0) revert RecoveryWaits(patient, enrolled.recoveries);
        _checkDeadline(deadline);
        uint256 number = ++enrolled.recoveries;
        bytes32[] memory signers = _hashesOf(proofs);
        _checkPossession(
            proofs,
            signers,
            keccak256(abi.encode(RECOVERY, patient, institution, number, _packed(signers), deadline))
        );

        enrolled.recoverableAt = uint64(block.timestamp) + RECOVERY_DELAY;
        _proposed[patient] = signers;
        emit RecoveryProposed(patient, number, enrolled.recoverableAt, signers);
    }

    /// @notice Stops a recovery, with any key that the patient still has.
    /// @param number The recovery that is meant, so that a veto never stops another one
    function vetoRecovery(bytes32 patient, uint256 number, Signed calldata by) external {
        Patient storage enrolled = _patients[patient];
        uint256 waiting = _waitingRecovery(patient, enrolled);
        if (number != waiting) revert WrongRecovery(patient, number, waiting);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(VETO, patient, number)));
        bytes32 signer = _checkSigned(patient, digest, by);

        _forgetProposal(patient, enrolled);
        emit RecoveryVetoed(patient, number, signer);
    }

    /// @notice Takes a recovery back.
    function withdrawRecovery(bytes32 patient) external {
        Patient storage enrolled = _patients[patient];
        _checkTheirInstitution(patient, enrolled);
        uint256 number = _waitingRecovery(patient, enrolled);

        _forgetProposal(patient, enrolled);
        emit RecoveryWithdrawn(patient, number);
    }

    /// @notice Replaces all of a patient's keys by those proposed three days ago or more.
    /// @dev What the patient granted stays granted, and can be revoked with the new keys.
    function recover(bytes32 patient) external {
        Patient storage enrolled = _patients[patient];
        _checkTheirInstitution(patient, enrolled);
        uint256 number = _waitingRecovery(patient, enrolled);
        uint64 recoverableAt = enrolled.recoverableAt;
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp < recoverableAt) revert TooEarly(recoverableAt, block.timestamp);

        bytes32[] memory signers = _proposed[patient];
        _forgetProposal(patient, enrolled);
        ++enrolled.generation;
        emit PatientRecovered(patient, number);
        _setSigners(patient, enrolled, signers);
    }

    /// @notice Whether this patient's grant holds now.
    /// @dev Asked with the patient, so that nobody takes another patient's grant for this one's.
    function isActive(bytes32 patient, bytes32 granted) external view returns (bool) {
        return isActiveAt(patient, granted, block.timestamp);
    }

    /// @notice Whether a grant held at a moment. Of a moment to come it says what would be if nothing changed.
    /// @dev Not in the second in which it was revoked, even if it was made in that second too.
    function isActiveAt(bytes32 patient, bytes32 granted, uint256 at) public view returns (bool) {
        Term storage term = _terms[patient][granted];
        uint64 grantedAt = term.grantedAt;
        uint64 revokedAt = term.revokedAt;
        return grantedAt != 0 && grantedAt <= at && at < term.expiry && (revokedAt == 0 || at < revokedAt);
    }

    /// @notice When a grant began, when it expires, and when it was revoked; zeros where it was not.
    function termOf(bytes32 patient, bytes32 granted)
        external
        view
        returns (uint64 grantedAt, uint64 expiry, uint64 revokedAt)
    {
        Term storage term = _terms[patient][granted];
        return (term.grantedAt, term.expiry, term.revokedAt);
    }

    /// @notice Which institution enrolled a patient, zero if none, and how many keys the patient has.
    function patientOf(bytes32 patient) external view returns (uint256 institution, uint256 signerCount) {
        Patient storage enrolled = _patients[patient];
        return (enrolled.institution, enrolled.signerCount);
    }

    /// @notice Whether a key, by the keccak256 of its ERC-7913 signer, is one of the patient's now.
    function isSigner(bytes32 patient, bytes32 signer) external view returns (bool) {
        return _isSigner[patient][_patients[patient].generation][signer];
    }

    /// @notice The recovery that was proposed last; `recoverableAt` is zero and there are no signers if it no
    ///         longer waits. The next one will have the number after this.
    function recoveryOf(bytes32 patient)
        external
        view
        returns (uint256 number, uint64 recoverableAt, bytes32[] memory signers)
    {
        Patient storage enrolled = _patients[patient];
        return (enrolled.recoveries, enrolled.recoverableAt, _proposed[patient]);
    }

    /// @notice The nonce that the next form under this key must carry. Forms under different keys do not wait
    ///         for each other.
    function nonce(bytes32 patient, uint192 key) public view returns (uint256) {
        return (uint256(key) << 64) | _sequences[patient][key];
    }

    function _end(bytes32 patient, bytes32 granted) private {
        Term storage term = _terms[patient][granted];
        if (term.grantedAt == 0) revert GrantUnknown(patient, granted);
        if (term.revokedAt != 0) revert AlreadyRevoked(patient, granted, term.revokedAt);
        term.revokedAt = uint64(block.timestamp);
    }

    function _setSigners(bytes32 patient, Patient storage enrolled, bytes32[] memory signers) private {
        // At most sixteen, see _hashesOf.
        // forge-lint: disable-next-line(unsafe-typecast)
        enrolled.signerCount = uint32(signers.length);
        for (uint256 i; i < signers.length; ++i) {
            _isSigner[patient][enrolled.generation][signers[i]] = true;
            emit SignerAdded(patient, signers[i]);
        }
    }

    function _forgetProposal(bytes32 patient, Patient storage enrolled) private {
        enrolled.recoverableAt = 0;
        delete _proposed[patient];
    }

    function _useNonce(bytes32 patient, uint256 given) private {
        // The upper 192 bits are the key.
        // forge-lint: disable-next-line(unsafe-typecast)
        uint192 key = uint192(given >> 64);
        uint256 needed = nonce(patient, key);
        if (given != needed) revert WrongNonce(patient, given, needed);
        ++_sequences[patient][key];
    }

    function _checkDeadline(uint64 deadline) private view {
        // forge-lint: disable-next-line(block-timestamp)
        if (block.timestamp > deadline) revert TooLate(deadline, block.timestamp);
    }

    /// @dev Reverts unless the sender speaks, now, for the institution that enrolled the patient.
    function _checkTheirInstitution(bytes32 patient, Patient storage enrolled)
        private
        view
        returns (uint256 institution)
    {
        institution = registry.activeInstitutionOf(msg.sender);
        if (enrolled.institution == 0) revert NotEnrolled(patient);
        if (enrolled.institution != institution) {
            revert NotTheirInstitution(patient, enrolled.institution, institution);
        }
    }

    function _waitingRecovery(bytes32 patient, Patient storage enrolled) private view returns (uint256) {
        if (enrolled.recoverableAt == 0) revert NoRecoveryWaits(patient);
        return enrolled.recoveries;
    }

    /// @dev Reverts unless one of the patient's keys of now has signed.
    function _checkSigned(bytes32 patient, bytes32 digest, Signed calldata by)
        private
        view
        returns (bytes32 signer)
    {
        signer = keccak256(by.signer);
        if (!_isSigner[patient][_patients[patient].generation][signer]) revert NotASigner(patient, signer);
        _checkSignature(by, signer, digest);
    }

    /// @dev Reverts unless each of these keys has signed that it is one of them.
    function _checkPossession(Signed[] calldata proofs, bytes32[] memory signers, bytes32 structHash)
        private
        view
    {
        bytes32 digest = _hashTypedDataV4(structHash);
        for (uint256 i; i < proofs.length; ++i) {
            _checkSignature(proofs[i], signers[i], digest);
        }
    }

    /// @dev Reverts unless the signature is the signer's, whose form was checked when it became one. A verifier
    ///      says itself what is wrong, and its words go through.
    function _checkSignature(Signed calldata by, bytes32 signer, bytes32 digest) private view {
        address first = address(bytes20(by.signer[:20]));
        bool isValid = by.signer.length == 20
            ? SignatureChecker.isValidSignatureNowCalldata(first, digest, by.signature)
            : IERC7913SignatureVerifier(first).verify(by.signer[20:], digest, by.signature)
                == IERC7913SignatureVerifier.verify.selector;
        if (!isValid) revert SignatureInvalid(signer, digest);
    }

    /// @dev The hashes of signers, which must rise, so that none stands twice.
    function _hashesOf(Signed[] calldata proofs) private view returns (bytes32[] memory signers) {
        if (proofs.length == 0 || proofs.length > MAX_SIGNERS) {
            revert WrongNumberOfSigners(proofs.length, 1, MAX_SIGNERS);
        }
        signers = new bytes32[](proofs.length);
        for (uint256 i; i < proofs.length; ++i) {
            signers[i] = _hashOf(proofs[i].signer);
            if (i != 0 && signers[i] <= signers[i - 1]) revert SignersOutOfOrder(signers[i - 1], signers[i]);
        }
    }

    /// @dev The hash of a signer that may become one: a wallet, or a key for a verifier that is allowed.
    function _hashOf(bytes calldata signer) private view returns (bytes32) {
        if (signer.length < 20 || signer.length > MAX_SIGNER_LENGTH) {
            revert SignerHasWrongLength(signer.length, MAX_SIGNER_LENGTH);
        }
        address first = address(bytes20(signer[:20]));
        if (first == address(0)) revert SignerIsNobody();
        if (signer.length != 20 && !isVerifier[first]) revert VerifierNotAllowed(first);
        return keccak256(signer);
    }

    /// @dev How EIP-712 encodes bytes32[].
    function _packed(bytes32[] memory signers) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(signers));
    }
}
