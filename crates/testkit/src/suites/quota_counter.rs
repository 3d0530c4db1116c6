//! Cases of the `quota_counter` contract.
