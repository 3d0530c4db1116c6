use std::{io::Write, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use lemon_domain::{
    keys::fresh_key,
    ports::{Clock, KeyUse, StoreError},
    sealing::{SealingKey, SealingKeys},
    usecases::{ResealReport, Resealing},
};
use lemon_system::{SystemClock, SystemIds};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use tracing::info;

use super::{
    line,
    operator::{connect, operator, print_json},
};
use crate::{
    app::{Patience, StartError, StorePlan},
    cli::KeyKind,
    config::ConfigError,
};

const NOT_READ: &str = "the store's secrets cannot be read";

/// How long a step may take: the secrets of all people are counted, and nobody waits for it as for the answer to a request.
const DEADLINE: Duration = Duration::from_secs(30);

/// A key that was made.
#[derive(Serialize)]
struct GeneratedKey<'a> {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    key: &'a str,
}

/// Makes a key, and prints it alone, for a file.
pub(crate) fn generate(kind: KeyKind, id: Option<String>, json: bool) -> Result<(), StartError> {
    let (kind, id, key) = match kind {
        KeyKind::Jwt | KeyKind::Worker if id.is_some() => {
            return Err(ConfigError::new("only a sealing key has an id: leave --id out").into());
        }
        KeyKind::Jwt => ("jwt", None, fresh_key::<64>(&SystemIds)),
        KeyKind::Worker => ("worker", None, fresh_key::<32>(&SystemIds)),
        KeyKind::Sealing => {
            let id = id.unwrap_or_else(|| SystemClock.now().format("%Y-%m-%d").to_string());
            let key = sealing_key(&id)?;
            ("sealing", Some(id), key)
        }
    };
    let key = key.expose_secret();
    if json {
        let id = id.as_deref();
        return Ok(print_json(&GeneratedKey { kind, id, key })?);
    }
    Ok(writeln!(std::io::stdout(), "{key}").context("cannot print")?)
}

fn sealing_key(id: &str) -> Result<SecretString, ConfigError> {
    let key = SealingKey::generate(id, &SystemIds);
    match SealingKey::parse(&key) {
        Ok(_) => Ok(key),
        Err(fault) => Err(ConfigError::new(fault.to_string())),
    }
}

/// A sealing key, as it is shown.
#[derive(Serialize)]
struct ShownKey {
    id: String,
    role: KeyRole,
    accounts: u64,
    pending_sign_ins: u64,
}

/// What a key is configured for.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum KeyRole {
    Seals,
    Opens,
    Missing,
}

impl ShownKey {
    fn of(id: &str, keys: &SealingKeys, uses: &[KeyUse]) -> Self {
        let found = uses.iter().find(|it| it.key_id == id);
        Self {
            role: match keys.has(id) {
                true if id == keys.sealing_id() => KeyRole::Seals,
                true => KeyRole::Opens,
                false => KeyRole::Missing,
            },
            id: id.to_owned(),
            accounts: found.map_or(0, |found| found.accounts),
            pending_sign_ins: found.map_or(0, |found| found.sign_ins),
        }
    }

    fn print(&self) -> anyhow::Result<()> {
        let Self {
            accounts,
            pending_sign_ins,
            ..
        } = self;
        let is_unused = accounts + pending_sign_ins == 0;
        let role = match self.role {
            KeyRole::Seals => "seals",
            KeyRole::Opens if is_unused => "opens, is not needed by the store",
            KeyRole::Opens => "opens",
            KeyRole::Missing => "is missing from store.sealing_keys",
        };
        let what = format!("{role}: {accounts} account(s), {pending_sign_ins} pending sign-in(s)");
        line(&self.id, &what)
    }
}

type KeysPlan = ((StorePlan, Patience), Arc<SealingKeys>);

async fn resealing(((store, patience), keys): KeysPlan) -> Result<Resealing, StartError> {
    let store = connect(&(store.with_deadline(DEADLINE), patience)).await?;
    Ok(Resealing {
        secrets: Arc::new(store),
        keys,
        ids: Arc::new(SystemIds),
    })
}

/// Shows the configured keys, in their order, and then those that are missing.
pub(crate) async fn status(plan: KeysPlan, json: bool) -> Result<(), StartError> {
    let resealing = resealing(plan).await?;
    let uses = resealing.uses().await.context(NOT_READ)?;
    let keys = &resealing.keys;
    let needed = uses.iter().map(|it| it.key_id.as_str());
    let missing = needed.filter(|id| !keys.has(id));
    let shown = keys.ids().chain(missing);
    let shown: Vec<_> = shown.map(|id| ShownKey::of(id, keys, &uses)).collect();
    if json {
        return Ok(print_json(&shown)?);
    }
    for key in shown {
        key.print()?;
    }
    Ok(())
}

/// What was re-sealed.
#[derive(Serialize)]
struct ResealedSecrets {
    key: String,
    resealed: u64,
    unreadable: u64,
}

/// Seals everything with the first key. What does not open is an error, after all else was done.
pub(crate) async fn reseal(plan: KeysPlan, json: bool) -> Result<(), StartError> {
    let resealing = resealing(plan).await?;
    let key = resealing.keys.sealing_id().to_owned();
    let outcome = resealing.run().await;
    audit(&key, &outcome);
    let report = outcome.context("not everything was re-sealed; run the same command again")?;
    let ResealReport {
        resealed,
        unreadable,
    } = report;
    if json {
        print_json(&ResealedSecrets {
            key,
            resealed,
            unreadable,
        })?;
    } else {
        line(&key, &format!("{resealed} secret(s) re-sealed with it"))?;
    }
    if unreadable > 0 {
        let error = anyhow!(
            "{unreadable} secret(s) do not open: their key is missing, or they were altered. `keys status` shows their keys"
        );
        return Err(error.into());
    }
    Ok(())
}

/// Logs who did what, unless nothing has changed. After a failure a part of it was done.
fn audit(key: &str, outcome: &Result<ResealReport, StoreError>) {
    let resealed = outcome.as_ref().ok().map(|report| report.resealed);
    if resealed == Some(0) {
        return;
    }
    info!(
        audit = true,
        operator = operator(),
        key.id = key,
        resealed,
        complete = outcome.is_ok(),
        "an operator sealed the store's secrets with another key"
    );
}
