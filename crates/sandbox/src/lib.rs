#![doc = include_str!("../README.md")]

mod config;
mod error;
mod faults;
mod html;
mod oauth;
mod people;
mod provider;
mod routes;
mod sandbox;
mod workers;
mod x_error;

pub use config::SandboxConfig;
pub use error::SandboxError;
pub use sandbox::Sandbox;
pub use workers::{CredentialsCall, Workers, WorkersConfig, WorkersPorts};
