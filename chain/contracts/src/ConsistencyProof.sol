// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Checks that one Merkle tree of RFC 9162 begins with all leaves of another.
/// @dev The steps are those of RFC 9162, section 2.1.4.2, with SHA-256 from the precompile. This is where
///      a hospital is kept from rewriting its past, so it is written to be read beside the RFC, and in
///      assembly only where a hash is taken, which happens up to forty times a head.
library ConsistencyProof {
    /// @notice The proof has other hashes than a proof between trees of these sizes needs.
    error WrongProofLength(uint256 given, uint256 needed);

    /// @notice The proof leads to another old root than the one on record: the past would be another.
    error HistoryRewritten(uint64 size, bytes32 recorded, bytes32 proven);

    /// @notice The proof leads to another new root than the one that was announced.
    error RootNotProven(uint64 size, bytes32 announced, bytes32 proven);

    /// @dev Reverts unless `proof` shows that the tree under `newRoot` extends the one under `oldRoot`.
    ///      The caller has made sure that 0 < oldSize < newSize.
    function verify(
        uint64 oldSize,
        bytes32 oldRoot,
        uint64 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) internal view {
        uint256 used;
        bytes32 provenOld;
        if (_isPowerOfTwo(oldSize)) {
            // The whole old tree is one subtree of the new one, and its hash is already known.
            provenOld = oldRoot;
        } else {
            if (proof.length == 0) revert WrongProofLength(0, lengthOf(oldSize, newSize));
            provenOld = proof[0];
            used = 1;
        }
        bytes32 provenNew = provenOld;

        uint256 oldIndex = uint256(oldSize) - 1;
        uint256 newIndex = uint256(newSize) - 1;
        unchecked {
            while (oldIndex & 1 == 1) {
                oldIndex >>= 1;
                newIndex >>= 1;
            }
            for (; used < proof.length; ++used) {
                if (newIndex == 0) revert WrongProofLength(proof.length, lengthOf(oldSize, newSize));
                bytes32 neighbour = proof[used];
                if (oldIndex & 1 == 1 || oldIndex == newIndex) {
                    provenOld = _node(neighbour, provenOld);
                    provenNew = _node(neighbour, provenNew);
                    while (oldIndex & 1 == 0 && oldIndex != 0) {
                        oldIndex >>= 1;
                        newIndex >>= 1;
                    }
                } else {
                    provenNew = _node(provenNew, neighbour);
                }
                oldIndex >>= 1;
                newIndex >>= 1;
            }
        }
        if (newIndex != 0) revert WrongProofLength(proof.length, lengthOf(oldSize, newSize));
        if (provenOld != oldRoot) revert HistoryRewritten(oldSize, oldRoot, provenOld);
        if (provenNew != newRoot) revert RootNotProven(newSize, newRoot, provenNew);
    }

    /// @dev How many hashes a proof between these sizes has: the same walk, without the hashes.
    function lengthOf(uint64 oldSize, uint64 newSize) internal pure returns (uint256 length) {
        uint256 oldIndex = uint256(oldSize) - 1;
        uint256 newIndex = uint256(newSize) - 1;
        if (!_isPowerOfTwo(oldSize)) length = 1;
        unchecked {
            while (oldIndex & 1 == 1) {
                oldIndex >>= 1;
                newIndex >>= 1;
            }
            for (; newIndex != 0; ++length) {
                if (oldIndex & 1 == 1 || oldIndex == newIndex) {
                    while (oldIndex & 1 == 0 && oldIndex != 0) {
                        oldIndex >>= 1;
                        newIndex >>= 1;
                    }
                }
                oldIndex >>= 1;
                newIndex >>= 1;
            }
        }
    }

    /// @dev SHA-256(0x01 || left || right), RFC 9162 section 2.1.1.
    function _node(bytes32 left, bytes32 right) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            // The 65 bytes lie in free memory, which is not claimed: the next hash may use it again.
            let at := mload(0x40)
            mstore8(at, 0x01)
            mstore(add(at, 0x01), left)
            mstore(add(at, 0x21), right)
            // The precompile fails only when gas has run out, and must not pass for a hash of zero then.
            if iszero(staticcall(gas(), 0x02, at, 0x41, 0x00, 0x20)) { revert(0x00, 0x00) }
            hash := mload(0x00)
        }
    }

    function _isPowerOfTwo(uint64 size) private pure returns (bool) {
        unchecked {
            return size & (size - 1) == 0;
        }
    }
}
