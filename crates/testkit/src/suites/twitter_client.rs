//! Cases of the `twitter_client` contract.
