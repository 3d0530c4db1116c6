use std::collections::{BTreeMap, BTreeSet};

use lemon_domain::values::{BudgetName, BudgetPolicy, Period, WindowPolicy};
use serde::Deserialize;

use super::{bounded::bounded, error::ConfigError};

/// The most units of a budget: every counter can count so many.
pub(crate) const MOST_UNITS: u32 = 1_000_000_000;

/// The default time at which a day begins.
pub(super) const TURNS_AT: &str = "06:00";
/// The default time zone of that time.
pub(super) const ZONE: &str = "Asia/Seoul";

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PeriodSettings {
    Daily,
    #[default]
    Monthly,
}

impl From<PeriodSettings> for Period {
    fn from(period: PeriodSettings) -> Self {
        match period {
            PeriodSettings::Daily => Self::Daily,
            PeriodSettings::Monthly => Self::Monthly,
        }
    }
}

/// The budgets that services share: a section for each budget, by its name.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct SharedBudgetsSettings(BTreeMap<String, SharedBudgetSettings>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SharedBudgetSettings {
    limit: u32,
    #[serde(default)]
    period: PeriodSettings,
    turns_at: Option<String>,
    zone: Option<String>,
}

/// A budget of a service: its own budget, with a limit, or a shared one, whose section has the limit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetSettings {
    units: u32,
    limit: Option<u32>,
    period: Option<PeriodSettings>,
    #[serde(default)]
    shared: bool,
}

impl SharedBudgetsSettings {
    /// Checks that some service takes from each of them.
    pub(super) fn check_used(&self, used: &BTreeSet<String>) -> Result<(), ConfigError> {
        match self.0.keys().find(|name| !used.contains(*name)) {
            Some(unused) => {
                let fault = format!(
                    "no service takes from it: set services.<path>.budgets.{unused}.shared = true"
                );
                Err(ConfigError::wrong(&format!("budgets.{unused}"), fault))
            }
            None => Ok(()),
        }
    }
}

impl SharedBudgetSettings {
    fn window(&self, section: &str) -> Result<WindowPolicy, ConfigError> {
        let turns_at = self.turns_at.as_deref().unwrap_or(TURNS_AT);
        let zone = self.zone.as_deref().unwrap_or(ZONE);
        WindowPolicy::parse(self.period.into(), turns_at, zone)
            .map_err(|fault| ConfigError::wrong(section, fault))
    }
}

impl BudgetSettings {
    pub(super) const fn is_shared(&self) -> bool {
        self.shared
    }

    /// The budget of that name of a service. `window` makes the windows of its own budgets.
    pub(super) fn build(
        &self,
        service: &str,
        name: &str,
        shared: &SharedBudgetsSettings,
        window: impl FnOnce(Period) -> Result<WindowPolicy, ConfigError>,
    ) -> Result<BudgetPolicy, ConfigError> {
        let section = format!("{service}.budgets.{name}");
        let units = format!("{section}.units");
        bounded(&units, &self.units, "units", &(1..=MOST_UNITS))?;
        let name = BudgetName::parse(name).map_err(|fault| ConfigError::wrong(service, fault))?;
        if name.as_str() == BudgetName::COOLDOWN {
            let fault = "a budget cannot have this name, because answers use it for the cooldown";
            return Err(ConfigError::wrong(&section, fault));
        }
        let (limited_by, limit, window) = if self.shared {
            let (limited_by, budget) = self.find_shared(&section, &name, shared)?;
            let window = budget.window(&limited_by)?;
            (format!("{limited_by}.limit"), budget.limit, window)
        } else {
            let limited_by = format!("{section}.limit");
            let Some(limit) = self.limit else {
                let why = "for every budget that is not shared";
                return Err(ConfigError::missing(&limited_by, why));
            };
            let period = self.period.unwrap_or_default();
            (limited_by, limit, window(period.into())?)
        };
        bounded(&limited_by, &limit, "units", &(1..=MOST_UNITS))?;
        if self.units > limit {
            let fault =
                format!("a use takes more than {limited_by}, so nobody could ever use the service");
            return Err(ConfigError::wrong(&units, fault));
        }
        Ok(BudgetPolicy {
            name,
            limit,
            units: self.units,
            window,
            is_shared: self.shared,
        })
    }

