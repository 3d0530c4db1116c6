use std::{collections::BTreeMap, time::Duration};

use lemon_domain::values::{
    BudgetName, BudgetPolicy, Catalogue, InvalidValue, Period, QueueName, Service, ServicePath,
    ServiceQueues, ServiceType, TrainingPolicy, WindowPolicy,
};
use serde::Deserialize;

/// The service that is always there.
const LEARN_ME: &str = "learn_me";

/// The catalogue: a section a service, named by its path.
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
    notification: String,
    budgets: BTreeMap<String, BudgetSettings>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        let training = TrainingPolicy::default();
        Self {
            r#type: None,
            daily_limit: 400,
            turns_at: "06:00".to_owned(),
            zone: "Asia/Seoul".to_owned(),
            cooldown_seconds: 7 * 24 * 60 * 60,
            training_deadline_seconds: training.deadline.as_secs(),
            training_attempts: training.attempts,
            queues: QueuesSettings::default(),
            notification: "Your Learn Me chatbot is ready. 🍋 챗봇이 준비됐어요!".to_owned(),
            budgets: BTreeMap::new(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QueuesSettings {
    train: String,
    ready: String,
    notify: String,
    delete: String,
}

impl Default for QueuesSettings {
    fn default() -> Self {
        Self {
            train: "TweetGetRequestQueue".to_owned(),
            ready: "ServiceReadyQueue".to_owned(),
            notify: "TweetNotificationQueue".to_owned(),
            delete: "LearnMeTrainDataDeleteRequestQueue".to_owned(),
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PeriodSettings {
    Daily,
    #[default]
    Monthly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetSettings {
    limit: u32,
    units: u32,
    #[serde(default)]
    period: PeriodSettings,
}

impl ServicesSettings {
    /// The catalogue of these sections.
    pub(crate) fn catalogue(mut self) -> Result<Catalogue, InvalidValue> {
        self.0.entry(LEARN_ME.to_owned()).or_default();
        let services = self.0.into_iter().map(|(path, s)| s.service(&path));
        Catalogue::new(services.collect::<Result<_, _>>()?)
    }
}

impl ServiceSettings {
    fn service(self, path: &str) -> Result<Service, InvalidValue> {
        let window = |period| WindowPolicy::parse(period, &self.turns_at, &self.zone);
        let budgets = self
            .budgets
            .iter()
            .map(|(name, budget)| {
                Ok(BudgetPolicy {
                    name: BudgetName::parse(name)?,
                    limit: budget.limit,
                    units: budget.units,
                    window: window(match budget.period {
                        PeriodSettings::Daily => Period::Daily,
                        PeriodSettings::Monthly => Period::Monthly,
                    })?,
                })
            })
            .collect::<Result<_, InvalidValue>>()?;
        let service_type = self
            .r#type
            .clone()
            .unwrap_or_else(|| path.to_uppercase().replace('_', ""));
        Ok(Service {
            service_type: ServiceType::parse(&service_type)?,
            path: ServicePath::parse(path)?,
            daily: BudgetPolicy {
                name: BudgetName::daily(),
                limit: self.daily_limit,
                units: 1,
                window: window(Period::Daily)?,
            },
            budgets,
            cooldown: Duration::from_secs(self.cooldown_seconds),
            training: TrainingPolicy {
                deadline: Duration::from_secs(self.training_deadline_seconds),
                attempts: self.training_attempts,
            },
            queues: ServiceQueues {
                train: QueueName::parse(&self.queues.train)?,
                ready: QueueName::parse(&self.queues.ready)?,
                notify: QueueName::parse(&self.queues.notify)?,
                delete: QueueName::parse(&self.queues.delete)?,
            },
            notification: self.notification,
        })
    }
}
