// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Merkle trees of RFC 9162 and their proofs, written from the definitions and as slow as those.
/// @dev The twin that the contract is held against: section 2.1.1 and 2.1.4.1, as recursions over leaf hashes.
library Tree {
    function root(bytes32[] memory leaves, uint256 start, uint256 end) internal pure returns (bytes32) {
        if (end - start == 1) return leaves[start];
        uint256 middle = start + split(end - start);
        return sha256(abi.encodePacked(hex"01", root(leaves, start, middle), root(leaves, middle, end)));
    }

    function proof(bytes32[] memory leaves, uint256 oldSize, uint256 newSize)
        internal
        pure
        returns (bytes32[] memory)
    {
        return _subproof(leaves, 0, oldSize, newSize, true);
    }

    function split(uint256 size) internal pure returns (uint256 k) {
        k = 1;
        while (2 * k < size) k *= 2;
    }

    function _subproof(bytes32[] memory leaves, uint256 start, uint256 old, uint256 end, bool known)
        private
        pure
        returns (bytes32[] memory)
    {
        if (old == end) {
            return known ? new bytes32[](0) : _and(new bytes32[](0), root(leaves, start, end));
        }
        uint256 middle = start + split(end - start);
        if (old <= middle) {
            return _and(_subproof(leaves, start, old, middle, known), root(leaves, middle, end));
        }
        return _and(_subproof(leaves, middle, old, end, false), root(leaves, start, middle));
    }

    function _and(bytes32[] memory hashes, bytes32 last) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](hashes.length + 1);
        for (uint256 i; i < hashes.length; ++i) {
            longer[i] = hashes[i];
        }
        longer[hashes.length] = last;
    }
}
