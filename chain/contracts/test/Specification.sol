// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @dev The cheatcodes of forge that our tests use, and no others.
interface Vm {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function prank(address sender) external;
    function warp(uint256 time) external;
    function etch(address where, bytes calldata code) external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function signP256(uint256 key, bytes32 digest) external pure returns (bytes32 r, bytes32 s);
    function publicKeyP256(uint256 key) external pure returns (uint256 x, uint256 y);
    function assume(bool condition) external pure;
    function expectRevert(bytes calldata reason) external;
    function expectEmit(bool topic1, bool topic2, bool topic3, bool data, address emitter) external;
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonBool(string calldata json, string calldata key) external pure returns (bool);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonAddress(string calldata json, string calldata key) external pure returns (address);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key)
        external
        pure
        returns (bytes32[] memory);
    function toString(uint256 value) external pure returns (string memory);
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
    function lastCallGas() external view returns (Gas memory);
    function assertTrue(bool holds, string calldata otherwise) external pure;
    function assertEq(uint256 left, uint256 right, string calldata otherwise) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata otherwise) external pure;
    function assertEq(address left, address right, string calldata otherwise) external pure;
    function assertEq(string calldata left, string calldata right, string calldata otherwise) external pure;
    function assertLt(uint256 left, uint256 right, string calldata otherwise) external pure;
    function assertGe(uint256 left, uint256 right, string calldata otherwise) external pure;
}

/// @notice What our tests stand on: forge's cheatcodes under the address it fixes, and a bounded number.
/// @dev The published forge-std is not to be had on npm but as somebody's old copy; we use this little of it.
abstract contract Specification {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @dev Squeezes a fuzzed number into [lowest, highest].
    function between(uint256 number, uint256 lowest, uint256 highest) internal pure returns (uint256) {
        return lowest + number % (highest - lowest + 1);
    }
}
