#![doc = include_str!("../README.md")]

mod application;
mod calls;
mod config;
mod cors;
mod deadline;
mod docs;
mod edge;
mod extract;
mod hs512;
mod jwt;
mod listener;
mod measures;
mod openapi;
mod operations;
mod origin;
mod problem;
mod request_ids;
mod route;

pub use application::{Application, Mount, UseCases};
pub use config::{Deadlines, HttpConfig, JwtConfig};
pub use jwt::{TokenError, Tokens};
pub use listener::{BindError, Listener};
pub use openapi::openapi;
pub use operations::{Check, MetricsText, Operations};
pub use origin::Origin;
