//! What people did: one line in the log for each, and a count.

use lemon_domain::{
    ports::{Publication, TwitterError},
    usecases::{
        Accepted, AccountDeletion, ProfileError, RedeemError, RedeemedTicket, RegisterError,
        SignInError, SignedIn, TicketOfJob,
    },
    values::{Identity, RequestId, ServiceType},
    with_causes,
};
use tracing::{debug, info, warn};

use crate::{
    known_profiles::UnknownProfile,
    measures::{self, RedemptionOutcome, RegistrationOutcome, SignInOutcome},
};

/// Somebody came back from Twitter. Refused sign-ins are of nobody known, and anybody can cause them: the log has them at
/// `debug` only.
pub(crate) fn sign_in(outcome: &Result<SignedIn, SignInError>) {
    let outcome = match outcome {
        Ok(Identity { user, account }) => {
            info!(user.id = %user, account.id = %account, "a person signed in");
            SignInOutcome::SignedIn
        }
        Err(SignInError::NotPending) => SignInOutcome::NotPending,
        Err(SignInError::Twitter(TwitterError::InvalidToken | TwitterError::Suspended)) => {
            SignInOutcome::Rejected
        }
        Err(_) => SignInOutcome::Failed,
    };
    ended(outcome);
}

/// A browser that did not get the answer of its sign-in got it again.
pub(crate) fn sign_in_repeated(Identity { user, account }: Identity) {
    info!(user.id = %user, account.id = %account, "a person was told again that they are signed in");
    measures::sign_in(SignInOutcome::Repeated);
}

/// Somebody came back from Twitter in a browser that did not begin the sign-in.
pub(crate) fn sign_in_foreign() {
    ended(SignInOutcome::Foreign);
}

/// Somebody came back from Twitter without having agreed.
pub(crate) fn sign_in_denied() {
    ended(SignInOutcome::Denied);
}

fn ended(outcome: SignInOutcome) {
    measures::sign_in(outcome);
    if outcome != SignInOutcome::SignedIn {
        debug!(outcome = outcome.as_str(), "a person did not sign in");
    }
}

/// Somebody ended the token that they called with.
pub(crate) fn log_out(Identity { user, account }: Identity) {
    info!(user.id = %user, account.id = %account, "a person signed out");
}

/// Somebody ended all their tokens.
pub(crate) fn log_out_everywhere(Identity { user, account }: Identity) {
    info!(user.id = %user, account.id = %account, "a person signed out everywhere");
}

/// Somebody deleted their account.
pub(crate) fn account_deletion(Identity { user, account }: Identity, deletion: &AccountDeletion) {
    let forgotten = deletion.forgotten.as_ref();
    info!(
        user.id = %user,
        account.id = %account,
        registrations = forgotten.map_or(0, |forgotten| forgotten.registrations.len()),
        withdrawn = forgotten.map_or(0, |forgotten| forgotten.withdrawn),
        "a person deleted their account"
    );
    if let Some(error) = &deletion.not_revoked {
        warn!(
            user.id = %user,
            account.id = %account,
            error = with_causes(error),
            "twitter did not take back the access of a person who deleted their account; it is erased here"
        );
    }
}

