//! Cases of the `outbox` contract.
