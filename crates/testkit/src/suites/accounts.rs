//! Cases of the `accounts` contract.
