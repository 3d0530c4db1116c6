use std::fmt;

use lemon_domain::{
    ports::{GivenDirective, OutboxRecord, PersonRecord, RegistrationRecord, UseRecord},
    values::{Directive, PausablePart, TrainingState},
};
use serde::Serialize;

use super::letters::FoundDeadLetters;
use crate::commands::{line, listed_letter::ListedDeadLetter};

/// A person, as it is shown.
#[derive(Serialize)]
pub(super) struct ShownPerson {
    user_id: i64,
    twitter_id: String,
    /// `None` if the credentials were erased.
    sealing_key: Option<String>,
    signed_up_at: String,
    refreshed_at: String,
    registrations: Vec<ShownRegistration>,
    uses: Vec<ShownUse>,
    outbox: Vec<ShownOutboxRow>,
    /// The pauses for which jobs and ready messages of everybody wait.
    paused: Vec<ShownPause>,
    /// The dead letters about the account.
    dead_letters: Vec<ListedDeadLetter>,
    /// Why there may be further ones: the queues that could not be read, or not to their end.
    dead_letters_unread: Vec<String>,
}

#[derive(Serialize)]
struct ShownRegistration {
    service: String,
    request_id: String,
    state: &'static str,
    ready: bool,
    public: bool,
    requested_at: String,
    announced_at: Option<String>,
    announcements: u32,
    finished_at: Option<String>,
    can_use_at: String,
}

#[derive(Serialize)]
struct ShownUse {
    service: String,
    turn: u32,
    window_start: String,
    cooldown_until: String,
    request_id: Option<String>,
}

#[derive(Serialize)]
struct ShownOutboxRow {
    id: i64,
    task: &'static str,
    service: String,
    request_id: String,
    attempts: u32,
    created_at: String,
    due_at: String,
    set_aside_at: Option<String>,
}

#[derive(Serialize)]
struct ShownPause {
    part: &'static str,
    by: String,
    at: String,
}

impl ShownPerson {
    pub(super) fn of(
        person: &PersonRecord,
        directives: Vec<GivenDirective>,
        found: FoundDeadLetters,
    ) -> Self {
        Self {
            user_id: person.user.get(),
            twitter_id: person.account.user_id.to_string(),
            sealing_key: person.sealed_with.clone(),
            signed_up_at: person.signed_up_at.to_rfc3339(),
            refreshed_at: person.refreshed_at.to_rfc3339(),
            registrations: person.registrations.iter().map(registration).collect(),
            uses: person.uses.iter().map(used).collect(),
            outbox: person.outbox.iter().map(outbox_row).collect(),
            paused: directives.into_iter().filter_map(pause).collect(),
            dead_letters: found.letters,
            dead_letters_unread: found.unread,
        }
    }

    /// Prints a line for each thing.
    pub(super) fn print(&self) -> anyhow::Result<()> {
        self.print_person()?;
        for it in &self.registrations {
            line("registration", it)?;
        }
        for it in &self.uses {
            line("use", it)?;
        }
        for it in &self.outbox {
            line("to be sent", it)?;
        }
        for ShownPause { part, by, at } in &self.paused {
            line("paused", &format!("the {part}, by {by} at {at}"))?;
        }
        for it in &self.dead_letters {
            line("dead letter", it)?;
        }
        for why in &self.dead_letters_unread {
            line("unknown", &format!("further dead letters: {why}"))?;
        }
        Ok(())
    }

    fn print_person(&self) -> anyhow::Result<()> {
        let sealed = match &self.sealing_key {
            Some(key) => format!("sealed with the key {key}"),
            None => "its credentials were deleted".to_owned(),
        };
        let Self {
            user_id,
            twitter_id,
            signed_up_at,
            refreshed_at,
            ..
        } = self;
        line(
            "person",
            &format!(
                "{user_id}, the account {twitter_id}, {sealed}; signed up at {signed_up_at}, latest at {refreshed_at}"
            ),
        )
    }
}

impl fmt::Display for ShownRegistration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            request_id,
            state,
            requested_at,
            ..
        } = self;
        let public = if self.public { ", public" } else { "" };
        write!(
            f,
            "{service}, request {request_id}, {state}{public}; requested at {requested_at}"
        )?;
        if let Some(at) = &self.announced_at {
            write!(
                f,
                ", announced {} time(s), latest at {at}",
                self.announcements
            )?;
        }
        match &self.finished_at {
            Some(at) => write!(f, ", finished at {at}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ShownUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, turn {}, of the day from {}, cooldown until {}",
            self.service, self.turn, self.window_start, self.cooldown_until
        )
    }
}

impl fmt::Display for ShownOutboxRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} for {}, request {}, put at {}, {} attempt(s), ",
            self.task, self.service, self.request_id, self.created_at, self.attempts
        )?;
        match &self.set_aside_at {
            Some(at) => write!(f, "set aside at {at}"),
            None => write!(f, "due at {}", self.due_at),
        }
    }
}

fn registration(record: &RegistrationRecord) -> ShownRegistration {
    let shown = &record.shown;
    ShownRegistration {
        service: shown.service.to_string(),
        request_id: shown.request_id.to_string(),
        state: match shown.state {
            TrainingState::Training => "training",
            TrainingState::Ready => "ready",
            TrainingState::Failed => "failed",
        },
        ready: shown.ready,
        public: shown.public,
        requested_at: record.requested_at.to_rfc3339(),
        announced_at: record.announced_at.map(|at| at.to_rfc3339()),
        announcements: record.announcements,
        finished_at: record.finished_at.map(|at| at.to_rfc3339()),
        can_use_at: shown.can_use_at.to_rfc3339(),
    }
}

fn used(record: &UseRecord) -> ShownUse {
    ShownUse {
        service: record.service.to_string(),
        turn: record.last.turn,
        window_start: record.last.window_start.to_rfc3339(),
        cooldown_until: record.last.cooldown_until.to_rfc3339(),
        request_id: record.request_id.map(|id| id.to_string()),
    }
}

fn outbox_row(record: &OutboxRecord) -> ShownOutboxRow {
    ShownOutboxRow {
        id: record.id,
        task: record.kind.as_str(),
        service: record.service.to_string(),
        request_id: record.request_id.to_string(),
        attempts: record.attempts,
        created_at: record.created_at.to_rfc3339(),
        due_at: record.due_at.to_rfc3339(),
        set_aside_at: record.set_aside_at.map(|at| at.to_rfc3339()),
    }
}

/// A pause that keeps the jobs or ready messages of people waiting. That of a service only refuses registrations.
fn pause(given: GivenDirective) -> Option<ShownPause> {
    let part = match given.directive {
        Directive::Pause(PausablePart::Relay) => "relay",
        Directive::Pause(PausablePart::Listener) => "listener",
        Directive::Pause(PausablePart::Service(_)) | Directive::Limit { .. } => return None,
    };
    Some(ShownPause {
        part,
        by: given.by,
        at: given.at.to_rfc3339(),
    })
}
