use anyhow::Context;
use lemon_domain::{
    ports::{Clock, Directives, GivenDirective},
    values::{BudgetName, Catalogue, Directive, PausablePart, Scope, Service},
};
use lemon_postgres::SqlStore;
use lemon_system::SystemClock;
use serde::Serialize;
use tracing::info;

use super::{
    line,
    operator::{connect, operator, print_json},
};
use crate::{
    app::{Patience, StartError, StorePlan},
    cli::{LimitsAction, PauseArgs},
    config::{ConfigError, MOST_PLACES, MOST_UNITS},
};

const NOT_DIRECTED: &str = "the directives cannot be read or written";

/// The name of the shared scope on the command line.
const SHARED: &str = "shared";

/// What these commands work on: the store, and the services whose names they take.
pub(crate) struct DirectivesPlan {
    pub(crate) store: (StorePlan, Patience),
    pub(crate) catalogue: Catalogue,
}

impl DirectivesPlan {
    async fn store(&self) -> Result<SqlStore, StartError> {
        connect(&self.store).await
    }

    /// What is directed now.
    async fn given(&self) -> Result<Vec<GivenDirective>, StartError> {
        let store = self.store().await?;
        Ok(store.directives().await.context(NOT_DIRECTED)?)
    }

    fn service(&self, path: &str) -> Result<&Service, ConfigError> {
        let found = self
            .catalogue
            .iter()
            .find(|service| service.path.as_str() == path);
        found.map(|service| &**service).ok_or_else(|| {
            let known: Vec<_> = self.catalogue.iter().map(|it| it.path.as_str()).collect();
            ConfigError::new(format!(
                "no service is {path:?}; there is {}",
                known.join(", ")
            ))
        })
    }

    /// Every budget with its configured limit and the units that a use takes, by its name on the command line.
    fn budgets(&self) -> Vec<NamedBudget> {
        let mut budgets = Vec::<NamedBudget>::new();
        for service in self.catalogue.iter() {
            for policy in std::iter::once(&service.daily).chain(&service.budgets) {
                let (owner, scope) = if policy.is_shared {
                    (SHARED.to_owned(), Scope::shared())
                } else {
                    (
                        service.path.as_str().to_owned(),
                        Scope::from(&service.service_type),
                    )
                };
                let name = format!("{owner}.{}", policy.name);
                match budgets.iter_mut().find(|budget| budget.name == name) {
                    // Several services take from it: the limit must suffice for each.
                    Some(budget) => budget.units = budget.units.max(policy.units),
                    None => budgets.push(NamedBudget {
                        name,
                        scope,
                        budget: policy.name.clone(),
                        limit: policy.limit,
                        units: policy.units,
                    }),
                }
            }
        }
        budgets
    }

    fn budget(&self, name: &str) -> Result<NamedBudget, ConfigError> {
        let mut budgets = self.budgets();
        if let Some(at) = budgets.iter().position(|budget| budget.name == name) {
            return Ok(budgets.swap_remove(at));
        }
        let known: Vec<_> = budgets.into_iter().map(|budget| budget.name).collect();
        let fault = format!("no budget is {name:?}; there is {}", known.join(", "));
        Err(ConfigError::new(fault))
    }
}

/// A budget, as it is named on the command line.
struct NamedBudget {
    name: String,
    scope: Scope,
    budget: BudgetName,
    limit: u32,
    units: u32,
}

impl NamedBudget {
    /// The highest limit, as in the configuration.
    fn most(&self) -> u32 {
        if self.budget == BudgetName::daily() {
            MOST_PLACES
        } else {
            MOST_UNITS
        }
    }

    fn directive(&self) -> Directive {
        Directive::Limit {
            scope: self.scope.clone(),
            budget: self.budget.clone(),
        }
    }
}

/// A limit, as it is shown.
#[derive(Serialize)]
struct LimitInForce {
    budget: String,
    limit: u32,
    configured: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_at: Option<String>,
}

/// Shows, sets or clears limits.
pub(crate) async fn limits(plan: DirectivesPlan, action: LimitsAction) -> Result<(), StartError> {
    match action {
        LimitsAction::Show { json } => show_limits(&plan, json).await,
        LimitsAction::Set { budget, limit } => {
            let budget = plan.budget(&budget)?;
            if limit != 0 && limit < budget.units {
                let fault = format!(
                    "the limit is less than the {} unit(s) of one use: nobody would get a place. To let nobody in, set it to 0",
                    budget.units
                );
                return Err(ConfigError::new(fault).into());
            }
            let most = budget.most();
            if limit > most {
                let fault = format!("the limit must be a number from 0 to {most}");
                return Err(ConfigError::new(fault).into());
            }
            let given = given(budget.directive(), Some(limit));
            let store = plan.store().await?;
            store.give(&given).await.context(NOT_DIRECTED)?;
            audit("set a limit", &given.directive, given.value);
            line(
                &budget.name,
                &format!("{limit} instead of {}", budget.limit),
            )?;
            Ok(())
        }
        LimitsAction::Clear { budget } => {
            let budget = plan.budget(&budget)?;
            let store = plan.store().await?;
            let directive = budget.directive();
            let was_set = store.withdraw(&directive).await.context(NOT_DIRECTED)?;
            if was_set {
                audit("cleared a limit", &directive, None);
            }
            line(&budget.name, &format!("{}, as configured", budget.limit))?;
            Ok(())
        }
    }
}

