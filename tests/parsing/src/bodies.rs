//! Messages of queues, and their receipts.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use lemon_domain::{
    ports::{Delivery, Depth, JobQueue, Outgoing, QueueError, Receipt},
    sealing::{SealingKey, SealingKeys},
    values::QueueName,
};
use lemon_embedded::{EmbeddedJobQueue, EmbeddedQueueConfig};
use lemon_fakes::{FakeClock, SequentialIds};
use lemon_worker::messages::{MalformedReady, account_of, parse_ready};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::runtime::{must_not_quote, runtime};

/// A ready message: what is read means the same when it is written again, and a refusal has fixed words.
pub(crate) fn bodies(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match parse_ready(&text) {
        Ok(ready) => {
            assert_eq!(account_of(&text), Some(ready.account));
            let again = json!({
                "oauth_user_id": ready.account.user_id.get(),
                "oauth_type": ready.account.provider.as_str(),
                "service_name": ready.service.as_str(),
                "request_id": ready.request_id,
            });
            assert_eq!(parse_ready(&again.to_string()), Ok(ready));
            means_the_same(&text, &again);
        }
        Err(error) => {
            must_not_quote(&error);
            assert!(is_of_fixed_words(&error), "{error}");
            if let Some(account) = account_of(&text) {
                assert!(account.user_id.get() > 0);
            }
        }
    }
}

/// The fields as they are in the text. A list of them in their order is a ready message, too, and is not compared.
fn means_the_same(text: &str, read: &Value) {
    let said: Value = serde_json::from_str(text).unwrap();
    if said.is_object() {
        for field in ["oauth_user_id", "oauth_type", "service_name"] {
            assert_eq!(said[field], read[field]);
        }
        let id = |it: &Value| it["request_id"].as_str().map(Uuid::parse_str);
        assert_eq!(id(&said), id(read));
    }
}

fn is_of_fixed_words(error: &MalformedReady) -> bool {
    match error {
        MalformedReady::Json { fault, .. } => [
            "invalid JSON",
            "incomplete JSON",
            "a missing field or a wrong type",
        ]
        .contains(fault),
        MalformedReady::Value { field } => {
            ["oauth_type", "oauth_user_id", "service_name"].contains(field)
        }
        _ => false,
    }
}

/// A queue with one delivery in flight.
struct HeldDelivery {
    queue: EmbeddedJobQueue,
    delivery: Delivery,
    _folder: TempDir,
}

fn name() -> QueueName {
    QueueName::parse("Jobs").unwrap()
}

fn held() -> &'static HeldDelivery {
    static HELD: OnceLock<HeldDelivery> = OnceLock::new();
    HELD.get_or_init(|| runtime().block_on(hold()))
}

async fn hold() -> HeldDelivery {
    let folder = tempfile::tempdir().unwrap();
    let config = EmbeddedQueueConfig::new(folder.path().join("queue.db"), [name()].into());
    let key = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let keys = SealingKeys::new(vec![SealingKey::parse(&key.into()).unwrap()]).unwrap();
    let (clock, ids) = (Arc::<FakeClock>::default(), Arc::<SequentialIds>::default());
    let queue = EmbeddedJobQueue::open(&config, Arc::new(keys), clock, ids).unwrap();
    let message = Outgoing {
        id: Uuid::nil(),
        body: "held".to_owned(),
        trace: None,
    };
    let sent = queue.send(&name(), vec![message]).await;
    assert!(sent.iter().all(Result::is_ok));
    let delivery = queue.receive(&name(), 1, Duration::ZERO).await.unwrap();
    HeldDelivery {
        delivery: delivery.into_iter().next().unwrap(),
        queue,
        _folder: folder,
    }
}

/// A receipt that was not given is stale for every call, and changes nothing.
pub(crate) fn receipts(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let held = held();
    if text == held.delivery.receipt.0 {
        return;
    }
    runtime().block_on(async {
        let (queue, name) = (&held.queue, name());
        let receipt = Receipt(text);
        let mut outcomes = queue.ack(&name, std::slice::from_ref(&receipt)).await;
        outcomes.push(queue.retry_after(&name, &receipt, Duration::ZERO).await);
        outcomes.push(queue.extend(&name, &receipt, Duration::ZERO).await);
        let delivery = Delivery {
            receipt,
            ..held.delivery.clone()
        };
        outcomes.push(queue.dead_letter(&name, &delivery, "a test").await);
        for outcome in outcomes {
            let error = outcome.unwrap_err();
            assert!(matches!(error, QueueError::StaleReceipt), "{error:?}");
        }
        let untouched = Depth {
            in_flight: 1,
            ..Depth::default()
        };
        assert_eq!(queue.depth(&name).await.unwrap(), untouched);
    });
}
