// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {Patients} from "./Patients.sol";

/// @notice What consents cost: each call here is measured as a transaction of its own (`isolate`).
contract GasOfAConsent is Patients {
    /// forge-config: default.evm_version = "osaka"
    function test_stays_under_the_promise_where_the_precompile_is() external {
        _measure("P-256 precompile", PHONE, 130_000);
    }

    function test_stays_under_the_promise_where_the_precompile_is_not() external {
        _measure("P-256 in Solidity", PHONE, 360_000);
    }

    function test_stays_under_the_promise_with_a_wallet() external {
        _measure("wallet", WALLET, 100_000);
    }

    function _measure(string memory how, uint256 key, uint256 promised) private {
        enrol(AMINA, keys(key));
        _snapshot("enrol, ", how);
        // The first form under a key of nonces, which is what a page that asks for no other would use.
        bytes32 granted = grant(grantOf(AMINA, uint256(1) << 64), key);
        vm.assertLt(_snapshot("grant, ", how), promised, how);
        grant(grantOf(AMINA, (uint256(1) << 64) + 1), key);
        _snapshot("grant under a used key of nonces, ", how);
        revoke(AMINA, granted, key);
        vm.assertLt(_snapshot("revoke, ", how), promised, how);
        add(AMINA, NEW_WALLET, 0, key);
        _snapshot("add a wallet, ", how);
        remove(AMINA, NEW_WALLET, 1, key);
        _snapshot("remove it, ", how);
        propose(AMINA, 1, keys(NEW_WALLET));
        _snapshot("propose a recovery with a wallet, ", how);
        vm.warp(NOON + 3 days);
        vm.prank(NORTH);
        consents.recover(AMINA);
        _snapshot("recover, ", how);
    }

    function _snapshot(string memory what, string memory how) private returns (uint256) {
        return vm.snapshotGasLastCall("ConsentRegistry", string.concat(what, how));
    }
}
