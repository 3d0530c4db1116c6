//! The document of the queues says what is really sent, and what is really taken.

use jsonschema::Validator;
use lemon_consumer::Handler;
use lemon_domain::{
    ports::JobQueue,
    usecases::{Job, JobAccess},
    values::{AccountId, Catalogue, Credentials, JobTicket, ProviderUserId, RequestId},
};
use lemon_worker::messages::render;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::world::World;

const CREDENTIALS: &str = "JobCredentials";
const REQUEST: &str = "6c84fb90-12c4-11e1-840d-7b25c5ee775a";

fn document(catalogue: &Catalogue) -> Value {
    serde_json::from_str(&lemon_worker::asyncapi(catalogue)).unwrap()
}

fn validator(schema: &Value) -> Validator {
    jsonschema::draft7::new(schema).unwrap()
}

/// A job of each kind for this person.
fn jobs(world: &World, user_id: i64, text: &str) -> [(&'static str, Job); 5] {
    let account = AccountId::twitter(ProviderUserId::try_from(user_id).unwrap());
    let inline = JobAccess::Inline(Credentials::new(text, text));
    let ticket = JobAccess::Ticket(JobTicket::of_random(&[7; JobTicket::BYTES]));
    let service = world.service().service_type.clone();
    let request_id = RequestId::new(Uuid::parse_str(REQUEST).unwrap());
    let train = |access: &JobAccess| Job::Train {
        account,
        access: access.clone(),
        service: service.clone(),
        request_id,
    };
    let notify = |access: &JobAccess| Job::Notify {
        account,
        access: access.clone(),
        message: text.to_owned(),
        service: service.clone(),
        request_id,
    };
    let delete = Job::Delete {
        account,
        service: service.clone(),
        request_id,
    };
    [
        ("TrainJob", train(&inline)),
        ("TrainJobByReference", train(&ticket)),
        ("NotifyJob", notify(&inline)),
        ("NotifyJobByReference", notify(&ticket)),
        ("DeleteJob", delete),
    ]
}

#[test]
fn the_document_is_as_it_was() {
    let document = document(&World::new().catalogue);
    // Whether maps keep their order depends on what else is built.
    insta::with_settings!({ sort_maps => true }, {
        insta::assert_json_snapshot!(document);
    });
}

#[test]
fn every_reference_leads_somewhere_and_every_example_is_valid() {
    let text = lemon_worker::asyncapi(&World::new().catalogue);
    let document: Value = serde_json::from_str(&text).unwrap();
    let references = text.split("\"$ref\": \"#").skip(1);
    let references: Vec<_> = references
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(references.len(), 22);
    for reference in references {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas.len(), 7);
    for (name, schema) in schemas {
        assert!(validator(schema).is_valid(&schema["examples"][0]), "{name}");
        // What a worker gets for a ticket comes over no queue.
        if name != CREDENTIALS {
            assert_eq!(document["components"]["messages"][name]["name"], *name);
        }
    }
}

#[test]
fn every_queue_of_the_catalogue_has_a_channel() {
    let world = World::new();
    let channels = &document(&world.catalogue)["channels"];
    let queues = world.catalogue.queues();
    assert_eq!(channels.as_object().unwrap().len(), queues.len());
    for queue in queues {
        let channel = &channels[queue.as_str()];
        assert_eq!(channel["address"], queue.as_str());
        let dead_letters = &channel["bindings"]["sqs"]["deadLetterQueue"]["name"];
        assert_eq!(*dead_letters, queue.dead_letters());
    }
}

#[test]
fn every_job_is_of_its_schema_and_of_no_other() {
    let world = World::new();
    let schemas = &document(&world.catalogue)["components"]["schemas"];
    for (user_id, text) in [(1, "token"), (i64::MAX, "다 됐어요 \"🍋\"\n")] {
        for (name, job) in jobs(&world, user_id, text) {
            let body: Value = serde_json::from_str(&render(&job).unwrap()).unwrap();
            let messages = schemas.as_object().unwrap().iter();
            for (other, schema) in messages.filter(|(name, _)| *name != CREDENTIALS) {
                let is_valid = validator(schema).is_valid(&body);
                assert_eq!(is_valid, other == name, "{body} as {other}");
            }
            let fields = body.as_object().unwrap();
            for field in fields.keys() {
                assert!(!schemas[name]["properties"][field].is_null(), "{field}");
                let mut without = fields.clone();
                without.remove(field);
                assert!(
                    !validator(&schemas[name]).is_valid(&without.into()),
                    "{field}"
                );
            }
        }
    }
}

#[tokio::test]
async fn sent_messages_match_the_schema() {
    let world = World::new();
    world.registered(1).await;
    let stop = tokio_util::sync::CancellationToken::new();
    let relay = world.relay();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { relay.run(stop).await }
    });
    let queue = world.queues().train;
    let wait = std::time::Duration::from_secs(20);
    let sent = world.queue.receive(&queue, 1, wait).await.unwrap();
    stop.cancel();
    running.await.unwrap();
    let body: Value = serde_json::from_str(&sent[0].body).unwrap();
    let schema = &document(&world.catalogue)["components"]["schemas"]["TrainJob"];
    assert!(validator(schema).is_valid(&body), "{body}");
}

#[test]
fn the_listener_takes_what_the_schema_allows_and_nothing_else() {
    let world = World::new();
    let schema = &document(&world.catalogue)["components"]["schemas"]["ReadyMessage"];
    let (schema, listener) = (validator(schema), world.listener());
    let good = json!({
        "finished": "learn_me_trained", "oauth_user_id": 1, "oauth_type": "TWITTER",
        "service_name": "LEARNME", "request_id": REQUEST,
    });
    let with = |field: &str, value: Value| {
        let mut message = good.clone();
        message[field] = value;
        message
    };
    let without = |field: &str| {
        let mut message = good.clone();
        message.as_object_mut().unwrap().remove(field);
        message
    };
    let (mut taken, mut refused) = (0, 0);
    for message in [
        good.clone(),
        without("finished"),
        without("request_id"),
        without("oauth_user_id"),
        without("oauth_type"),
        without("service_name"),
        with("finished", json!(1)),
        with("more", json!({ "of": ["it"] })),
        with("oauth_user_id", json!(i64::MAX)),
        with("oauth_user_id", json!(0)),
        with("oauth_user_id", json!(-1)),
        with("oauth_user_id", json!(1.5)),
        with("oauth_user_id", json!("1")),
        with("oauth_user_id", Value::Null),
        with("oauth_type", json!("MYSPACE")),
        with("oauth_type", json!("twitter")),
        with("oauth_type", json!(1)),
        with("service_name", json!("DRAWME")),
        with("service_name", json!("learn_me")),
        with("service_name", json!("")),
        with("service_name", Value::Null),
        with("request_id", Value::Null),
        with("request_id", json!("")),
        with("request_id", json!("no uuid")),
        with("request_id", json!(1)),
        json!(null),
        json!([]),
        json!("ready"),
        json!({}),
    ] {
        let is_taken = listener.decode(&message.to_string()).is_ok();
        assert_eq!(is_taken, schema.is_valid(&message), "{message}");
        *(if is_taken { &mut taken } else { &mut refused }) += 1;
    }
    assert_eq!((taken, refused), (7, 22));
}
