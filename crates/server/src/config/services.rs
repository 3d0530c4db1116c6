use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lemon_domain::values::{
    BudgetName, BudgetPolicy, Catalogue, InvalidValue, Period, QueueName, Service, ServicePath,
    ServiceQueues, ServiceType, TrainingPolicy, WindowPolicy,
};
use serde::Deserialize;

use super::{
    bounded::{LONGEST_SECONDS, bounded},
    budgets::{BudgetSettings, SharedBudgetsSettings, TURNS_AT, ZONE},
    error::ConfigError,
};

/// The service that always exists, and the only one with default queues and notification.
const LEARN_ME: &str = "learn_me";

/// The most places a day: ten times as many as were tested.
pub(crate) const MOST_PLACES: u32 = 10_000_000;

/// The catalogue: a section for each service, named by its path.
#[derive(Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct ServicesSettings(BTreeMap<String, ServiceSettings>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ServiceSettings {
    r#type: Option<String>,
    daily_limit: u32,
    turns_at: String,
    zone: String,
    cooldown_seconds: u64,
    training_deadline_seconds: u64,
    training_attempts: u32,
    queues: QueuesSettings,
    notification: Option<String>,
    budgets: BTreeMap<String, BudgetSettings>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        let training = TrainingPolicy::default();
        Self {
            r#type: None,
            daily_limit: 400,
            turns_at: TURNS_AT.to_owned(),
            zone: ZONE.to_owned(),
            cooldown_seconds: 7 * 24 * 60 * 60,
            training_deadline_seconds: training.deadline.as_secs(),
            training_attempts: training.attempts,
            queues: QueuesSettings::default(),
            notification: None,
            budgets: BTreeMap::new(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QueuesSettings {
    train: Option<String>,
    ready: Option<String>,
    notify: Option<String>,
    delete: Option<String>,
}

impl ServicesSettings {
    /// The catalogue of these sections: first Learn Me, which the page shows, and then the others by their paths.
    pub(crate) fn catalogue(
        mut self,
        shared: &SharedBudgetsSettings,
    ) -> Result<Catalogue, ConfigError> {
        let mut learn_me = self.0.remove(LEARN_ME).unwrap_or_default();
        learn_me.take_defaults_of_learn_me();
        let all = self.0.values().chain([&learn_me]);
        shared.check_used(&all.flat_map(ServiceSettings::shared).collect())?;
        let learn_me = learn_me.build(LEARN_ME, shared);
        let others = self
            .0
            .into_iter()
            .map(|(path, service)| service.build(&path, shared));
        let services = std::iter::once(learn_me).chain(others);
        Catalogue::new(services.collect::<Result<_, _>>()?)
            .map_err(|fault| ConfigError::wrong("services", fault))
    }
}

impl ServiceSettings {
    /// Sets the queue names that its workers use, and the text of its notification.
    fn take_defaults_of_learn_me(&mut self) {
        let queues = &mut self.queues;
        for (queue, name) in [
            (&mut queues.train, "TweetGetRequestQueue"),
            (&mut queues.ready, "ServiceReadyQueue"),
            (&mut queues.notify, "TweetNotificationQueue"),
            (&mut queues.delete, "LearnMeTrainDataDeleteRequestQueue"),
            (
                &mut self.notification,
                "Your Learn Me chatbot is ready. 🍋 챗봇이 준비됐어요!",
            ),
        ] {
            queue.get_or_insert_with(|| name.to_owned());
        }
    }

    /// The names of the shared budgets that it takes from.
    fn shared(&self) -> BTreeSet<String> {
        let budgets = self.budgets.iter();
        let shared = budgets.filter(|(_, budget)| budget.is_shared());
        shared.map(|(name, _)| name.clone()).collect()
    }

    fn build(self, path: &str, shared: &SharedBudgetsSettings) -> Result<Service, ConfigError> {
        let section = format!("services.{path}");
        self.check_numbers(&section)?;
        let wrong = |fault| ConfigError::wrong(&section, fault);
        let window = |period| self.window(period).map_err(wrong);
        let budgets = self
            .budgets
            .iter()
            .map(|(name, budget)| budget.build(&section, name, shared, window));
        let budgets = budgets.collect::<Result<_, _>>()?;
        let daily = BudgetPolicy {
            name: BudgetName::daily(),
            limit: self.daily_limit,
            units: 1,
            window: window(Period::Daily)?,
            is_shared: false,
        };
        let service_type = self
            .r#type
            .unwrap_or_else(|| path.to_uppercase().replace('_', ""));
        Ok(Service {
            service_type: ServiceType::parse(&service_type).map_err(wrong)?,
            path: ServicePath::parse(path).map_err(wrong)?,
            daily,
            budgets,
            cooldown: Duration::from_secs(self.cooldown_seconds),
            training: TrainingPolicy {
                deadline: Duration::from_secs(self.training_deadline_seconds),
                attempts: self.training_attempts,
            },
            queues: self.queues.build(&section)?,
            notification: required(&section, "notification", self.notification)?,
        })
    }

    /// Checks that no number can do harm.
    fn check_numbers(&self, section: &str) -> Result<(), ConfigError> {
        let key = |name: &str| format!("{section}.{name}");
        let seconds = |name, value: u64, bounds| bounded(&key(name), &value, "seconds", &bounds);
        let daily = (self.daily_limit, 0..=MOST_PLACES);
        bounded(&key("daily_limit"), &daily.0, "places", &daily.1)?;
        seconds(
            "cooldown_seconds",
            self.cooldown_seconds,
            0..=LONGEST_SECONDS,
        )?;
        let (least, most) = TrainingPolicy::DEADLINES.into_inner();
        let deadlines = least.as_secs()..=most.as_secs();
        let deadline = self.training_deadline_seconds;
        seconds("training_deadline_seconds", deadline, deadlines)?;
        let attempts = key("training_attempts");
        let of = "announcements";
        bounded(
            &attempts,
            &self.training_attempts,
            of,
            &TrainingPolicy::ATTEMPTS,
        )
    }

    fn window(&self, period: Period) -> Result<WindowPolicy, InvalidValue> {
        WindowPolicy::parse(period, &self.turns_at, &self.zone)
    }
}

impl QueuesSettings {
    fn build(self, section: &str) -> Result<ServiceQueues, ConfigError> {
        let queue = |role: &str, name| {
            let key = format!("queues.{role}");
            QueueName::parse(&required(section, &key, name)?)
                .map_err(|fault| ConfigError::wrong(&format!("{section}.{key}"), fault))
        };
        Ok(ServiceQueues {
            train: queue("train", self.train)?,
            ready: queue("ready", self.ready)?,
            notify: queue("notify", self.notify)?,
            delete: queue("delete", self.delete)?,
        })
    }
}

/// A value without a default, because the default of another service would be wrong.
fn required(section: &str, key: &str, value: Option<String>) -> Result<String, ConfigError> {
    let key = format!("{section}.{key}");
    match value {
        Some(value) if value.trim().is_empty() => Err(ConfigError::wrong(&key, "it is empty")),
        Some(value) => Ok(value),
        None => {
            let why = format!("for every service but {LEARN_ME}");
            Err(ConfigError::missing(&key, &why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(toml: &str) -> Result<Catalogue, ConfigError> {
        config::Config::builder()
            .add_source(config::File::from_str(toml, config::FileFormat::Toml))
            .build()
            .unwrap()
            .try_deserialize::<ServicesSettings>()
            .unwrap()
            .catalogue(&SharedBudgetsSettings::default())
    }

    fn fault(toml: &str) -> String {
        catalogue(toml).unwrap_err().to_string()
    }

    /// A second service with all required keys except one.
    fn draw_me(without: &str) -> String {
        let queues = ["train", "ready", "notify", "delete"]
            .into_iter()
            .filter(|role| *role != without)
            .map(|role| format!("queues.{role} = 'DrawMe-{role}'\n"));
        let notification = "notification = 'Drawn.'\n";
        let notification = if without == "notification" {
            ""
        } else {
            notification
        };
        format!("[draw_me]\n{}{notification}", queues.collect::<String>())
    }

    #[test]
    fn a_second_service_is_a_section() {
        let catalogue = catalogue(&draw_me("")).unwrap();
        let services: Vec<_> = catalogue
            .iter()
            .map(|service| service.path.as_str())
            .collect();
        assert_eq!(services, ["learn_me", "draw_me"]);
        let drawing = catalogue.iter().nth(1).unwrap();
        assert_eq!(drawing.service_type.as_str(), "DRAWME");
        assert_eq!(drawing.queues.train.as_str(), "DrawMe-train");
        assert_eq!(drawing.notification, "Drawn.");
    }

    #[test]
    fn only_learn_me_has_default_queues_and_a_default_notification() {
        for key in [
            "queues.train",
            "queues.ready",
            "queues.notify",
            "queues.delete",
            "notification",
        ] {
            let without = key.rsplit('.').next().unwrap();
            let variable = key.replace('.', "__").to_uppercase();
            let expected = format!(
                "the configuration has no services.draw_me.{key} (LEMON_SERVICES__DRAW_ME__{variable}), \
                 which is required for every service but learn_me"
            );
            assert_eq!(fault(&draw_me(without)), expected);
        }
    }

    #[test]
    fn an_empty_queue_or_notification_is_refused() {
        for empty in ["notification = ' '", "queues.ready = ''"] {
            let said = fault(&format!("[learn_me]\n{empty}"));
            assert!(said.ends_with("is wrong: it is empty"), "{said}");
        }
    }

    #[test]
    fn a_queue_of_two_services_is_refused_with_both_names() {
        let shared = draw_me("train") + "queues.train = 'TweetGetRequestQueue'\n";
        assert_eq!(
            fault(&shared),
            "the configuration's services is wrong: the service catalogue has the queue \
             TweetGetRequestQueue twice, as LEARNME's train queue and DRAWME's train queue"
        );
    }

    #[test]
    fn units_that_no_window_has_are_refused_with_both_keys() {
        let budget = |limit, units| {
            catalogue(&format!(
                "[learn_me.budgets.reads]\nlimit = {limit}\nunits = {units}"
            ))
        };
        assert!(budget(10, 10).is_ok());
        assert_eq!(
            budget(10, 11).unwrap_err().to_string(),
            "the configuration's services.learn_me.budgets.reads.units is wrong: a use takes more than \
             services.learn_me.budgets.reads.limit, so nobody could ever use the service"
        );
    }

    #[test]
    fn a_budget_with_the_name_of_the_cooldown_is_refused_with_its_key() {
        assert_eq!(
            fault("[learn_me.budgets.cooldown]\nlimit = 10\nunits = 1"),
            "the configuration's services.learn_me.budgets.cooldown is wrong: a budget cannot have this name, \
             because answers use it for the cooldown"
        );
    }

    #[test]
    fn a_wrong_service_is_reported_with_its_section() {
        let said = fault("[learn_me]\nqueues.ready = 'not a queue'");
        assert!(
            said.contains("services.learn_me.queues.ready is wrong"),
            "{said}"
        );
        let said = fault("[learn_me]\nzone = 'Mars/Base'");
        assert!(said.contains("services.learn_me is wrong"), "{said}");
    }
}
