use std::time::Duration;

use chrono::{DateTime, Utc};
use lemon_domain::values::{
    BudgetName, BudgetPolicy, Catalogue, Period, QueueName, Service, ServicePath, ServiceQueues,
    ServiceType, TrainingPolicy, WindowPolicy,
};

fn budget(name: &str, limit: u32, units: u32) -> BudgetPolicy {
    BudgetPolicy {
        name: BudgetName::parse(name).unwrap(),
        limit,
        units,
        window: WindowPolicy::parse(Period::Daily, "06:00", "Asia/Seoul").unwrap(),
        is_shared: false,
    }
}

fn service(service_type: &str, path: &str) -> Service {
    let queue = |name: &str| QueueName::parse(&format!("{service_type}-{name}")).unwrap();
    Service {
        service_type: ServiceType::parse(service_type).unwrap(),
        path: ServicePath::parse(path).unwrap(),
        daily: budget("daily", 400, 1),
        budgets: vec![],
        cooldown: Duration::from_secs(168 * 60 * 60),
        training: TrainingPolicy::default(),
        queues: ServiceQueues {
            train: queue("train"),
            ready: QueueName::parse("ready").unwrap(),
            notify: queue("notify"),
            delete: queue("delete"),
        },
        notification: "Ready.".to_owned(),
    }
}

fn fault(services: Vec<Service>) -> String {
    Catalogue::new(services).unwrap_err().to_string()
}

#[test]
fn services_are_found_by_type() {
    let services = vec![service("LEARNME", "learn_me"), service("DRAWME", "draw_me")];
    let catalogue = Catalogue::new(services.clone()).unwrap();
    for service in &services {
        let by_type = catalogue.by_type(&service.service_type).unwrap();
        assert_eq!(**by_type, *service);
    }
    let types: Vec<_> = catalogue.iter().map(|s| s.service_type.as_str()).collect();
    assert_eq!(types, ["LEARNME", "DRAWME"]);
    let unknown = ServiceType::parse("UNKNOWN").unwrap();
    assert!(catalogue.by_type(&unknown).is_none());
}

#[test]
fn a_type_or_path_occurs_once() {
    let twice = "the service catalogue has LEARNME twice";
    let same_type = vec![service("LEARNME", "a"), service("LEARNME", "b")];
    assert_eq!(fault(same_type), twice);
    let same_path = vec![service("OTHER", "a"), service("LEARNME", "a")];
    assert_eq!(fault(same_path), twice);
}

#[test]
fn a_budget_occurs_once_and_takes_units() {
    let twice = Service {
        budgets: vec![budget("daily", 1, 1)],
        ..service("LEARNME", "learn_me")
    };
    assert_eq!(
        fault(vec![twice]),
        "the service catalogue has the budget LEARNME.daily twice"
    );
    let nothing = Service {
        budgets: vec![budget("reads", 1, 0)],
        ..service("LEARNME", "learn_me")
    };
    assert_eq!(
        fault(vec![nothing]),
        "the service catalogue takes nothing from the budget LEARNME.reads"
    );
}

/// The headers of a refusal name the cooldown beside the budgets.
#[test]
fn no_budget_has_the_name_of_the_cooldown() {
    let service = Service {
        budgets: vec![budget("cooldown", 10, 1)],
        ..service("LEARNME", "learn_me")
    };
    assert_eq!(
        fault(vec![service]),
        "the service catalogue has the budget LEARNME.cooldown, but answers use this name for the cooldown"
    );
}

#[test]
fn a_use_never_takes_more_than_there_is() {
    let with = |limit, units| Service {
        budgets: vec![budget("reads", limit, units)],
        ..service("LEARNME", "learn_me")
    };
    assert!(Catalogue::new(vec![with(10, 10)]).is_ok());
    assert_eq!(
        fault(vec![with(10, 11)]),
        "the service catalogue takes 11 units at once from the budget LEARNME.reads, which has 10"
    );
}

