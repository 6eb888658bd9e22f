// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Logbook} from "./Logbook.sol";

/// @notice What a head costs: each call here is measured as a transaction of its own (`isolate`).
contract GasOfAHead is Logbook {
    uint256 internal constant PROMISED = 90_000;

    function test_stays_under_the_promise_from_a_hundred_leaves_to_a_million() external {
        string memory json = vm.readFile("../../tests/vectors/gas.json");
        uint256 count = vm.parseJsonUint(json, ".count");
        vm.assertGe(count, 4, "the vectors are there");
        for (uint256 i; i < count; ++i) {
            string memory at = string.concat(".heads[", vm.toString(i), "]");
            uint64 size = uint64(vm.parseJsonUint(json, string.concat(at, ".size")));
            bytes32 root = vm.parseJsonBytes32(json, string.concat(at, ".root"));
            bytes32[] memory proof = vm.parseJsonBytes32Array(json, string.concat(at, ".proof"));
            string memory name = vm.parseJsonString(json, string.concat(at, ".name"));
            vm.prank(vm.parseJsonBool(json, string.concat(at, ".isNorth")) ? NORTH : SOUTH);
            log.extend(size, root, proof);
            uint256 gas = vm.snapshotGasLastCall("RecordLog", name);
            if (proof.length != 0) vm.assertLt(gas, PROMISED, name);
        }
    }
}
