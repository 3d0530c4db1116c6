//! Cases of the `job_queue` contract.
