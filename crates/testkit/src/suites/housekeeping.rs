//! Cases of the `housekeeping` contract.
