use std::ops::Deref;

use lemon_domain::{ports::NewRegistration, traces::current_trace, values::TraceContext};

/// A request, and the trace context of the call that asks for it: another task may store it.
#[derive(Debug)]
pub(crate) struct AskedRequest {
    new: NewRegistration,
    pub(crate) trace: Option<TraceContext>,
}

impl AskedRequest {
    /// A request of the call that is polled now.
    pub(crate) fn by_this_call(new: NewRegistration) -> Self {
        Self {
            new,
            trace: current_trace(),
        }
    }
}

impl Deref for AskedRequest {
    type Target = NewRegistration;

    fn deref(&self) -> &NewRegistration {
        &self.new
    }
}
