// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {ConsentRegistry} from "../../src/ConsentRegistry.sol";
import {Patients} from "./Patients.sol";

/// @notice Two patients, their hospital, another one, and thieves: does whatever comes to mind, keeps a book
///         of its own on who may sign and what must hold, and counts what was taken against it.
/// @dev Wallets sign, which is quicker; what a passkey is refused for has its own tests.
contract People is Patients {
    struct Known {
        bytes32 patient;
        bytes32 id;
        uint64 grantedAt;
        uint64 expiry;
        uint64 endedAt;
    }

    uint256 internal constant KEYS = 4;

    uint64 public time = NOON;
    Known[] public grants;
    mapping(bytes32 patient => mapping(uint256 key => bool)) public holds;
    mapping(bytes32 patient => uint256) public proposedAt;
    mapping(bytes32 patient => uint256) public proposedKey;
    /// What was taken though the book says that it must not be, and the other way round.
    uint256 public wronglyTaken;
    uint256 public wronglyRefused;

    constructor() {
        setUp();
        enrol(AMINA, keys(WALLET));
        enrol(BORIS, keys(WALLET + 1));
        holds[AMINA][WALLET] = true;
        holds[BORIS][WALLET + 1] = true;
    }

    function registry() external view returns (ConsentRegistry) {
        return consents;
    }

    function grantCount() external view returns (uint256) {
        return grants.length;
    }

    function pass(uint256 by) external {
        time += uint64(between(by, 0, 2 days));
    }

    function give(uint256 who, uint256 key, uint256 term, uint192 form, bool isForged) external {
        bytes32 patient = _patient(who);
        key = _key(key);
        vm.warp(time);
        uint64 expiry = time + uint64(between(term, 0, 6 days));
        ConsentRegistry.Grant memory given = ConsentRegistry.Grant(
            patient, "who", "what", expiry, consents.nonce(patient, form % 4), type(uint64).max
        );
        ConsentRegistry.Signed memory by = signed(key, digestOf(given));
        // A signature of one of the patient's keys, under the name of another.
        if (isForged) by.signer = signerOf(_key(key - WALLET + 1));
        bool isTaken = _try(address(this), abi.encodeCall(consents.grant, (given, by)));
        _judge(isTaken, holds[patient][key] && !isForged && expiry > time);
        if (isTaken) grants.push(Known(patient, digestOf(given), time, expiry, 0));
    }

    function end(uint256 which, uint256 key, bool isByInstitution, bool isSouth) external {
        if (grants.length == 0) return;
        Known storage known = grants[which % grants.length];
        key = _key(key);
        vm.warp(time);
        bool isTaken;
        if (isByInstitution) {
            isTaken = _try(
                isSouth ? SOUTH : NORTH,
                abi.encodeCall(consents.revokeByInstitution, (known.patient, known.id))
            );
            _judge(isTaken, !isSouth && known.endedAt == 0);
        } else {
            ConsentRegistry.Signed memory by = signed(key, revocationOf(known.patient, known.id));
            isTaken = _try(STRANGER, abi.encodeCall(consents.revoke, (known.patient, known.id, by)));
            _judge(isTaken, holds[known.patient][key] && known.endedAt == 0);
        }
        if (isTaken) known.endedAt = time;
    }

    function change(uint256 who, uint256 key, uint256 other, bool isAddition) external {
        bytes32 patient = _patient(who);
        (key, other) = (_key(key), _key(other));
        vm.warp(time);
        uint256 nonce = consents.nonce(patient, 9);
        bytes32 kind = isAddition ? consents.SIGNER_ADDITION() : consents.SIGNER_REMOVAL();
        bytes32 digest = digestOf(abi.encode(kind, patient, hashOf(other), nonce, type(uint64).max));
        ConsentRegistry.Signed memory by = signed(key, digest);
        bool isTaken;
        if (isAddition) {
            ConsentRegistry.Signed memory possession = signed(other, digest);
            isTaken = _try(
                STRANGER,
                abi.encodeCall(consents.addSigner, (patient, nonce, type(uint64).max, possession, by))
            );
            _judge(isTaken, holds[patient][key] && !holds[patient][other]);
        } else {
            bytes32 signer = hashOf(other);
            isTaken = _try(
                STRANGER,
                abi.encodeCall(consents.removeSigner, (patient, signer, nonce, type(uint64).max, by))
            );
            _judge(isTaken, holds[patient][key] && holds[patient][other] && heldBy(patient) > 1);
        }
        if (isTaken) holds[patient][other] = isAddition;
    }

    function propose(uint256 who, uint256 key, bool isSouth) external {
        bytes32 patient = _patient(who);
        key = _key(key);
        vm.warp(time);
        (uint256 number,,) = consents.recoveryOf(patient);
        ConsentRegistry.Signed[] memory proofs =
            recoveryOf(patient, isSouth ? south : north, number + 1, keys(key));
        bool isTaken = _try(
            isSouth ? SOUTH : NORTH, abi.encodeCall(consents.proposeRecovery, (patient, proofs, NEXT_YEAR))
        );
        _judge(isTaken, !isSouth && proposedAt[patient] == 0 && time <= NEXT_YEAR);
        if (isTaken) (proposedAt[patient], proposedKey[patient]) = (time, key);
    }

    function stop(uint256 who, uint256 key, bool isVeto) external {
        bytes32 patient = _patient(who);
        key = _key(key);
        vm.warp(time);
        bool isTaken;
        if (isVeto) {
            (uint256 number,,) = consents.recoveryOf(patient);
            ConsentRegistry.Signed memory by = signed(key, vetoOf(patient, number));
            isTaken = _try(STRANGER, abi.encodeCall(consents.vetoRecovery, (patient, number, by)));
            _judge(isTaken, proposedAt[patient] != 0 && holds[patient][key]);
        } else {
            isTaken = _try(NORTH, abi.encodeCall(consents.withdrawRecovery, (patient)));
            _judge(isTaken, proposedAt[patient] != 0);
        }
        if (isTaken) proposedAt[patient] = 0;
    }

    function carryOut(uint256 who, bool isSouth) external {
        bytes32 patient = _patient(who);
        vm.warp(time);
        bool isTaken = _try(isSouth ? SOUTH : NORTH, abi.encodeCall(consents.recover, (patient)));
        _judge(isTaken, !isSouth && proposedAt[patient] != 0 && time >= proposedAt[patient] + 3 days);
        if (!isTaken) return;
        proposedAt[patient] = 0;
        for (uint256 key = WALLET; key < WALLET + KEYS; ++key) {
            holds[patient][key] = key == proposedKey[patient];
        }
    }

    function heldBy(bytes32 patient) public view returns (uint256 count) {
        for (uint256 key = WALLET; key < WALLET + KEYS; ++key) {
            if (holds[patient][key]) ++count;
        }
    }

    /// @dev Whether the registry knows the keys of the book, and no other.
    function isOfOneMind(bytes32 patient) external view returns (bool) {
        (, uint256 count) = consents.patientOf(patient);
        if (count != heldBy(patient) || count == 0) return false;
        for (uint256 key = WALLET; key < WALLET + KEYS; ++key) {
            if (consents.isSigner(patient, hashOf(key)) != holds[patient][key]) return false;
        }
        return true;
    }

    function _judge(bool isTaken, bool isRight) private {
        if (isTaken && !isRight) ++wronglyTaken;
        if (!isTaken && isRight) ++wronglyRefused;
    }

    function _try(address sender, bytes memory data) private returns (bool isTaken) {
        vm.prank(sender);
        (isTaken,) = address(consents).call(data);
    }

    function _patient(uint256 who) private pure returns (bytes32) {
        return who % 2 == 0 ? AMINA : BORIS;
    }

    function _key(uint256 key) private pure returns (uint256) {
        return WALLET + key % KEYS;
    }
}

