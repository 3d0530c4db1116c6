//! Cases of the `registrations` contract.
