//! Cases of the `pending_sign_ins` contract.
