use std::collections::BTreeMap;

use lemon_domain::{
    ports::MAX_RECEIVES,
    values::{Catalogue, QueueName, Service},
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::messages::{CredentialsSchema, JobBody, ReadyBody};

const DESCRIPTION: &str = "\
The messages between Lemon Toolbox and the workers: JSON in the bodies of standard SQS queues. Lemon Toolbox sends the jobs, and \
receives the ready messages. Delivery is at least once: a message may come late, twice and out of order. Ignore fields that you \
do not know. A job carries the person's credentials, or a ticket that a worker redeems for them (`JobCredentials`) at `POST \
/internal/credentials`, with a worker key as `Authorization: Bearer`. Each queue has a dead-letter queue, `<name>-dlq`.";

/// The schema that is of no message, but of what a worker gets for a ticket.
const CREDENTIALS: &str = "JobCredentials";

/// The attribute that names a trace.
const TRACEPARENT: &str = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}";

/// The messages of a queue, by what the queue is for.
struct Channel {
    messages: &'static [&'static str],
    role: &'static str,
    action: &'static str,
    queue: fn(&Service) -> &QueueName,
}

const CHANNELS: [Channel; 4] = [
    Channel {
        messages: &["TrainJob", "TrainJobByReference"],
        role: "train",
        action: "send",
        queue: |service| &service.queues.train,
    },
    Channel {
        messages: &["ReadyMessage"],
        role: "ready",
        action: "receive",
        queue: |service| &service.queues.ready,
    },
    Channel {
        messages: &["NotifyJob", "NotifyJobByReference"],
        role: "notify",
        action: "send",
        queue: |service| &service.queues.notify,
    },
    Channel {
        messages: &["DeleteJob"],
        role: "delete",
        action: "send",
        queue: |service| &service.queues.delete,
    },
];

/// The [AsyncAPI 3.0](https://www.asyncapi.com/docs/reference/specification/v3.0.0) document of the queues of these services. Its
/// `components.schemas` are the JSON Schemas (draft 07) of the messages, each of which can be used alone.
#[must_use]
pub fn asyncapi(catalogue: &Catalogue) -> String {
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for service in catalogue.iter() {
        for channel in &CHANNELS {
            let queue = (channel.queue)(service);
            channels.insert(queue.to_string(), channel.on(queue));
            let name = format!("{}_{}", channel.role, service.path.as_str());
            operations.insert(name, channel.operation(queue));
        }
    }
    let schemas = schemas(catalogue);
    let messages = schemas.iter().filter(|(title, _)| *title != CREDENTIALS);
    let messages: Map<_, _> = messages.map(message).collect();
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lemon Toolbox: the workers' queues",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    });
    format!("{document:#}")
}

impl Channel {
    /// The channel of a queue.
    fn on(&self, queue: &QueueName) -> Value {
        let dead_letters = queue.dead_letters();
        let reference = |message: &&str| {
            let reference = json!({ "$ref": format!("#/components/messages/{message}") });
            ((*message).to_owned(), reference)
        };
        let messages: Map<_, _> = self.messages.iter().map(reference).collect();
        json!({
            "address": queue.as_str(),
            "messages": messages,
            "bindings": { "sqs": {
                "queue": {
                    "name": queue.as_str(),
                    "fifoQueue": false,
                    "redrivePolicy": {
                        "deadLetterQueue": { "name": &dead_letters },
                        "maxReceiveCount": MAX_RECEIVES,
                    },
                },
                "deadLetterQueue": { "name": &dead_letters, "fifoQueue": false },
                "bindingVersion": "0.2.0",
            }},
        })
    }

    /// What Lemon Toolbox does with the messages of a queue.
    fn operation(&self, queue: &QueueName) -> Value {
        let messages = self.messages.iter();
        let messages = messages
            .map(|message| json!({ "$ref": format!("#/channels/{queue}/messages/{message}") }));
        json!({
            "action": self.action,
            "channel": { "$ref": format!("#/channels/{queue}") },
            "messages": messages.collect::<Vec<_>>(),
        })
    }
}

/// The JSON Schema of each message, by its title.
fn schemas(catalogue: &Catalogue) -> BTreeMap<String, Value> {
    let names: Vec<_> = catalogue.iter().map(|s| s.service_type.as_str()).collect();
    let generator = || SchemaGenerator::new(SchemaSettings::draft07());
    let jobs = generator().into_root_schema_for::<JobBody<'_>>();
    let ready = generator().into_root_schema_for::<ReadyBody>();
    let credentials = generator().into_root_schema_for::<CredentialsSchema>();
    let jobs = jobs.get("oneOf").and_then(Value::as_array).into_iter();
    jobs.flatten()
        .cloned()
        .chain([ready.to_value(), credentials.to_value()])
        .map(|mut schema| {
            schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
            schema["properties"]["service_name"]["enum"] = json!(names);
            let title = schema["title"].as_str().unwrap_or_default().to_owned();
            let mut example = example(&title);
            if title != CREDENTIALS {
                example["service_name"] = json!(names.first());
            }
            schema["examples"] = json!([example]);
            (title, schema)
        })
        .collect()
}

fn message((title, schema): (&String, &Value)) -> (String, Value) {
    let message = json!({
        "name": title,
        "title": title,
        "summary": schema["description"],
        "headers": headers(),
        "payload": { "$ref": format!("#/components/schemas/{title}") },
        "examples": [{ "payload": schema["examples"][0] }],
    });
    (title.clone(), message)
}

/// The message attributes, which a message may have beside its body.
fn headers() -> Value {
    json!({
        "type": "object",
        "properties": {
            "traceparent": {
                "type": "string",
                "pattern": TRACEPARENT,
                "description": "The trace that the message belongs to, as https://www.w3.org/TR/trace-context-1/ writes it. Pass it on.",
            },
            "tracestate": {
                "type": "string",
                "description": "What goes with it, as the same specification writes it. Pass it on.",
            },
        },
    })
}

/// An example of a ticket.
const TICKET: &str = "pAS0fWV2PAuQIUhYVaoNmRDlXoTcqkvBAArd4UjLDsY";

/// An example of a message, without the service.
fn example(title: &str) -> Value {
    let request_id = "8e03978e-40d5-43e8-bc93-6894a57f9324";
    match title {
        "TrainJob" => json!({
            "finished": "spring_request_fetch_tweet",
            "user_id": "783214",
            "access_token": "783214-token",
            "access_secret": "secret",
            "request_id": request_id,
        }),
        "NotifyJob" => json!({
            "finished": "spring_success_marking",
            "user_id": "783214",
            "access_token": "783214-token",
            "access_secret": "secret",
            "message": "Your chatbot is ready.",
            "request_id": request_id,
        }),
        "TrainJobByReference" => json!({
            "finished": "spring_request_fetch_tweet",
            "user_id": "783214",
            "ticket": TICKET,
            "request_id": request_id,
        }),
        "NotifyJobByReference" => json!({
            "finished": "spring_success_marking",
            "user_id": "783214",
            "ticket": TICKET,
            "message": "Your chatbot is ready.",
            "request_id": request_id,
        }),
        CREDENTIALS => json!({
            "user_id": "783214",
            "access_token": "783214-token",
            "access_secret": "secret",
        }),
        "DeleteJob" => json!({
            "finished": "spring_request_delete",
            "user_id": "783214",
            "request_id": request_id,
        }),
        _ => json!({
            "finished": "learn_me_trained",
            "oauth_user_id": 783_214,
            "oauth_type": "TWITTER",
            "request_id": request_id,
        }),
    }
}