    /// The section of a shared budget, and its name.
    fn find_shared<'a>(
        &self,
        section: &str,
        name: &BudgetName,
        shared: &'a SharedBudgetsSettings,
    ) -> Result<(String, &'a SharedBudgetSettings), ConfigError> {
        let found = format!("budgets.{name}");
        if self.limit.is_some() || self.period.is_some() {
            let fault = format!("it is shared: its limit and period are those of {found}");
            return Err(ConfigError::wrong(section, fault));
        }
        let Some(budget) = shared.0.get(name.as_str()) else {
            let why = format!("because {section} is shared");
            return Err(ConfigError::missing(&format!("{found}.limit"), &why));
        };
        Ok((found, budget))
    }
}

#[cfg(test)]
mod tests {
    use lemon_domain::values::Catalogue;

    use super::*;
    use crate::config::services::ServicesSettings;

    /// The settings that a second service requires.
    const DRAW_ME: &str = "notification = 'Drawn.'\n\
        queues = { train = 'Train', ready = 'Ready', notify = 'Notify', delete = 'Delete' }\n";

    #[derive(Deserialize)]
    struct Both {
        #[serde(default)]
        services: ServicesSettings,
        #[serde(default)]
        budgets: SharedBudgetsSettings,
    }

    fn catalogue(toml: &str) -> Result<Catalogue, ConfigError> {
        let both: Both = config::Config::builder()
            .add_source(config::File::from_str(toml, config::FileFormat::Toml))
            .build()
            .unwrap()
            .try_deserialize()
            .unwrap();
        both.services.catalogue(&both.budgets)
    }

    #[test]
    fn services_share_a_budget_that_has_a_section_of_its_own() {
        let shares = |units| format!("budgets.reads = {{ units = {units}, shared = true }}\n");
        let services = format!(
            "[services.learn_me]\n{}[services.draw_me]\n{}{}",
            shares(30),
            DRAW_ME,
            shares(20)
        );
        let reads = "[budgets.reads]\nlimit = 90\nperiod = 'daily'\nzone = 'UTC'\n";
        let catalogue = catalogue(&format!("{reads}{services}")).unwrap();
        let budgets = catalogue.iter().map(|service| service.budgets[0].clone());
        let budgets: Vec<_> = budgets.collect();
        assert!(catalogue.shares());
        assert_eq!([budgets[0].units, budgets[1].units], [30, 20]);
        assert_eq!(budgets[0].window, budgets[1].window);
        assert_eq!(budgets[0].limit, 90);
    }

    #[test]
    fn a_wrong_shared_budget_is_reported_with_its_keys() {
        let reads = "[budgets.reads]\nlimit = 90\n";
        let learn_me = "[services.learn_me.budgets.reads]\n";
        let shared = format!("{learn_me}shared = true\n");
        for (toml, expected) in [
            (
                format!("{shared}units = 1"),
                "the configuration has no budgets.reads.limit (LEMON_BUDGETS__READS__LIMIT), which is required \
                 because services.learn_me.budgets.reads is shared",
            ),
            (
                reads.to_owned(),
                "the configuration's budgets.reads is wrong: no service takes from it: set \
                 services.<path>.budgets.reads.shared = true",
            ),
            (
                format!("{reads}{shared}units = 1\nlimit = 5"),
                "the configuration's services.learn_me.budgets.reads is wrong: it is shared: its limit and \
                 period are those of budgets.reads",
            ),
            (
                format!("{reads}{shared}units = 91"),
                "the configuration's services.learn_me.budgets.reads.units is wrong: a use takes more than \
                 budgets.reads.limit, so nobody could ever use the service",
            ),
            (
                format!("{learn_me}units = 1"),
                "the configuration has no services.learn_me.budgets.reads.limit \
                 (LEMON_SERVICES__LEARN_ME__BUDGETS__READS__LIMIT), which is required for every budget that is \
                 not shared",
            ),
        ] {
            assert_eq!(catalogue(&toml).unwrap_err().to_string(), expected);
        }
    }
}