/// Somebody asked to be registered. A failure is no fact about the person: `Problem` logs its cause.
pub(crate) fn registration(
    caller: Identity,
    service: &ServiceType,
    outcome: &Result<Accepted, RegisterError>,
) {
    let Identity { user, account } = caller;
    let refused = |reason: RegistrationOutcome, budget: Option<&str>| {
        info!(
            user.id = %user,
            account.id = %account,
            service = %service,
            reason = reason.as_str(),
            budget,
            "a registration is refused"
        );
        reason
    };
    let outcome = match outcome {
        Ok(Accepted {
            registered,
            request_id: Some(request_id),
            ..
        }) => {
            info!(
                user.id = %user,
                account.id = %account,
                service = %service,
                request.id = %request_id,
                place = registered.position,
                limit = registered.limit,
                "a person is registered"
            );
            RegistrationOutcome::Registered
        }
        Ok(_) => {
            info!(
                user.id = %user,
                account.id = %account,
                service = %service,
                "a registration was repeated with its idempotency key, and nothing happened twice"
            );
            RegistrationOutcome::Repeated
        }
        Err(RegisterError::CooldownActive { .. }) => {
            refused(RegistrationOutcome::CooldownActive, None)
        }
        Err(RegisterError::QuotaExhausted(state)) => {
            measures::quota_refusal(&state.key);
            let budget = Some(state.key.budget.as_str());
            refused(RegistrationOutcome::QuotaExhausted, budget)
        }
        Err(RegisterError::Paused) => refused(RegistrationOutcome::ServicePaused, None),
        Err(RegisterError::UnknownPerson) => refused(RegistrationOutcome::UnknownPerson, None),
        Err(RegisterError::Abandoned) => RegistrationOutcome::Abandoned,
        Err(_) => RegistrationOutcome::Failed,
    };
    measures::registration(service, outcome);
}

/// Somebody asked for their profile. Only what Twitter refuses is a fact about the person.
pub(crate) fn profile(caller: Identity, outcome: Result<(), &UnknownProfile>) {
    let Err(UnknownProfile::Unread(ProfileError::Twitter(refusal))) = outcome else {
        return;
    };
    let reason = match refusal {
        TwitterError::InvalidToken => "access_revoked",
        TwitterError::Suspended => "account_suspended",
        _ => return,
    };
    info!(
        user.id = %caller.user,
        account.id = %caller.account,
        reason,
        "Twitter no longer lets us act for a person"
    );
}

/// Somebody let others use their result, or not any more.
pub(crate) fn publication(caller: Identity, publication: &Publication, request_id: RequestId) {
    info!(
        user.id = %caller.user,
        account.id = %caller.account,
        service = %publication.service,
        request.id = %request_id,
        public = publication.public,
        "a person changed who may use the result"
    );
}

/// Somebody deleted their registration.
pub(crate) fn deletion(caller: Identity, service: &ServiceType, request_id: RequestId) {
    info!(
        user.id = %caller.user,
        account.id = %caller.account,
        service = %service,
        request.id = %request_id,
        "a person deleted a registration"
    );
}

/// A worker asked for the credentials of a job; without an outcome, the deadline passed. `Problem` logs the cause of a failure.
pub(crate) fn redemption(
    of_job: &TicketOfJob,
    outcome: Option<&Result<RedeemedTicket, RedeemError>>,
) {
    let (task, request_id) = (of_job.kind.as_str(), of_job.request_id);
    let refused = |outcome: RedemptionOutcome| {
        info!(
            audit = true,
            request.id = %request_id,
            task,
            reason = outcome.as_str(),
            "a worker got no credentials for a job"
        );
        outcome
    };
    let outcome = match outcome {
        Some(Ok(redeemed)) => {
            info!(
                audit = true,
                account.id = %redeemed.account,
                service = %redeemed.service,
                request.id = %request_id,
                task,
                redemptions = redeemed.redemptions,
                "a worker got the credentials for a job"
            );
            if redeemed.redemptions == 1 {
                RedemptionOutcome::Redeemed
            } else {
                RedemptionOutcome::Repeated
            }
        }
        Some(Err(RedeemError::Unknown)) => refused(RedemptionOutcome::Unknown),
        Some(Err(RedeemError::Void)) => refused(RedemptionOutcome::Void),
        Some(Err(RedeemError::Expired)) => refused(RedemptionOutcome::Expired),
        Some(Err(RedeemError::Used)) => refused(RedemptionOutcome::Used),
        Some(Err(_)) | None => refused(RedemptionOutcome::Failed),
    };
    measures::redemption(outcome);
}

/// Somebody called as a worker without a worker key. Anybody who reaches the port can, as often as they like: the log has it
/// at `debug` only, and the problems are counted.
pub(crate) fn stranger_at_worker_calls() {
    debug!("a call of a worker without a worker key is refused");
}
