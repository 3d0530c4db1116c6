//! The engines on the fake, on the embedded queue and on SQS, and on doubles where a fault is hard to cause.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod double;
mod leases;
mod relay;
mod subjects;
mod traces;