async fn show_limits(plan: &DirectivesPlan, json: bool) -> Result<(), StartError> {
    let all = plan.given().await?;
    let limits: Vec<_> = plan
        .budgets()
        .into_iter()
        .map(|budget| {
            let directive = budget.directive();
            let set = all.iter().find(|given| given.directive == directive);
            LimitInForce {
                limit: set.and_then(|given| given.value).unwrap_or(budget.limit),
                configured: budget.limit,
                set_by: set.map(|given| given.by.clone()),
                set_at: set.map(|given| given.at.to_rfc3339()),
                budget: budget.name,
            }
        })
        .collect();
    if json {
        return Ok(print_json(&limits)?);
    }
    for limit in limits {
        let set = match (&limit.set_by, &limit.set_at) {
            (Some(by), Some(at)) => {
                format!(", set by {by} at {at}; configured {}", limit.configured)
            }
            _ => String::new(),
        };
        line(&limit.budget, &format!("{}{set}", limit.limit))?;
    }
    Ok(())
}

/// A part that is paused, as it is shown.
#[derive(Serialize)]
struct PausedPart {
    part: String,
    by: String,
    at: String,
}

/// Pauses a part, or shows what is paused.
pub(crate) async fn pause(plan: DirectivesPlan, args: PauseArgs) -> Result<(), StartError> {
    let Some(part) = args.part else {
        return show_paused(&plan, args.json).await;
    };
    let directive = Directive::Pause(parse_part(&plan, &part)?);
    let given = given(directive, None);
    let store = plan.store().await?;
    store.give(&given).await.context(NOT_DIRECTED)?;
    audit("paused a part", &given.directive, None);
    line(&part, &"paused")?;
    Ok(())
}

/// Resumes a part.
pub(crate) async fn resume(plan: DirectivesPlan, part: &str) -> Result<(), StartError> {
    let directive = Directive::Pause(parse_part(&plan, part)?);
    let store = plan.store().await?;
    let was_paused = store.withdraw(&directive).await.context(NOT_DIRECTED)?;
    if was_paused {
        audit("resumed a part", &directive, None);
    }
    line(
        part,
        &if was_paused {
            "resumed"
        } else {
            "was not paused"
        },
    )?;
    Ok(())
}

async fn show_paused(plan: &DirectivesPlan, json: bool) -> Result<(), StartError> {
    let all = plan.given().await?;
    let paused: Vec<_> = all
        .into_iter()
        .filter_map(|given| match &given.directive {
            Directive::Pause(part) => Some(PausedPart {
                part: part_name(plan, part),
                by: given.by,
                at: given.at.to_rfc3339(),
            }),
            Directive::Limit { .. } => None,
        })
        .collect();
    if json {
        return Ok(print_json(&paused)?);
    }
    for PausedPart { part, by, at } in paused {
        line(&part, &format!("paused by {by} at {at}"))?;
    }
    Ok(())
}

fn parse_part(plan: &DirectivesPlan, name: &str) -> Result<PausablePart, ConfigError> {
    match name {
        "relay" => Ok(PausablePart::Relay),
        "listener" => Ok(PausablePart::Listener),
        path => {
            let service = plan.service(path)?;
            Ok(PausablePart::Service(service.service_type.clone()))
        }
    }
}

fn part_name(plan: &DirectivesPlan, part: &PausablePart) -> String {
    match part {
        PausablePart::Relay => "relay".to_owned(),
        PausablePart::Listener => "listener".to_owned(),
        PausablePart::Service(service) => match plan.catalogue.by_type(service) {
            Some(service) => service.path.as_str().to_owned(),
            None => service.to_string(),
        },
    }
}

fn given(directive: Directive, value: Option<u32>) -> GivenDirective {
    GivenDirective {
        directive,
        value,
        by: operator(),
        at: SystemClock.now(),
    }
}

fn audit(what: &str, directive: &Directive, value: Option<u32>) {
    info!(
        audit = true,
        operator = operator(),
        directive = %directive,
        directive.value = value,
        "an operator {what}"
    );
}
