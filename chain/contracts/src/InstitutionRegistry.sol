// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

/// @notice Names the hospitals whose words count: who they are, and from which address they speak.
/// @dev The owner admits, suspends and reinstates. Nobody can give a hospital another number, name or
///      address afterwards, as proofs handed out long ago rely on what stands here.
contract InstitutionRegistry is Ownable2Step {
    enum Status {
        Unknown,
        Active,
        Suspended
    }

    struct Institution {
        address operator;
        bytes32 jwksThumbprint;
        string name;
        string portalUrl;
    }

    /// @dev Number and status share a word, as each head of a log asks for both.
    struct Seat {
        uint248 institution;
        Status status;
    }

    uint256 public constant MAX_NAME = 128;
    uint256 public constant MAX_PORTAL_URL = 256;

    /// @notice How many institutions were ever admitted. They are numbered from 1.
    uint248 public count;

    mapping(uint256 institution => Institution) private _institutions;
    mapping(address operator => Seat) private _seats;

    event InstitutionAdmitted(
        uint256 indexed institution,
        address indexed operator,
        string name,
        string portalUrl,
        bytes32 jwksThumbprint
    );
    event InstitutionSuspended(uint256 indexed institution);
    event InstitutionReinstated(uint256 indexed institution);

    error NoOperator();
    error AlreadyAdmitted(address operator, uint256 institution);
    error NameHasWrongLength(uint256 length, uint256 most);
    error PortalUrlHasWrongLength(uint256 length, uint256 most);
    error NotAMember(address operator);
    error Suspended(uint256 institution);
    error WrongStatus(uint256 institution, Status status, Status needed);

    constructor(address owner_) Ownable(owner_) {}

    /// @notice Makes a hospital a member, under the next number.
    /// @param operator The address that the hospital sends its transactions from
    /// @param name What people call it, shown by whoever verifies its proofs
    /// @param portalUrl Where its portal is reached by others
    /// @param jwksThumbprint SHA-256 of the keys with which its portal identifies itself to others
    function admit(address operator, string calldata name, string calldata portalUrl, bytes32 jwksThumbprint)
        external
        onlyOwner
        returns (uint256 admitted)
    {
        if (operator == address(0)) revert NoOperator();
        Seat storage seat = _seats[operator];
        if (seat.institution != 0) revert AlreadyAdmitted(operator, seat.institution);
        uint256 length = bytes(name).length;
        if (length == 0 || length > MAX_NAME) revert NameHasWrongLength(length, MAX_NAME);
        length = bytes(portalUrl).length;
        if (length == 0 || length > MAX_PORTAL_URL) revert PortalUrlHasWrongLength(length, MAX_PORTAL_URL);

        seat.institution = ++count;
        seat.status = Status.Active;
        admitted = seat.institution;
        _institutions[admitted] = Institution(operator, jwksThumbprint, name, portalUrl);
        emit InstitutionAdmitted(admitted, operator, name, portalUrl, jwksThumbprint);
    }

    /// @notice Stops a hospital from adding anything. What it said before stays on record.
    function suspend(uint256 number) external onlyOwner {
        _move(number, Status.Active, Status.Suspended);
        emit InstitutionSuspended(number);
    }

    /// @notice Lets a suspended hospital go on.
    function reinstate(uint256 number) external onlyOwner {
        _move(number, Status.Suspended, Status.Active);
        emit InstitutionReinstated(number);
    }

    /// @notice Everything on record about an institution; its status is Unknown if there is none.
    function institution(uint256 number)
        external
        view
        returns (
            address operator,
            string memory name,
            string memory portalUrl,
            bytes32 jwksThumbprint,
            Status status
        )
    {
        Institution storage found = _institutions[number];
        return
            (found.operator, found.name, found.portalUrl, found.jwksThumbprint, _seats[found.operator].status);
    }

    /// @notice The number of the institution that an address speaks for, suspended or not; 0 if for none.
    function institutionOf(address operator) external view returns (uint256) {
        return _seats[operator].institution;
    }

    /// @notice The number of the institution that an address may speak for now. Reverts if there is none.
    function activeInstitutionOf(address operator) external view returns (uint256 number) {
        Seat storage seat = _seats[operator];
        number = seat.institution;
        if (number == 0) revert NotAMember(operator);
        if (seat.status != Status.Active) revert Suspended(number);
    }

    function _move(uint256 number, Status from, Status to) private {
        Seat storage seat = _seats[_institutions[number].operator];
        if (seat.status != from) revert WrongStatus(number, seat.status, from);
        seat.status = to;
    }
}