#[test]
fn a_shared_budget_has_one_limit_and_one_window() {
    let with = |service: Service, limit, is_shared| Service {
        budgets: vec![BudgetPolicy {
            is_shared,
            ..budget("reads", limit, 1)
        }],
        ..service
    };
    let services = |limits: [u32; 2], is_shared| {
        vec![
            with(service("LEARNME", "learn_me"), limits[0], true),
            with(service("DRAWME", "draw_me"), limits[1], is_shared),
        ]
    };
    assert!(Catalogue::new(services([10, 10], true)).unwrap().shares());
    assert!(Catalogue::new(services([10, 20], false)).is_ok());
    assert_eq!(
        fault(services([10, 20], true)),
        "the service catalogue has the shared budget reads with other limits or windows for LEARNME and DRAWME"
    );
    let mut other = services([10, 10], true);
    other[1].budgets[0].window = WindowPolicy::parse(Period::Daily, "06:00", "UTC").unwrap();
    assert!(Catalogue::new(other).is_err());
    let mut daily = service("LEARNME", "learn_me");
    daily.daily.is_shared = true;
    assert_eq!(
        fault(vec![daily]),
        "the service catalogue shares the budget of the day's places, LEARNME.daily"
    );
}

#[test]
fn a_queue_has_one_role_and_jobs_are_for_one_service() {
    type Field = fn(&mut ServiceQueues) -> &mut QueueName;
    let roles: [(&str, Field); 4] = [
        ("train", |queues| &mut queues.train),
        ("ready", |queues| &mut queues.ready),
        ("notify", |queues| &mut queues.notify),
        ("delete", |queues| &mut queues.delete),
    ];
    let shared = QueueName::parse("shared").unwrap();
    for (first, of_first) in roles {
        for (second, of_second) in roles {
            let mut learn_me = service("LEARNME", "learn_me");
            let mut draw_me = service("DRAWME", "draw_me");
            *of_first(&mut learn_me.queues) = shared.clone();
            *of_second(&mut draw_me.queues) = shared.clone();
            let outcome = Catalogue::new(vec![learn_me, draw_me]);
            if first == second && ["ready", "notify"].contains(&first) {
                assert!(outcome.is_ok(), "{first}");
                continue;
            }
            assert_eq!(
                outcome.unwrap_err().to_string(),
                format!(
                    "the service catalogue has the queue shared twice, as LEARNME's {first} queue and \
                     DRAWME's {second} queue"
                )
            );
        }
    }
}

#[test]
fn a_use_takes_one_unit_of_the_day() {
    for daily in [budget("daily", 400, 2), budget("day", 400, 1)] {
        let service = Service {
            daily,
            ..service("LEARNME", "learn_me")
        };
        assert_eq!(
            fault(vec![service]),
            "the service catalogue does not take exactly one unit of the budget LEARNME.daily"
        );
    }
}

#[test]
fn a_training_has_a_deadline_and_is_announced_within_bounds() {
    let policy = |seconds, attempts| TrainingPolicy {
        deadline: Duration::from_secs(seconds),
        attempts,
    };
    let with = |training| Service {
        training,
        ..service("LEARNME", "learn_me")
    };
    for right in [policy(1, 1), policy(30 * 24 * 60 * 60, 100)] {
        assert!(Catalogue::new(vec![with(right)]).is_ok(), "{right:?}");
    }
    for wrong in [policy(0, 3), policy(30 * 24 * 60 * 60 + 1, 3)] {
        assert_eq!(
            fault(vec![with(wrong)]),
            "the service catalogue has for LEARNME a training deadline that is not 1 second to 30 days"
        );
    }
    for wrong in [policy(60, 0), policy(60, 101)] {
        assert_eq!(
            fault(vec![with(wrong)]),
            "the service catalogue has for LEARNME a number of training attempts that is not 1 to 100"
        );
    }
}

#[test]
fn every_queue_occurs_once() {
    let services = vec![service("LEARNME", "learn_me"), service("DRAWME", "draw_me")];
    let catalogue = Catalogue::new(services).unwrap();
    let ready: Vec<_> = catalogue.ready_queues().into_iter().collect();
    assert_eq!(ready, [QueueName::parse("ready").unwrap()]);
    assert_eq!(catalogue.queues().len(), 7);
}

#[test]
fn a_use_takes_the_days_place_first_and_then_the_further_budgets() {
    let service = Service {
        budgets: vec![budget("reads", 1000, 10), budget("posts", 50, 2)],
        ..service("LEARNME", "learn_me")
    };
    let now: DateTime<Utc> = "2026-11-23T03:00:00Z".parse().unwrap();
    let budgets = service.budgets_at(now);
    let taken: Vec<_> = budgets
        .iter()
        .map(|it| (it.key.budget.as_str(), it.limit, it.units))
        .collect();
    assert_eq!(
        taken,
        [("daily", 400, 1), ("reads", 1000, 10), ("posts", 50, 2)]
    );
    for budget in budgets {
        assert_eq!(budget.key.scope, (&service.service_type).into());
        assert_eq!(budget.key.window, service.daily.window.window_at(now));
    }
}
