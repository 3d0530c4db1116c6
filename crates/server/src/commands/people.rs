mod letters;
mod shown;

use std::sync::Arc;

use anyhow::{Context, anyhow};
use lemon_domain::{
    ports::{Directives, Forgotten, PersonRecord, StoreError},
    usecases::PeopleCare,
    values::{AccountId, ProviderUserId, TaskKind},
};
use lemon_system::SystemClock;
use serde::Serialize;
use tracing::info;

use self::{letters::dead_letters, shown::ShownPerson};
use super::{
    line,
    operator::{connect, operator, print_json},
};
use crate::{
    app::{PeoplePlan, StartError},
    cli::PeopleAction,
    config::ConfigError,
};

const NO_PERSON: &str = "the person cannot be read";
const NO_PAUSES: &str = "what is paused cannot be read";

/// Shows or deletes a person.
pub(crate) async fn run(
    plan: PeoplePlan,
    action: PeopleAction,
    json: bool,
) -> Result<(), StartError> {
    let store = Arc::new(connect(&plan.store).await?);
    let care = PeopleCare {
        people: store.clone(),
        deadlines: store.clone(),
        clock: Arc::new(SystemClock),
    };
    match action {
        PeopleAction::Show { twitter_id } => {
            let person = find(&care, twitter_id).await?;
            let directives = store.directives().await.context(NO_PAUSES)?;
            let letters = dead_letters(plan, person.account).await;
            let person = ShownPerson::of(&person, directives, letters);
            let printed = if json {
                print_json(&person)
            } else {
                person.print()
            };
            Ok(printed?)
        }
        PeopleAction::Delete { twitter_id, yes } => {
            let planned = DeletedPerson::planned(find(&care, twitter_id).await?);
            if !yes {
                planned.print(json)?;
                let fault = "this cannot be undone: add --yes. Nothing was done";
                return Err(ConfigError::new(fault).into());
            }
            let account = AccountId::twitter(twitter_id);
            let forgotten = care
                .forget_and_end_tokens(account, &*store, plan.token_lifetime)
                .await;
            told(planned, account, forgotten, json)
        }
    }
}

async fn find(care: &PeopleCare, twitter_id: ProviderUserId) -> anyhow::Result<PersonRecord> {
    let found = care.show(AccountId::twitter(twitter_id)).await;
    found
        .context(NO_PERSON)?
        .ok_or_else(|| anyhow!("the account {twitter_id} has never signed in"))
}

/// What a deletion removes, or has removed.
#[derive(Serialize)]
struct DeletedPerson {
    user_id: i64,
    twitter_id: String,
    deleted: bool,
    registrations: Vec<String>,
    unsent_jobs: u64,
    credentials: bool,
}

impl DeletedPerson {
    /// What would go.
    fn planned(person: PersonRecord) -> Self {
        let unsent = person.outbox.iter();
        let unsent = unsent.filter(|row| row.kind != TaskKind::Delete).count();
        let services = person.registrations.into_iter();
        Self {
            user_id: person.user.get(),
            twitter_id: person.account.user_id.to_string(),
            deleted: false,
            registrations: services.map(|it| it.shown.service.to_string()).collect(),
            unsent_jobs: unsent as u64,
            credentials: person.sealed_with.is_some(),
        }
    }

    fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            return print_json(self);
        }
        let name = if self.deleted {
            "deleted"
        } else {
            "would delete"
        };
        for service in &self.registrations {
            let what = format!("the registration for {service}; its workers get a delete job");
            line(name, &what)?;
        }
        if self.unsent_jobs > 0 {
            line(name, &format!("{} unsent job(s)", self.unsent_jobs))?;
        }
        if self.credentials {
            line(name, &"the sealed credentials")?;
        }
        line(
            "stays",
            &"the account's number and the uses, so that the cooldown outlives the deletion",
        )
    }
}

/// Tells what became of a deletion.
fn told(
    planned: DeletedPerson,
    account: AccountId,
    forgotten: Result<Option<Forgotten>, StoreError>,
    json: bool,
) -> Result<(), StartError> {
    audit(account, &forgotten);
    let forgotten = forgotten
        .context("the person cannot be deleted")?
        .ok_or_else(|| anyhow!("the account {account} has never signed in"))?;
    let services = forgotten.registrations.iter();
    let deleted = DeletedPerson {
        deleted: true,
        registrations: services.map(ToString::to_string).collect(),
        unsent_jobs: forgotten.withdrawn,
        credentials: forgotten.erased,
        ..planned
    };
    Ok(deleted.print(json)?)
}

/// Logs who did what, unless nothing has changed. If the outcome is not known, it may have been done.
fn audit(account: AccountId, outcome: &Result<Option<Forgotten>, StoreError>) {
    let is_complete = match outcome {
        Ok(Some(done)) if done.is_a_change() => true,
        Err(error) if !error.is_certain() => false,
        Ok(_) | Err(_) => return,
    };
    info!(
        audit = true,
        operator = operator(),
        account.id = %account,
        complete = is_complete,
        "an operator deleted a person"
    );
}
