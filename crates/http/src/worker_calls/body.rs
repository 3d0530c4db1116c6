use lemon_domain::{
    usecases::{RedeemedTicket, TicketOfJob},
    values::{JobTicket, RequestId, TaskKind},
};
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    extract::{Fields, FromFields, invalid},
    problem::Problem,
};

/// What the workers call the jobs that carry a ticket.
const JOBS: [(&str, TaskKind); 2] = [
    ("spring_request_fetch_tweet", TaskKind::Train),
    ("spring_success_marking", TaskKind::Notify),
];

impl FromFields for TicketOfJob {
    fn from_fields(fields: &Fields) -> Result<Self, Problem> {
        let finished = fields.text("finished")?;
        let job = JOBS.into_iter().find(|(name, _)| *name == finished);
        let (_, kind) =
            job.ok_or_else(|| invalid("finished is not that of a job with a ticket.".to_owned()))?;
        let request_id = Uuid::parse_str(fields.text("request_id")?)
            .map_err(|_| invalid("request_id is not a UUID.".to_owned()))?;
        let ticket = JobTicket::parse(fields.text("ticket")?)
            .map_err(|_| invalid("ticket is not the text of a ticket.".to_owned()))?;
        Ok(Self {
            ticket,
            kind,
            request_id: RequestId::new(request_id),
        })
    }
}

/// The credentials for a job, in the fields in which a job would carry them.
#[derive(Serialize)]
pub(super) struct CredentialsBody<'a> {
    user_id: String,
    access_token: &'a str,
    access_secret: &'a str,
}

impl<'a> From<&'a RedeemedTicket> for CredentialsBody<'a> {
    fn from(redeemed: &'a RedeemedTicket) -> Self {
        Self {
            user_id: redeemed.account.user_id.to_string(),
            access_token: redeemed.credentials.token.expose_secret(),
            access_secret: redeemed.credentials.secret.expose_secret(),
        }
    }
}
