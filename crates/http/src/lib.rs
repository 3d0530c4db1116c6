#![doc = include_str!("../README.md")]

mod api;
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
mod use_cases;

pub use application::{Application, Mount};
pub use config::{Deadlines, HttpConfig, JwtConfig};
pub use jwt::{TokenError, Tokens};
pub use listener::{BindError, Listener};
pub use openapi::openapi;
pub use operations::{Check, MetricsText, Operations};
pub use origin::Origin;
pub use use_cases::UseCases;