contract WhateverIsSent is Patients {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    People internal people;

    function setUp() public override {
        people = new People();
        consents = people.registry();
    }

    /// @dev Read by forge: the only contract that it calls.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(people);
    }

    /// @dev Read by forge: and the only functions. A grant is what most depends on.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(people);
        targets[0].selectors = new bytes4[](7);
        targets[0].selectors[0] = People.pass.selector;
        targets[0].selectors[1] = People.give.selector;
        targets[0].selectors[2] = People.end.selector;
        targets[0].selectors[3] = People.change.selector;
        targets[0].selectors[4] = bytes4(keccak256("propose(uint256,uint256,bool)"));
        targets[0].selectors[5] = People.stop.selector;
        targets[0].selectors[6] = People.carryOut.selector;
    }

    /// @dev One pass over all that stays true for ever, as each invariant of its own would tell the story anew:
    ///      a revoked or expired grant is never active, and any other is; nobody but the patient's keys of that
    ///      moment grants, revokes, changes keys or vetoes; no recovery is carried out before its three days;
    ///      and no patient is ever without a key.
    function invariant_only_the_patients_keys_decide_and_nothing_ended_is_active() external view {
        vm.assertEq(people.wronglyTaken(), 0, "something was taken that must not be");
        vm.assertEq(people.wronglyRefused(), 0, "something was refused that must not be");
        vm.assertTrue(people.isOfOneMind(AMINA), "the keys of a patient");
        vm.assertTrue(people.isOfOneMind(BORIS), "the keys of the other patient");
        uint64 time = people.time();
        for (uint256 i; i < people.grantCount(); ++i) {
            (bytes32 patient, bytes32 id, uint64 grantedAt, uint64 expiry, uint64 endedAt) = people.grants(i);
            bool isOver = endedAt != 0 || time >= expiry;
            vm.assertTrue(consents.isActiveAt(patient, id, time) == !isOver, "a grant, now");
            vm.assertTrue(!consents.isActiveAt(patient, id, expiry), "a grant that expired");
            vm.assertTrue(!consents.isActiveAt(patient, id, grantedAt - 1), "a grant to come");
            vm.assertTrue(
                !consents.isActiveAt(patient == AMINA ? BORIS : AMINA, id, grantedAt), "another's grant"
            );
        }
    }
}
