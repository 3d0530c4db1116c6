//! Cases of the `place_record` contract.
