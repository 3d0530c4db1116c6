use lemon_http::Listener;

use super::plan::Plan;

/// The ports of the program, without those of the sandbox.
pub(super) struct Listeners {
    pub(super) http: Listener,
    pub(super) ops: Listener,
    /// Where workers call, if they have a key.
    pub(super) workers: Option<Listener>,
}

impl Listeners {
    /// Listens. The plan gets the real ports, which the API's document and the stand-in workers name.
    pub(super) fn bind(plan: Plan) -> anyhow::Result<(Self, Plan)> {
        let calls = plan.job_credentials.calls.as_ref();
        let calls = calls.map(|calls| calls.listen);
        let listeners = Self {
            http: Listener::bind(plan.http)?,
            ops: Listener::bind(plan.ops)?,
            workers: calls.map(Listener::bind).transpose()?,
        };
        let workers = listeners.workers.as_ref().map(Listener::local_addr);
        let plan = Plan {
            ops: listeners.ops.local_addr(),
            job_credentials: plan.job_credentials.listening_at(workers),
            ..plan
        };
        Ok((listeners, plan))
    }
}
