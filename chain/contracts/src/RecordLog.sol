// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsistencyProof} from "./ConsistencyProof.sol";
import {InstitutionRegistry} from "./InstitutionRegistry.sol";

/// @notice Holds the heads of the hospitals' logs, and refuses one that does not extend the last.
/// @dev A log is a Merkle tree of RFC 9162; its leaves are salted commitments, so nothing about a patient
///      can be read or guessed from a head. Nobody owns this contract and nothing in it can be changed:
///      what it refused once, it refuses for ever. The time of a head is that of its block, which costs
///      no storage.
contract RecordLog {
    /// @notice Who may extend which log.
    InstitutionRegistry public immutable registry;

    mapping(uint256 institution => uint64 size) private _sizeOf;
    mapping(uint256 institution => mapping(uint64 size => bytes32 root)) private _rootAt;

    event HeadExtended(uint256 indexed institution, uint64 indexed size, bytes32 root);

    error RootIsZero();
    error NotLonger(uint256 institution, uint64 recorded, uint64 given);
    error FirstHeadNeedsNoProof(uint256 given);

    constructor(InstitutionRegistry registry_) {
        registry = registry_;
    }

    /// @notice Records that the caller's log has grown to `size` leaves, under `root`.
    /// @dev The first head of a log is taken as it is, for there is no past that it could contradict.
    /// @param size Number of leaves, more than at the last head
    /// @param root Root of the tree of all leaves
    /// @param proof Consistency proof from the last head to this one (RFC 9162, 2.1.4.1)
    function extend(uint64 size, bytes32 root, bytes32[] calldata proof) external {
        uint256 institution = registry.activeInstitutionOf(msg.sender);
        uint64 recorded = _sizeOf[institution];
        // Zero is how `rootAt` says that there is no such head.
        if (root == 0) revert RootIsZero();
        if (size <= recorded) revert NotLonger(institution, recorded, size);
        if (recorded == 0) {
            if (proof.length != 0) revert FirstHeadNeedsNoProof(proof.length);
        } else {
            ConsistencyProof.verify(recorded, _rootAt[institution][recorded], size, root, proof);
        }

        _sizeOf[institution] = size;
        _rootAt[institution][size] = root;
        emit HeadExtended(institution, size, root);
    }

    /// @notice The last head of an institution's log; zeros if it has none.
    function head(uint256 institution) external view returns (uint64 size, bytes32 root) {
        size = _sizeOf[institution];
        root = _rootAt[institution][size];
    }

    /// @notice The root that an institution's log had at exactly this many leaves; zero if no head says so.
    function rootAt(uint256 institution, uint64 size) external view returns (bytes32) {
        return _rootAt[institution][size];
    }
}
